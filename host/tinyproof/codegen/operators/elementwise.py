"""What operators that map each element by itself have in common; int8 ones become a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from tinyproof.codegen.arithmetic import quantize_multiplier, round_half_away
from tinyproof.codegen.layer import Array, Layer, Value
from tinyproof.codegen.node import Node

INT8 = range(-128, 128)

MAX_INVERSE_SCALE = float(1 << 24)
"""Keeps outputs, measured in their scale, far from the end of 32 bits."""


def variant_of(node: Node) -> str:
    """Return ``s8`` or ``f32`` for an operator of one input, its shapes and types checked."""
    node.count((1,))
    source, output = node.activation_input(0), node.output()
    node.shape(output, source.shape)
    return node.variant(source, output)


def elementwise(
    node: Node, kernel: str, variant: str, parameters: Mapping[str, Value] | None = None
) -> list[Layer]:
    """Return the one layer in which ``kernel`` maps each element of input 0."""
    source = node.input(0)
    return [
        Layer(
            kernel,
            variant,
            {"count": source.elements, **(parameters or {})},
            (source.index,),
            node.output().index,
            (node.operator,),
            in_place=(source.index,),
        )
    ]


def lookup(node: Node, function: Callable[[int], int]) -> list[Layer]:
    """Return the one layer that looks ``function`` (int8 to any integer, limited here) up."""
    values = [max(-128, min(127, function(value))) for value in INT8]
    return elementwise(node, "lut", "s8", {"table": Array("table", np.array(values, np.int8))})


def lookup_real(node: Node, function: Callable[[np.float32], np.float32]) -> list[Layer]:
    """Return the one layer that looks up a bounded ``function`` of real numbers.

    As LiteRT fills its tables: in float32, halves rounded away from zero
    (``LUTPopulate`` in TensorFlow Lite's ``kernels/internal/common.h``).
    """
    input_scale, input_zero = node.scale(node.input(0))
    output_scale, output_zero = node.scale(node.output())
    inverse = 1 / output_scale
    node.require(inverse <= MAX_INVERSE_SCALE, f"its output has the scale {output_scale:g}")

    def rounded(value: int) -> int:
        real = np.float32(input_scale) * np.float32(value - input_zero)
        return round_half_away(float(function(real) * np.float32(inverse))) + output_zero

    with np.errstate(over="ignore"):
        return lookup(node, rounded)


def signed_multiplier(node: Node, real: float) -> tuple[int, int]:
    """Return (multiplier, shift) for a ``real`` of either sign; refuse one beyond 32 bits."""
    node.require(math.isfinite(real), "its scales are too far apart")
    multiplier, shift = quantize_multiplier(abs(real))
    node.require(shift <= 30, "its scales are too far apart")
    return (-multiplier if real < 0 else multiplier), shift


def float_ratio(*factors: float, divisor: float) -> float:
    """Return the product of ``factors`` over ``divisor``, each step in float32 as LiteRT's."""
    result = np.float32(factors[0])
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        for factor in factors[1:]:
            result = np.float32(result * np.float32(factor))
        return float(result / np.float32(divisor))
