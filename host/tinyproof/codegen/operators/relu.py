"""RELU, RELU6 and RELU_N1_TO_1 as operators of their own."""

from __future__ import annotations

from functools import partial

from tinyproof.codegen.arithmetic import activation_range_f32, activation_range_s8
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
from tinyproof.graph.options import Activation


def _lower(activation: Activation, node: Node) -> list[Layer]:
    """Return the one layer of a clamp, float32 or int8, the latter of any two scales."""
    if variant_of(node) == "f32":
        low_f32, high_f32 = activation_range_f32(activation)
        return elementwise(node, "relu", "f32", {"low": low_f32, "high": high_f32})
    source, output = node.scale(node.input(0)), node.scale(node.output())
    low, high = activation_range_s8(activation, *output)
    if source == output and low <= high:
        return elementwise(node, "relu", "s8", {"low": low, "high": high})
    multiplier, shift = signed_multiplier(node, float_ratio(source[0], divisor=output[0]))

    def clamped(value: int) -> int:
        scaled = multiply(value - source[1], multiplier, shift) + output[1]
        return min(high, max(low, scaled))

    return lookup(node, clamped)


lower_relu = partial(_lower, Activation.RELU)
lower_relu6 = partial(_lower, Activation.RELU6)
lower_relu_n1_to_1 = partial(_lower, Activation.RELU_N1_TO_1)
