"""HARD_SWISH: x min(max(x + 3, 0), 6) / 6."""

from __future__ import annotations

import numpy as np

from tinyproof.codegen.arithmetic import quantize_multiplier
from tinyproof.codegen.fixed_point import divide_by_power, wrap
from tinyproof.codegen.layer import Layer
from tinyproof.codegen.node import Node
from tinyproof.codegen.operators.elementwise import (
    elementwise,
    float_ratio,
    lookup,
    variant_of,
)

RELUISH_SCALE = float(np.float32(3) / np.float32(32768))
"""Scale of min(max(x + 3, 0), 6) / 6 - 1/2 times 3 in 16 bits."""


def lower(node: Node) -> list[Layer]:
    """Return the one layer of a HARD_SWISH, int8 or float32."""
    if variant_of(node) == "f32":
        return elementwise(node, "hard_swish", "f32")
    input_scale, input_zero = node.scale(node.input(0))
    output_scale, output_zero = node.scale(node.output())
    fine = float(np.float32(1 / 128) * np.float32(input_scale))
    output = _multiplier_s16(float_ratio(fine, divisor=output_scale))
    reluish = _multiplier_s16(float_ratio(fine, divisor=RELUISH_SCALE))
    node.require(output[1] <= 0, "its output scale is at most 1/128 of its input scale")
    return lookup(node, lambda value: _s16(value - input_zero, output, reluish) + output_zero)


def _multiplier_s16(real: float) -> tuple[int, int]:
    """Return (multiplier, shift): ``real`` is about multiplier x 2^(shift - 15)."""
    multiplier, shift = quantize_multiplier(real)
    return min(32767, (multiplier + (1 << 15)) >> 16), shift


def _s16(centered: int, output: tuple[int, int], reluish: tuple[int, int]) -> int:
    """Return the output less its zero point, as TensorFlow Lite's reference computes it.

    Source: ``reference_ops::HardSwish`` for quantized types; all steps in 16 bits.
    """
    fine = centered * 128
    multiplier, shift = reluish
    gate = _saturate(fine << max(0, shift - 1))
    gate = _high_multiply(gate, multiplier)
    gate = _saturate(gate << 1) if shift > 0 else _divide(gate, -shift)
    gate = (gate + (1 << 15)) >> 1
    product = gate * _high_multiply(fine, output[0])
    return _divide(abs(product) // (1 << 15) * (1 if product >= 0 else -1), -output[1])


def _saturate(value: int) -> int:
    return max(-32768, min(32767, value))


def _high_multiply(a: int, b: int) -> int:
    return _saturate((a * b + (1 << 14)) >> 15)


def _divide(value: int, exponent: int) -> int:
    """Return ``value`` / 2^``exponent``, halves away from zero; beyond 15 as LiteRT's overflows."""
    if exponent <= 15:
        return divide_by_power(value, exponent)
    return wrap(-1 if value < 0 else 1, 16)
