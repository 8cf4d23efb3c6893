"""ARG_MAX."""

from __future__ import annotations

from math import prod

from tinyproof.codegen.layer import Layer
from tinyproof.codegen.node import Node
from tinyproof.graph import TensorType
from tinyproof.graph.options import ArgMaxOptions


def lower(node: Node) -> list[Layer]:
    """Return the one layer of an ARG_MAX of int8 or float32, with int32 or int64 output."""
    node.count((2,))
    source, output = node.activation_input(0), node.output()
    shape, rank = source.shape, len(source.shape)
    where = node.constant(1)
    node.require(where.size == 1 and where.dtype.kind == "i", "its axis is not one integer")
    axis = int(where.reshape(-1)[0])
    node.require(-rank <= axis < rank, f"it has the axis {axis}")
    axis %= rank
    node.shape(output, shape[:axis] + shape[axis + 1 :])
    kind = output.type
    integers = kind in (TensorType.INT32, TensorType.INT64)
    same = int(kind) == node.options(ArgMaxOptions).output_type
    node.require(integers and same, f"its output is {kind.name.lower()}")
    parameters = {
        "outer": prod(shape[:axis]),
        "inner": prod(shape[axis + 1 :]),
        "size": shape[axis],
        "words": output.dtype.itemsize // 4,
    }
    variant = node.variant(source)
    return [Layer("arg_max", variant, parameters, (source.index,), output.index, (node.operator,))]
