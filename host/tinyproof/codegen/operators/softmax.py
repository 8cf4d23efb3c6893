"""SOFTMAX over the last dimension."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen.arithmetic import quantize_multiplier
from tinyproof.codegen.fixed_point import exp_of_negative, high_multiply
from tinyproof.codegen.layer import Array, Layer, Value
from tinyproof.codegen.node import Node
from tinyproof.graph.options import SoftmaxOptions

INTEGER_BITS = 5
"""Exponents are taken in Q5: from -32 to 0."""

VANISHES = 1 << 11
"""Exponentials below this (31 fraction bits) add nothing to a sum and give the output 0."""

MAX_DEPTH_S8 = 4095
"""Longest row whose exponentials, 19 fraction bits, add up in 31 bits."""


def lower(node: Node) -> list[Layer]:
    """Return the one layer of a SOFTMAX, int8 or float32."""
    node.count((1,))
    options = node.options(SoftmaxOptions)
    source, output = node.activation_input(0), node.output()
    node.require(1 <= len(source.shape) <= 4, f"its input has {len(source.shape)} dimensions")
    node.shape(output, source.shape)
    variant = node.variant(source, output)
    depth = source.shape[-1]
    parameters: dict[str, Value] = {"rows": source.elements // depth, "depth": depth}
    if variant == "s8":
        node.require(depth <= MAX_DEPTH_S8, f"its rows of {depth} values may overflow 32 bits")
        table = _table_s8(node, options.beta)
        parameters |= {"size": table.size, "table": Array("exponentials", table)}
    else:
        node.require(0 <= options.beta < math.inf, f"its beta is {options.beta}")
        parameters["beta"] = options.beta
    return [
        Layer(
            "softmax",
            variant,
            parameters,
            (source.index,),
            output.index,
            (node.operator,),
            in_place=(source.index,),
        )
    ]


def _table_s8(node: Node, beta: float) -> NDArray[np.int32]:
    """Return exp(-n x scale x beta), 31 fraction bits, for n from 0 up to where it vanishes."""
    scale, zero_point = node.scale(node.output())
    node.require(
        abs(scale * 256 - 1) <= 1e-3 and zero_point == -128,
        f"its output has the scale {scale:g} and the zero point {zero_point}"
        " instead of 1/256 and -128",
    )
    fraction = 31 - INTEGER_BITS
    real = beta * node.scale(node.input(0))[0] * (1 << fraction)
    node.require(1 < real < math.inf, f"its beta, {beta:g}, times its input scale is out of range")
    multiplier, shift = quantize_multiplier(min(real, float((1 << 31) - 1)))
    radius = (((1 << INTEGER_BITS) - 1) << fraction) >> shift
    inputs = (high_multiply(-n << shift, multiplier) for n in range(min(256, radius + 1)))
    values = [exp_of_negative(value, INTEGER_BITS) for value in inputs]
    size = max(n for n, value in enumerate(values, 1) if value >= VANISHES)
    return np.array(values[:size], np.int32)
