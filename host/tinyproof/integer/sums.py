"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED: products of int8 add up in 32 bits.

real output = sum of (input_scale (x - input_zero)) (weight_scale w) + bias, so in steps of the
output it is the integer sum, times input_scale x weight_scale / output_scale, plus the output's
zero point. The bias is stored in steps of input_scale x weight_scale: it is simply added.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen.arithmetic import window
from tinyproof.graph.options import (
    Activation,
    Conv2DOptions,
    DepthwiseConv2DOptions,
    FullyConnectedOptions,
)
from tinyproof.integer.arithmetic import (
    Integers,
    Quantized,
    finish,
    multipliers,
    scale_once,
    scale_twice,
)
from tinyproof.integer.step import Step


def conv_2d(step: Step) -> NDArray[Any]:
    """CONV_2D: every output channel is a sum over all taps and the input channels of its group.

    x: (batch, height, width, channels). Weights: (outputs, taps_h, taps_w, channels / groups).
    """
    return _finished(step, conv_2d_sums(step), step.read(Conv2DOptions).activation)


def conv_2d_sums(step: Step) -> Integers:
    """Return the 32-bit sums of a CONV_2D, bias included, before anything is rounded."""
    options = step.read(Conv2DOptions)
    x, weights = step.input(0), step.input(1)
    outputs, channels = weights.stored.shape[0], weights.stored.shape[3]
    groups = x.stored.shape[3] // channels
    sums = None
    for row, column, tap in _taps(x, weights.stored.shape[1:3], options):
        # One group's channels meet the weights of the same group's outputs.
        tap = tap.reshape(*tap.shape[:3], groups, channels)
        part = weights.stored[:, row, column].astype(np.int64)
        part = part.reshape(groups, outputs // groups, channels)
        product = np.einsum("bhwgc,goc->bhwgo", tap, part).reshape(*tap.shape[:3], outputs)
        sums = product if sums is None else sums + product
    assert sums is not None
    return _with_bias(step, sums)


def depthwise_conv_2d(step: Step) -> NDArray[Any]:
    """DEPTHWISE_CONV_2D: every output channel sees one input channel.

    Weights: (1, taps_h, taps_w, outputs); each input channel has outputs / channels neighbours.
    """
    activation = step.read(DepthwiseConv2DOptions).activation
    return _finished(step, depthwise_conv_2d_sums(step), activation)


def depthwise_conv_2d_sums(step: Step) -> Integers:
    """Return the 32-bit sums of a DEPTHWISE_CONV_2D, bias included, before anything is rounded."""
    options = step.read(DepthwiseConv2DOptions)
    x, weights = step.input(0), step.input(1)
    outputs = weights.stored.shape[3]
    each = outputs // x.stored.shape[3]
    sums = None
    for row, column, tap in _taps(x, weights.stored.shape[1:3], options):
        product = np.repeat(tap, each, axis=3) * weights.stored[0, row, column].astype(np.int64)
        sums = product if sums is None else sums + product
    assert sums is not None
    return _with_bias(step, sums)


def real_sums(step: Step, sums: Integers) -> NDArray[np.float64]:
    """Return sums, (..., outputs), as the real numbers they stand for: before any activation."""
    scales = np.broadcast_to(np.array(step.input(1).scales), sums.shape[-1])
    return sums * (step.input(0).scale * scales)


def _finished(step: Step, sums: Integers, activation: Activation) -> NDArray[Any]:
    scaled = scale_twice(sums, *multipliers(_factors(step, sums.shape[-1])))
    return np.asarray(finish(scaled, step.output, activation))


def fully_connected(step: Step) -> NDArray[Any]:
    """FULLY_CONNECTED: a matrix (outputs, depth) times each row of the input; rounded once."""
    options = step.read(FullyConnectedOptions)
    weights = step.input(1)
    outputs, depth = weights.stored.shape
    rows = step.input(0).centered.reshape(-1, depth)
    sums = _with_bias(step, rows @ weights.centered.T)
    scaled = scale_once(sums, *multipliers(_factors(step, outputs)))
    return np.asarray(finish(scaled, step.output, options.activation)).reshape(step.shapes[0])


def _taps(
    x: Quantized, taps: tuple[int, ...], options: Conv2DOptions | DepthwiseConv2DOptions
) -> Iterator[tuple[int, int, Integers]]:
    """Yield (row, column, what the tap meets at every output position) for each tap.

    The border is padded with what means 0: the zero point, so 0 once it is subtracted.
    """
    _, height, width, _ = x.stored.shape
    down = window(options.padding, height, taps[0], options.stride_h, options.dilation_h)
    right = window(options.padding, width, taps[1], options.stride_w, options.dilation_w)
    padded = np.pad(
        x.centered,
        ((0, 0), (down.before, down.span - height), (right.before, right.span - width), (0, 0)),
    )
    for row in range(taps[0]):
        top = row * options.dilation_h
        for column in range(taps[1]):
            left = column * options.dilation_w
            rows = top + options.stride_h * np.arange(down.size)
            columns = left + options.stride_w * np.arange(right.size)
            yield row, column, padded[:, rows[:, None], columns]


def _with_bias(step: Step, sums: Integers) -> Integers:
    bias = step.optional(2)
    return sums if bias is None else sums + bias.stored.astype(np.int64)


def _factors(step: Step, outputs: int) -> NDArray[np.float64]:
    """Return for each output channel the real factor from sums to steps of the output."""
    scales = np.broadcast_to(np.array(step.input(1).scales), outputs)
    return step.input(0).scale * scales / step.output.scale
