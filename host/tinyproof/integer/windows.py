"""MAX_POOL_2D, AVERAGE_POOL_2D, MEAN and RESIZE_NEAREST_NEIGHBOR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen.arithmetic import window
from tinyproof.graph.options import Pool2DOptions, ReducerOptions, ResizeNearestNeighborOptions
from tinyproof.integer.arithmetic import Integers, finish, multipliers, scale_twice
from tinyproof.integer.step import Step


def max_pool_2d(step: Step) -> NDArray[Any]:
    """MAX_POOL_2D: the largest stored value, which is the largest real one. Padding never wins."""
    return _pool(step, lambda values: values.max(axis=(1, 2)))


def average_pool_2d(step: Step) -> NDArray[Any]:
    """AVERAGE_POOL_2D: the mean of the values that are there, halves away from zero."""
    return _pool(step, _average)


def _average(values: Integers) -> Integers:
    count = values.shape[1] * values.shape[2]
    sums = values.sum(axis=(1, 2))
    return np.asarray(np.sign(sums) * ((np.abs(sums) + count // 2) // count))


def _pool(step: Step, reduce: Callable[[Integers], Integers]) -> NDArray[Any]:
    """Apply ``reduce``, (batch, rows, columns, channels) to (batch, channels), to each window."""
    options = step.read(Pool2DOptions)
    x = step.input(0).stored.astype(np.int64)
    down = window(options.padding, x.shape[1], options.filter_h, options.stride_h)
    right = window(options.padding, x.shape[2], options.filter_w, options.stride_w)
    result = np.empty((x.shape[0], down.size, right.size, x.shape[3]), np.int64)
    for row in range(down.size):
        top = row * options.stride_h - down.before
        rows = slice(max(top, 0), top + options.filter_h)
        for column in range(right.size):
            left = column * options.stride_w - right.before
            columns = slice(max(left, 0), left + options.filter_w)
            result[:, row, column] = reduce(x[:, rows, columns])
    # Input and output have the same scale and zero point: only the activation is left to do.
    zero = step.output.zero_point
    return np.asarray(finish(result - zero, step.output, options.activation))


def mean(step: Step) -> NDArray[Any]:
    """MEAN: the division by the number of values is part of the multiplier.

    Source: ``reference_ops::QuantizedMeanOrSum`` in TensorFlow Lite.
    """
    x, output = step.input(0), step.output
    rank = x.stored.ndim
    axes = tuple({int(axis) % rank for axis in step.input(1).stored.reshape(-1)})
    sums = x.centered.sum(axis=axes, keepdims=step.read(ReducerOptions).keep_dims)
    count = x.stored.size // sums.size
    (multiplier,), (shift,) = (pair.tolist() for pair in multipliers(x.scale / output.scale))
    bits = min(count.bit_length() - 1, 31 + shift)
    scaled = scale_twice(sums, np.int64((multiplier << bits) // count), np.int64(shift - bits))
    return np.asarray(finish(scaled, output))


def resize_nearest_neighbor(step: Step) -> NDArray[Any]:
    """RESIZE_NEAREST_NEIGHBOR: positions are computed in float32 (GetNearestNeighbor)."""
    x, options = step.input(0).stored, step.read(ResizeNearestNeighborOptions)
    height, width = (int(size) for size in step.input(1).stored)
    rows = _nearest(x.shape[1], height, options)
    columns = _nearest(x.shape[2], width, options)
    return x[:, rows[:, None], columns]


def _nearest(length: int, wanted: int, options: ResizeNearestNeighborOptions) -> Integers:
    corners = options.align_corners and wanted > 1
    scale = np.float32(length - corners) / np.float32(wanted - corners)
    offset = np.float32(0.5 if options.half_pixel_centers else 0.0)
    places = (np.arange(wanted, dtype=np.float32) + offset) * scale
    whole = np.floor(places)
    if options.align_corners:
        whole = np.where(places - whole >= 0.5, whole + 1, whole)
    return np.asarray(np.clip(whole, 0, length - 1), np.int64)
