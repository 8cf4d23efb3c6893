"""PRELU with constant slopes, one for each channel or any that broadcast to the input."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen.layer import Array, Layer, Value
from tinyproof.codegen.node import Node
from tinyproof.codegen.operators.elementwise import elementwise, float_ratio, signed_multiplier

MAX_RANK = 4


def lower(node: Node) -> list[Layer]:
    """Return the one layer of a PRELU, int8 or float32."""
    node.count((2,))
    source, alpha, output = node.activation_input(0), node.input(1), node.output()
    node.require(len(source.shape) <= MAX_RANK, f"its input has {len(source.shape)} dimensions")
    node.shape(output, source.shape)
    variant = node.variant(source, alpha, output)
    slopes = _repeated(node, source.shape)
    parameters: dict[str, Value] = {"period": slopes.size, "alpha": Array("alpha", slopes)}
    if variant == "s8":
        parameters |= _rescaling(node)
    return elementwise(node, "prelu", variant, parameters)


def _repeated(node: Node, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the slopes of the last dimensions that they do not repeat along, one by one."""
    slopes = node.constant(1)
    padded = (1,) * (len(shape) - slopes.ndim) + slopes.shape
    fits = len(padded) == len(shape) and all(
        size in (1, wanted) for size, wanted in zip(padded, shape, strict=True)
    )
    node.require(fits, f"its alpha has the shape {list(slopes.shape)}, its input {list(shape)}")
    start = next((axis for axis, size in enumerate(padded) if size > 1), len(shape))
    return np.broadcast_to(slopes.reshape(padded[start:]), shape[start:]).reshape(-1)


def _rescaling(node: Node) -> dict[str, Value]:
    input_scale, input_zero = node.scale(node.input(0))
    alpha_scale, alpha_zero = node.scale(node.input(1))
    output_scale, output_zero = node.scale(node.output())
    plain = signed_multiplier(node, float_ratio(input_scale, divisor=output_scale))
    slope = signed_multiplier(node, float_ratio(input_scale, alpha_scale, divisor=output_scale))
    return {
        "multiplier": plain[0],
        "shift": plain[1],
        "alpha_multiplier": slope[0],
        "alpha_shift": slope[1],
        "input_zero": input_zero,
        "alpha_zero": alpha_zero,
        "output_zero": output_zero,
    }
