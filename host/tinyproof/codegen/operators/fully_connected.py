"""FULLY_CONNECTED."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from tinyproof.codegen.layer import Array, Layer
from tinyproof.codegen.node import Node
from tinyproof.codegen.operators.matvec import interleave, matvec_f32, matvec_s8
from tinyproof.graph.options import FullyConnectedOptions


def lower(node: Node) -> list[Layer]:
    """Return the one layer of a FULLY_CONNECTED, int8 (per tensor or per channel) or float32."""
    node.count((2, 3))
    options = node.options(FullyConnectedOptions)
    node.require(options.weights_format == 0, "its weights are shuffled")
    source, weights, output = node.activation_input(0), node.input(1), node.output()
    node.rank(weights, 2)
    node.require(len(output.shape) >= 1, "its output is a scalar")
    variant = node.variant(source, weights, output)
    channels, depth = weights.shape
    batch = output.elements // channels
    node.require(
        output.shape[-1] == channels and source.elements == batch * depth,
        f"its shapes {list(source.shape)}, {list(weights.shape)}, {list(output.shape)} disagree",
    )
    matrix: NDArray[Any] = node.constant(1)
    if variant == "s8":
        matvec = matvec_s8(node, matrix, weights, options.activation, "tp_requantize_once")
    else:
        matvec = matvec_f32(node, matrix, options.activation)
    matvec["weights"] = Array("weights", interleave(matrix))
    layer = Layer(
        "fully_connected",
        variant,
        {"matvec": matvec, "batch": batch},
        (source.index,),
        output.index,
        (node.operator,),
        macs=batch * channels * depth,
    )
    return [layer]
