"""Which elements STRIDED_SLICE selects, from TFLite's ``kernels/strided_slice.cc``."""

from __future__ import annotations

from dataclasses import dataclass

from tinyproof.codegen.node import Node
from tinyproof.graph.options import StridedSliceOptions


@dataclass(frozen=True)
class SliceAxis:
    """What is taken of one axis of the input.

    Attributes:
        length: of the input along this axis; 1 for a new axis.
        start: first element taken.
        stride: from one element taken to the next; may be negative.
        count: elements taken.
        keep: whether the axis is one of the output's.
    """

    length: int
    start: int
    stride: int
    count: int
    keep: bool = True


@dataclass(frozen=True)
class _Bound:
    """One entry of begin, end and strides, with its bits of the masks."""

    begin: int
    end: int
    stride: int
    first: bool = False
    last: bool = False
    shrink: bool = False


_ALL = _Bound(0, 0, 1, first=True, last=True)


def slice_axes(node: Node) -> list[SliceAxis]:
    """Return what the STRIDED_SLICE ``node`` takes of each axis, new axes included.

    An ellipsis stands for the axes that no other entry names. Begin, end and strides must be
    constant.
    """
    node.count((4,))
    options = node.options(StridedSliceOptions)
    # LiteRT's own shapes are wrong for it where an axis is not named.
    node.require(not options.offset, "its ends count from its begins (offset)")
    shape = list(node.input(0).shape)
    axes: list[SliceAxis] = []
    entries = _entries(node, options)
    named = sum(entry not in ("new", "ellipsis") for entry in entries)
    node.require(named <= len(shape), f"it slices {named} axes of {len(shape)}")
    spare = len(shape) - named
    # LiteRT lets an ellipsis stand for one axis at least and drops another entry for it.
    node.require(spare > 0 or "ellipsis" not in entries, "its ellipsis stands for no axis")
    for entry in entries:
        if entry == "new":
            axes.append(SliceAxis(1, 0, 1, 1))
        elif entry == "ellipsis":
            axes += [_axis(node, shape.pop(0), _ALL) for _ in range(spare)]
        elif isinstance(entry, _Bound):
            axes.append(_axis(node, shape.pop(0), entry))
    axes += [_axis(node, length, _ALL) for length in shape]
    return axes


def _entries(node: Node, options: StridedSliceOptions) -> list[_Bound | str]:
    """Return begin, end and strides entry by entry; ``new`` and ``ellipsis`` for what they mark."""
    begin, end, strides = (node.constant(position) for position in (1, 2, 3))
    same = begin.shape == end.shape == strides.shape == (begin.size,)
    integers = all(bounds.dtype.kind == "i" for bounds in (begin, end, strides))
    node.require(same and integers and begin.size <= 8, "its bounds have the wrong shape or type")
    entries: list[_Bound | str] = []
    for position in range(begin.size):
        bit = 1 << position
        if options.ellipsis_mask & bit:
            node.require("ellipsis" not in entries, "it has two ellipses")
            entries.append("ellipsis")
        elif options.new_axis_mask & bit:
            entries.append("new")
        else:
            bound = _Bound(
                int(begin[position]),
                int(end[position]),
                int(strides[position]),
                first=bool(options.begin_mask & bit),
                last=bool(options.end_mask & bit),
                shrink=bool(options.shrink_axis_mask & bit),
            )
            entries.append(bound)
    return entries


def _axis(node: Node, length: int, bound: _Bound) -> SliceAxis:
    stride = bound.stride
    node.require(stride != 0, "it has a stride of 0")
    lowest, highest = (0, length) if stride > 0 else (-1, length - 1)
    start = bound.begin + length if bound.begin < 0 else bound.begin
    start = max(lowest, min(highest, start))
    if bound.first:
        start = 0 if stride > 0 else length - 1
    if bound.shrink:
        inside = stride > 0 and start < length
        node.require(inside, "it selects an element that is not there")
        return SliceAxis(length, start, 1, 1, keep=False)
    end = bound.end + length if bound.end < 0 else bound.end
    end = max(lowest, min(highest, end))
    if bound.last:
        end = length if stride > 0 else -1
    count = -(-(end - start) // stride)
    node.require(count > 0, "it selects nothing")
    return SliceAxis(length, start, stride, count)
