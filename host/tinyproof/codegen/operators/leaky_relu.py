"""LEAKY_RELU."""

from __future__ import annotations

import math

from tinyproof.codegen.fixed_point import multiply
from tinyproof.codegen.layer import Layer
from tinyproof.codegen.node import Node
from tinyproof.codegen.operators.elementwise import (
    elementwise,
    float_ratio,
    lookup,
    signed_multiplier,
    variant_of,
)
from tinyproof.graph.options import LeakyReluOptions


def lower(node: Node) -> list[Layer]:
    """Return the one layer of a LEAKY_RELU, int8 or float32; alpha may have any sign."""
    variant = variant_of(node)
    alpha = node.options(LeakyReluOptions).alpha
    node.require(math.isfinite(alpha), f"its alpha is {alpha}")
    if variant == "f32":
        return elementwise(node, "leaky_relu", "f32", {"alpha": alpha})
    input_scale, input_zero = node.scale(node.input(0))
    output_scale, output_zero = node.scale(node.output())
    above = signed_multiplier(node, float_ratio(input_scale, divisor=output_scale))
    below = signed_multiplier(node, float_ratio(input_scale, alpha, divisor=output_scale))

    def leaky(value: int) -> int:
        centered = value - input_zero
        return multiply(centered, *(above if centered >= 0 else below)) + output_zero

    return lookup(node, leaky)
