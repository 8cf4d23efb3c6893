"""MEAN over any dimensions that form at most two separate groups."""

from __future__ import annotations

import math
from itertools import groupby

from tinyproof.codegen.layer import Layer, Value
from tinyproof.codegen.node import Node
from tinyproof.codegen.operators.elementwise import signed_multiplier
from tinyproof.graph import Tensor, TensorType
from tinyproof.graph.options import ReducerOptions

MAX_COUNT_S8 = 1 << 23
"""Most int8 values less a zero point whose sum always fits 32 bits."""

SLOTS = (("outer", False), ("first", True), ("middle", False), ("second", True), ("inner", False))
"""Members of ``tp_mean_shape_t`` and whether the mean is taken over them."""


def lower(node: Node) -> list[Layer]:
    """Return the one layer of a MEAN, int8 or float32."""
    node.count((2,))
    source, output = node.activation_input(0), node.output()
    axes = _axes(node, source)
    keep = node.options(ReducerOptions).keep_dims
    kept = [1 if axis in axes else size for axis, size in enumerate(source.shape)]
    dropped = [size for axis, size in enumerate(source.shape) if axis not in axes]
    node.shape(output, tuple(kept if keep else dropped))
    variant = node.variant(source, output)
    parameters: dict[str, Value] = {"shape": _shape(node, source, axes)}
    if variant == "s8":
        parameters |= _rescaling(node, source.elements // output.elements)
    return [Layer("mean", variant, parameters, (source.index,), output.index, (node.operator,))]


def _axes(node: Node, source: Tensor) -> frozenset[int]:
    """Return the dimensions that input 1 names, counted from the first."""
    node.require(node.input(1).type is TensorType.INT32, "its axes are not int32")
    values = node.constant(1).reshape(-1).tolist()
    rank = len(source.shape)
    node.require(all(-rank <= axis < rank for axis in values), f"it has the axes {values}")
    return frozenset(axis % rank for axis in values)


def _shape(node: Node, source: Tensor, axes: frozenset[int]) -> dict[str, Value]:
    """Return the members of ``tp_mean_shape_t``: neighbours alike joined, the last ones last."""
    sizes = [(axis in axes, size) for axis, size in enumerate(source.shape) if size > 1]
    groups = [
        (reduced, math.prod(size for _, size in group))
        for reduced, group in groupby(sizes, key=lambda item: item[0])
    ]
    shape: dict[str, Value] = {}
    for name, reduced in reversed(SLOTS):
        fits = bool(groups) and groups[-1][0] == reduced
        shape[name] = groups.pop()[1] if fits else 1
    node.require(not groups, "its axes form more than two separate groups")
    return shape


def _rescaling(node: Node, count: int) -> dict[str, Value]:
    """Return how a sum of ``count`` becomes a mean: the division is part of the multiplier.

    Source: ``reference_ops::QuantizedMeanOrSum`` in TensorFlow Lite.
    """
    node.require(count <= MAX_COUNT_S8, f"its sums of {count} values may overflow 32 bits")
    input_scale, input_zero = node.scale(node.input(0))
    output_scale, output_zero = node.scale(node.output())
    multiplier, shift = signed_multiplier(node, input_scale / output_scale)
    bits = min(count.bit_length() - 1, 31 + shift)
    return {
        "bias": -input_zero * count,
        "multiplier": (multiplier << bits) // count,
        "shift": shift - bits,
        "output_zero": output_zero,
    }
