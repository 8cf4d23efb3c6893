"""Bring a graph into the form that lowering expects: constants computed, reshapes made aliases.

Free batch dimensions are taken as 1, which makes every shape known, so that the chains of SHAPE,
STRIDED_SLICE and PACK that converters write around Flatten become constants and vanish.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen.infer import inferred
from tinyproof.codegen.node import Node
from tinyproof.codegen.slices import slice_axes
from tinyproof.errors import UnsupportedModelError
from tinyproof.graph import Graph, Operator, Tensor
from tinyproof.graph.options import Activation, ConcatenationOptions, PackOptions

Fold = Callable[[Node], "NDArray[Any] | None"]
"""Returns the operator's output if that is constant, None if it is not."""

ALIASES = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
"""Operators whose output is their first input under another shape: the same memory."""

MAX_PACKED = 1024
"""Most numbers that PACK may join; shapes have a handful. Bounds what a file can make us hold."""


@dataclass(frozen=True, eq=False)
class Normalised:
    """A graph without operators that need no code.

    Attributes:
        graph: with the remaining operators; folded tensors carry their values.
        aliases: tensor -> the tensor whose memory it shares, followed to the end.
    """

    graph: Graph
    aliases: Mapping[int, int]


def normalise(graph: Graph) -> Normalised:
    """Return ``graph`` with constants folded and reshapes turned into aliases.

    Raises:
        UnsupportedModelError: a dimension other than the batch is free.
    """
    _check_free_dims(graph)
    tensors = list(graph.tensors)
    kept: list[Operator] = []
    aliases: dict[int, int] = {}
    for operator in graph.operators:
        node = Node(replace(graph, tensors=tuple(tensors)), operator)
        for tensor in inferred(node):
            tensors[tensor.index] = tensor
            node = Node(replace(graph, tensors=tuple(tensors)), operator)
        value = _fold(node)
        if value is not None:
            tensors[operator.outputs[0]] = replace(node.output(), data=value)
        elif operator.name in ALIASES:
            source = _alias_source(node)
            aliases[operator.outputs[0]] = aliases.get(source, source)
        else:
            kept.append(operator)
    return Normalised(replace(graph, tensors=tuple(tensors), operators=tuple(kept)), aliases)


def _check_free_dims(graph: Graph) -> None:
    for index in graph.inputs:
        tensor = graph.tensors[index]
        if any(axis != 0 for axis in tensor.free_dims):
            raise UnsupportedModelError(
                f"dimension {tensor.free_dims[-1]} of its input {tensor.name!r} is free;"
                " only the batch may be",
                hint="Convert the model with a fixed input shape.",
            )


def _fold(node: Node) -> NDArray[Any] | None:
    fold = FOLDS.get(node.operator.name)
    if fold is None or len(node.operator.outputs) != 1:
        return None
    value = fold(node)
    if value is None:
        return None
    output = node.output()
    node.require(value.dtype == output.dtype, f"its result is not {output.type.name.lower()}")
    node.shape(output, value.shape)
    return value


def _alias_source(node: Node) -> int:
    node.count((1, 2))
    source, output = node.input(0), node.output()
    same = source.type == output.type and source.elements == output.elements
    node.require(same, "its output does not hold as many elements as its input")
    return source.index


def _constants(node: Node) -> list[NDArray[Any]] | None:
    """Return the values of all inputs, None unless every one is constant."""
    data = [node.input(position).data for position in range(len(node.operator.inputs))]
    known = [values for values in data if values is not None]
    return known if known and len(known) == len(data) else None


def _shape(node: Node) -> NDArray[Any]:
    return np.array(node.input(0).shape, node.output().dtype)


def _reshape(node: Node) -> NDArray[Any] | None:
    data = node.input(0).data
    if data is None:
        return None
    _alias_source(node)
    return data.reshape(node.output().shape)


def _pack(node: Node) -> NDArray[Any] | None:
    values = _constants(node)
    if values is None:
        return None
    axis = node.options(PackOptions).axis
    rank = values[0].ndim
    elements = sum(value.size for value in values)
    node.require(elements <= MAX_PACKED, f"it packs {elements} constant numbers")
    node.require(len({value.shape for value in values}) == 1, "its inputs differ in shape")
    node.require(-rank - 1 <= axis <= rank, f"it has the axis {axis}")
    return np.stack(values, axis)


def _arithmetic(node: Node) -> NDArray[Any] | None:
    """Return what an operator makes of two constant shapes; LiteRT's integers wrap around."""
    values = _constants(node)
    if values is None or any(array.dtype.kind != "i" or array.itemsize < 4 for array in values):
        return None
    node.count((2,))
    fused = getattr(node.operator.options, "activation", Activation.NONE)
    node.require(fused is Activation.NONE, f"it fuses {fused.name} into whole numbers")
    node.require(max(array.size for array in values) <= MAX_PACKED, "it has many whole numbers")
    node.require(values[0].dtype == values[1].dtype, "its element types are mixed")
    try:
        with np.errstate(over="ignore"):
            result: NDArray[Any] = np.asarray(ARITHMETIC[node.operator.name](*values))
    except ValueError as error:
        raise node.refusal("its shapes do not broadcast") from error
    node.require(result.size <= MAX_PACKED, "it makes many whole numbers")
    return result


def _concatenation(node: Node) -> NDArray[Any] | None:
    """Return constant shapes joined."""
    values = _constants(node)
    if values is None or any(array.dtype.kind != "i" or array.itemsize < 4 for array in values):
        return None
    options = node.options(ConcatenationOptions)
    node.require(options.activation is Activation.NONE, "it fuses an activation")
    elements = sum(array.size for array in values)
    node.require(elements <= MAX_PACKED, f"it joins {elements} constant numbers")
    node.require(len({array.dtype for array in values}) == 1, "its element types are mixed")
    try:
        return np.concatenate(values, options.axis)
    except ValueError as error:
        raise node.refusal("its inputs do not fit together") from error


def _half(node: Node) -> NDArray[Any] | None:
    """Return constant float16 weights as float32, which is exact; other DEQUANTIZE stay."""
    data = node.input(0).data
    return data.astype(np.float32) if data is not None and data.dtype == np.float16 else None


def _strided_slice(node: Node) -> NDArray[Any] | None:
    values = _constants(node)
    if values is None:
        return None
    axes = slice_axes(node)
    indices = [axis.start + axis.stride * np.arange(axis.count) for axis in axes]
    data = values[0].reshape([axis.length for axis in axes])
    return data[np.ix_(*indices)].reshape([axis.count for axis in axes if axis.keep])


ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "ADD": np.add,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "MUL": np.multiply,
    "SUB": np.subtract,
}
"""Operators on shapes, which are whole numbers."""

FOLDS: Mapping[str, Fold] = {
    **dict.fromkeys(ARITHMETIC, _arithmetic),
    "CONCATENATION": _concatenation,
    "DEQUANTIZE": _half,
    "EXPAND_DIMS": _reshape,
    "PACK": _pack,
    "RESHAPE": _reshape,
    "SHAPE": _shape,
    "SQUEEZE": _reshape,
    "STRIDED_SLICE": _strided_slice,
}
"""Operators whose output is computed here when it does not depend on the model's input."""


def root_of(aliases: Mapping[int, int], tensor: Tensor | int) -> int:
    """Return the tensor whose memory ``tensor`` uses, itself unless it is an alias."""
    index = tensor if isinstance(tensor, int) else tensor.index
    return aliases.get(index, index)
