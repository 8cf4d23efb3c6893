"""The one table of operators that engine ``aot`` carries out.

To add one: a kernel in ``firmware/lib/nn``, a lowering in a module here, a line in ``LOWERINGS``,
a test (``docs/add-an-operator.md``). RESHAPE and its like need no code: see
``codegen/normalise.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tinyproof.codegen.layer import Layer
from tinyproof.codegen.node import Node
from tinyproof.codegen.operators import (
    arg_max,
    binary,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    hard_swish,
    leaky_relu,
    logistic,
    max_pool_2d,
    mean,
    movement,
    prelu,
    quantize,
    relu,
    resize_nearest_neighbor,
    softmax,
)

Lowering = Callable[[Node], list[Layer]]
"""Checks one operator and returns its layers, each writing one tensor; may refuse it."""

Fusion = Callable[[Layer, Node], Layer | None]
"""Returns one layer for a layer and the operator that alone reads its output; None if it cannot."""

LOWERINGS: Mapping[str, Lowering] = {
    "ADD": binary.lower_add,
    "ARG_MAX": arg_max.lower,
    "AVERAGE_POOL_2D": max_pool_2d.lower_average,
    "CONCATENATION": movement.lower_concatenation,
    "CONV_2D": conv_2d.lower,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d.lower,
    "DEQUANTIZE": quantize.lower_dequantize,
    "FULLY_CONNECTED": fully_connected.lower,
    "HARD_SWISH": hard_swish.lower,
    "LEAKY_RELU": leaky_relu.lower,
    "LOGISTIC": logistic.lower_logistic,
    "MAX_POOL_2D": max_pool_2d.lower,
    "MAXIMUM": binary.lower_maximum,
    "MEAN": mean.lower,
    "MINIMUM": binary.lower_minimum,
    "MUL": binary.lower_mul,
    "PACK": movement.lower_pack,
    "PAD": movement.lower_pad,
    "PADV2": movement.lower_pad,
    "PRELU": prelu.lower,
    "QUANTIZE": quantize.lower_quantize,
    "RELU": relu.lower_relu,
    "RELU6": relu.lower_relu6,
    "RELU_N1_TO_1": relu.lower_relu_n1_to_1,
    "RESIZE_NEAREST_NEIGHBOR": resize_nearest_neighbor.lower,
    "SPLIT": movement.lower_split,
    "STRIDED_SLICE": movement.lower_strided_slice,
    "SOFTMAX": softmax.lower,
    "SUB": binary.lower_sub,
    "TANH": logistic.lower_tanh,
    "TILE": movement.lower_tile,
    "TRANSPOSE": movement.lower_transpose,
}

FUSIONS: Mapping[str, Fusion] = {
    "MAX_POOL_2D": conv_2d.fuse_max_pool,
}
"""By the name of the second operator."""
