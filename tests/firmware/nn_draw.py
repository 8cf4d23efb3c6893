"""Random choices that several operators' tests share: scales, zero points, weights, activations."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from nn_net import Net

SAME, VALID = 0, 1
CLAMPS = (0, 1, 2, 3)
"""Fused activations that are clamps: NONE, RELU, RELU_N1_TO_1, RELU6."""


def integer(rng: Generator, low: int, high: int) -> int:
    """Return an integer from ``low`` to ``high``, both included."""
    return int(rng.integers(low, high + 1))


def scale(rng: Generator, low: float = 1e-3, high: float = 0.5) -> float:
    """Return a scale, log-uniform, as a float32."""
    return float(np.float32(np.exp(rng.uniform(np.log(low), np.log(high)))))


def zero_point(rng: Generator) -> int:
    """Return a zero point; the ends of int8 and 0 are frequent."""
    return int(rng.choice([-128, 127, 0, integer(rng, -128, 127), integer(rng, -128, 127)]))


def image(rng: Generator, channels: int = 9, side: int = 9) -> tuple[int, int, int, int]:
    """Return a shape NHWC; the batch is mostly 1."""
    batch = 2 if rng.random() < 0.1 else 1
    return batch, integer(rng, 1, side), integer(rng, 1, side), integer(rng, 1, channels)


def weights_s8(rng: Generator, shape: tuple[int, ...]) -> NDArray[np.int8]:
    """Return int8 weights; now and then all at one end, to drive sums to theirs."""
    if rng.random() < 0.1:
        return np.full(shape, rng.choice([-127, 127]), np.int8)
    return rng.integers(-127, 128, shape, dtype=np.int8)


def quantized_layer(
    rng: Generator,
    net: Net,
    x: int,
    weights: NDArray[np.int8],
    *,
    per_channel: bool,
    bias: float = 0.8,
) -> tuple[list[int], float]:
    """Add weights and, with probability ``bias``, a bias; rows lie along axis 0 of ``weights``.

    Returns the operator's inputs, and an output scale that suits its sums.
    """
    rows, depth = weights.shape[0], weights.size // weights.shape[0]
    input_scale = float(net.tensors[x].quantization.scale[0])
    scales = np.array([scale(rng) for _ in range(rows if per_channel else 1)], np.float32)
    zeros = [0] * len(scales)
    inputs = [x, net.constant(weights, scale=scales, zero_point=zeros)]
    if rng.random() < bias:
        spread = 4000 * int(np.sqrt(depth)) + 1
        values = rng.integers(-spread, spread, (rows,), dtype=np.int32)
        products = np.float32(input_scale) * scales
        inputs.append(net.constant(values, scale=products, zero_point=zeros))
    sums = input_scale * float(scales.mean()) * np.sqrt(depth) * 5000
    wide = 7 if rng.random() < 0.1 else 1.5
    return inputs, float(np.float32(sums / 128 * np.exp(rng.uniform(-wide, wide))))
