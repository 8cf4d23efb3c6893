"""Constants of ``tp_matvec``: the matrix of convolution and fully connected layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen.arithmetic import (
    activation_range_f32,
    activation_range_s8,
)
from tinyproof.codegen.layer import Array, Symbol, Value
from tinyproof.codegen.node import Node
from tinyproof.graph import Tensor, TensorType
from tinyproof.graph.options import Activation

LANES = 4
"""Rows whose products the kernel computes together, so their weights lie interleaved."""

MAX_DEPTH_S8 = ((1 << 31) - 1) // (128 * 128)
"""Longest row whose int8 products always fit 32 bits."""


def interleave(matrix: NDArray[Any], groups: int = 1) -> NDArray[Any]:
    """Return ``matrix`` (rows x depth) in the order ``tp_matvec`` reads it, one-dimensional.

    Within each of ``groups`` equal parts: every four rows interleaved column by column, then the
    one to three rows that remain, plain.
    """
    rows = matrix.shape[0] // groups
    whole = rows - rows % LANES
    parts: list[NDArray[Any]] = []
    for start in range(0, matrix.shape[0], rows):
        head = matrix[start : start + whole].reshape(-1, LANES, matrix.shape[1])
        tail = matrix[start + whole : start + rows]
        parts += [head.transpose(0, 2, 1).reshape(-1), tail.reshape(-1)]
    return np.concatenate(parts)


def bias_values(node: Node, position: int, channels: int, kind: TensorType) -> NDArray[Any]:
    """Return the bias, zeros if the operator has none; int32 or float32, ``channels`` values."""
    bias = node.optional(position)
    if bias is None:
        return np.zeros(channels, np.int32 if kind is TensorType.INT32 else np.float32)
    node.require(bias.type is kind, f"its bias is {bias.type.name.lower()}")
    values = node.constant(position)
    node.require(values.size == channels, f"its bias has {values.size} values, not {channels}")
    return values.reshape(-1)


def matvec_s8(
    node: Node,
    matrix: NDArray[Any],
    weights: Tensor,
    activation: Activation,
    requantize: str,
    axis: int = 0,
) -> dict[str, Value]:
    """Return the members of ``tp_matvec_s8_t``, except the order of weights (still rows x depth).

    The input's zero point is folded into the bias: sum w (x - z) + b = sum w x + (b - z sum w).
    The rows' scales lie along ``axis`` of ``weights``. ``requantize`` names the rounding rule.
    """
    channels, depth = matrix.shape
    node.require(depth <= MAX_DEPTH_S8, f"its {depth} products may overflow 32 bits")
    input_scale, input_zero = node.scale(node.input(0))
    output_scale, output_zero = node.scale(node.output())
    scales = node.scales(weights, channels, axis)
    pairs = [node.multiplier(input_scale * scale / output_scale) for scale in scales.tolist()]
    bias = bias_values(node, 2, channels, TensorType.INT32).astype(np.int64)
    bias = bias - input_zero * matrix.astype(np.int64).sum(axis=1)
    low, high = clamp_s8(node, activation, output_scale, output_zero)
    return {
        "weights": Array("weights", matrix),
        "bias": Array("bias", bias.astype(np.int32)),
        "multiplier": Array("multiplier", np.array([pair[0] for pair in pairs], np.int32)),
        "shift": Array("shift", np.array([pair[1] for pair in pairs], np.int8)),
        "requantize": Symbol(requantize),
        "depth": depth,
        "channels": channels,
        "per_channel": int(len(pairs) > 1),
        "output_zero": output_zero,
        "low": low,
        "high": high,
    }


def matvec_f32(node: Node, matrix: NDArray[Any], activation: Activation) -> dict[str, Value]:
    """Return the members of ``tp_matvec_f32_t``, except the order of weights."""
    channels, depth = matrix.shape
    low, high = clamp_f32(node, activation)
    return {
        "weights": Array("weights", matrix),
        "bias": Array("bias", bias_values(node, 2, channels, TensorType.FLOAT32)),
        "depth": depth,
        "channels": channels,
        "low": low,
        "high": high,
    }


def clamp_s8(node: Node, activation: Activation, scale: float, zero_point: int) -> tuple[int, int]:
    """Return the int8 range of a fused activation; refuse one that is no clamp."""
    try:
        return activation_range_s8(activation, scale, zero_point)
    except ValueError as error:
        raise node.refusal(str(error)) from error


def clamp_f32(node: Node, activation: Activation) -> tuple[float, float]:
    """Return the real range of a fused activation; refuse one that is no clamp."""
    try:
        return activation_range_f32(activation)
    except ValueError as error:
        raise node.refusal(str(error)) from error
