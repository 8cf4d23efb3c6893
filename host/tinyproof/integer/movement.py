"""What only moves elements: inputs and output share scale and zero point, so stored values move."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.graph.options import (
    ConcatenationOptions,
    PackOptions,
    SplitOptions,
    StridedSliceOptions,
)
from tinyproof.integer.step import Step


def reshape(step: Step) -> NDArray[Any]:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: the same elements under another shape."""
    x = step.input(0).stored
    shape = step.shapes[0]
    if step.name == "RESHAPE" and len(step.inputs) > 1:
        # Computed shapes count where the file leaves a dimension open.
        shape = tuple(int(size) for size in step.input(1).stored.reshape(-1))
    return x.reshape(shape)


def shape(step: Step) -> NDArray[Any]:
    """SHAPE."""
    return np.array(step.input(0).stored.shape, step.output.stored.dtype)


def concatenation(step: Step) -> NDArray[Any]:
    """CONCATENATION."""
    parts = [step.input(n).stored for n in range(len(step.inputs))]
    return np.concatenate(parts, step.read(ConcatenationOptions).axis)


def pack(step: Step) -> NDArray[Any]:
    """PACK: the parts become the indices of a new axis."""
    parts = [step.input(n).stored for n in range(len(step.inputs))]
    return np.stack(parts, step.read(PackOptions).axis)


def split(step: Step) -> list[NDArray[Any]]:
    """SPLIT: equal parts along one axis, which is input 0."""
    axis = int(step.input(0).stored.reshape(-1)[0])
    return np.split(step.input(1).stored, step.read(SplitOptions).num_splits, axis)


def pad(step: Step) -> NDArray[Any]:
    """PAD with what means 0, PADV2 with a value of one's own."""
    value = step.optional(2)
    border = step.output.zero_point if value is None else value.stored.reshape(-1)[0]
    return np.pad(
        step.input(0).stored, step.input(1).stored.astype(np.int64), constant_values=border
    )


def transpose(step: Step) -> NDArray[Any]:
    """TRANSPOSE."""
    return np.transpose(step.input(0).stored, step.input(1).stored.tolist())


def tile(step: Step) -> NDArray[Any]:
    """TILE."""
    return np.tile(step.input(0).stored, step.input(1).stored.tolist())


def strided_slice(step: Step) -> NDArray[Any]:
    """STRIDED_SLICE: Python's own slicing, one mask bit for each entry.

    An entry is a range, an axis that vanishes (shrink), a new axis, or the ellipsis.
    """
    options, x = step.read(StridedSliceOptions), step.input(0).stored
    entries: list[Any] = []
    bounds = zip(*(step.input(n).stored.tolist() for n in (1, 2, 3)), strict=True)
    for bit, (begin, end, stride) in enumerate(bounds):
        mask = 1 << bit
        if options.ellipsis_mask & mask:
            entries.append(Ellipsis)
        elif options.new_axis_mask & mask:
            entries.append(np.newaxis)
        elif options.shrink_axis_mask & mask:
            entries.append(begin)
        else:
            start = None if options.begin_mask & mask else begin
            stop = None if options.end_mask & mask else end
            entries.append(slice(start, stop, stride))
    return np.asarray(x[tuple(entries)])
