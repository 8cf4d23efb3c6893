"""DEPTHWISE_CONV_2D: one filter per channel, or a convolution of as many groups as channels."""

from __future__ import annotations

import numpy as np

from tinyproof.codegen.layer import Array, Layer
from tinyproof.codegen.node import Node
from tinyproof.codegen.operators.conv_2d import convolution, matrix, read_shapes
from tinyproof.graph import TensorType
from tinyproof.graph.options import DepthwiseConv2DOptions


def lower(node: Node) -> list[Layer]:
    """Return the one layer of a DEPTHWISE_CONV_2D, any depth multiplier, int8 or float32."""
    node.count((2, 3))
    options = node.options(DepthwiseConv2DOptions)
    source, kernel = node.activation_input(0), node.input(1)
    node.image(source)
    node.image(kernel)
    channels = source.shape[3]
    one, filter_h, filter_w, filters = kernel.shape
    node.require(one == 1, f"its filter has the shape {list(kernel.shape)}")
    node.require(
        filters % channels == 0,
        f"its {filters} filters are no multiple of its {channels} input channels",
    )
    plain = filters == channels
    groups = 1 if plain else channels
    shapes = read_shapes(node, options, filters, (filter_h, filter_w), groups)
    weights = np.ascontiguousarray(node.constant(1).reshape(-1, filters).T)
    matvec = matrix(node, weights, options, groups, axis=3)
    if plain and kernel.type is TensorType.FLOAT32:
        matvec["weights"] = Array("weights", weights.reshape(-1))
    return [convolution(node, "depthwise_conv_2d" if plain else "conv_2d", shapes, options, matvec)]
