"""Shapes that the file leaves open beyond the batch, as computed by the operators themselves.

Converters lose sight of dimensions behind a RESHAPE to a computed shape; LiteRT finds them when it
prepares the model. Here the folding of constants makes those shapes known, and the lowerings tell
the others: each computes what its outputs must be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from tinyproof.codegen.node import Node
from tinyproof.codegen.operators import LOWERINGS
from tinyproof.errors import UnsupportedModelError
from tinyproof.graph import Tensor
from tinyproof.graph.options import ReshapeOptions, SqueezeOptions
from tinyproof.graph.reader import MAX_TENSOR_BYTES


def inferred(node: Node) -> list[Tensor]:
    """Return those outputs of ``node`` that get another shape than the file declares."""
    outputs = [node.graph.tensors[index] for index in node.operator.outputs]
    if not any(axis != 0 for output in outputs for axis in output.free_dims):
        return []
    observer = _Observer(node.graph, node.operator)
    if node.operator.name in _RESHAPED:
        observer.shape(node.output(), _RESHAPED[node.operator.name](node))
    elif node.operator.name in LOWERINGS:
        # What it refuses is refused for its reason when it is lowered.
        with suppress(UnsupportedModelError):
            LOWERINGS[node.operator.name](observer)
    return observer.found


@dataclass(frozen=True, eq=False)
class _Observer(Node):
    """A node that takes the shapes its lowering demands of open dimensions, and notes them."""

    found: list[Tensor] = field(default_factory=list)

    def shape(self, tensor: Tensor, wanted: tuple[int, ...]) -> None:
        """Note that ``tensor`` has the shape ``wanted``, if the file leaves that open."""
        known = tuple(
            size if axis in tensor.free_dims else tensor.shape[axis]
            for axis, size in enumerate(wanted[: len(tensor.shape)])
        )
        if known != wanted or min(wanted, default=1) < 1:
            super().shape(tensor, wanted)
        size = math.prod(wanted) * tensor.dtype.itemsize
        self.require(size <= MAX_TENSOR_BYTES, f"tensor {tensor.index} takes {size} bytes")
        if wanted != tensor.shape:
            self.found.append(replace(tensor, shape=wanted))


def _reshaped(node: Node) -> tuple[int, ...]:
    """Return the shape that a RESHAPE makes; one dimension may be -1, what is left."""
    node.count((1, 2))
    if node.optional(1) is not None:
        target = node.constant(1)
        node.require(target.dtype.kind == "i" and target.ndim == 1, "its shape is no list")
        sizes = [int(size) for size in target[:9]]
    else:
        sizes = list(node.options(ReshapeOptions).new_shape)
    elements = node.input(0).elements
    known = math.prod(size for size in sizes if size != -1)
    if sizes.count(-1) == 1 and known > 0:
        sizes[sizes.index(-1)] = elements // known
    return tuple(sizes)


def _expanded(node: Node) -> tuple[int, ...]:
    """Return the shape that an EXPAND_DIMS makes."""
    node.count((2,))
    shape, where = list(node.input(0).shape), node.constant(1)
    node.require(where.size == 1 and where.dtype.kind == "i", "its axis is not one integer")
    axis = int(where.reshape(-1)[0])
    node.require(-len(shape) - 1 <= axis <= len(shape), f"it has the axis {axis}")
    shape.insert(axis if axis >= 0 else axis + len(shape) + 1, 1)
    return tuple(shape)


def _squeezed(node: Node) -> tuple[int, ...]:
    """Return the shape that a SQUEEZE makes: without the axes named, or without any of size 1."""
    node.count((1,))
    shape = node.input(0).shape
    named = node.options(SqueezeOptions).squeeze_dims
    axes = {axis + len(shape) if axis < 0 else axis for axis in named}
    gone = axes or {axis for axis, size in enumerate(shape) if size == 1}
    return tuple(size for axis, size in enumerate(shape) if axis not in gone)


_RESHAPED: Mapping[str, Callable[[Node], tuple[int, ...]]] = {
    "EXPAND_DIMS": _expanded,
    "RESHAPE": _reshaped,
    "SQUEEZE": _squeezed,
}
"""Operators without a lowering; that the elements stay as many is checked where they are used."""
