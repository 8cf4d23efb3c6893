"""MEAN over any axes against LiteRT."""

from __future__ import annotations

import nn_draw as draw
import numpy as np
import pytest
from nn_harness import Harness
from numpy.random import Generator

from nn_net import FLOAT32, INT8, Net
from tinyproof.codegen import generate
from tinyproof.errors import UnsupportedModelError


def axes_of(rng: Generator, rank: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Return at least one axis, in any order, now and then counted from the last or twice."""
    if rank == 4 and rng.random() < 0.4:
        return np.array([1, 2], np.int32)
    axes = rng.choice(rank, draw.integer(rng, 1, rank), replace=rng.random() < 0.1)
    return np.where(rng.random(axes.shape) < 0.2, axes - rank, axes).astype(np.int32)


def shape_of(rng: Generator) -> tuple[int, ...]:
    """Return a shape of one to four dimensions."""
    return tuple(draw.integer(rng, 1, 8) for _ in range(int(rng.choice([1, 2, 3, 4, 4, 4]))))


def mean_s8(rng: Generator) -> Net:
    net = Net()
    shape = shape_of(rng)
    scale, zero = draw.scale(rng), draw.zero_point(rng)
    output = (scale, zero)
    if rng.random() < 0.7:
        output = (scale * float(np.exp(rng.uniform(-5, 5))), draw.zero_point(rng))
    x = net.input(shape, INT8, scale, zero)
    inputs, y = [x, net.constant(axes_of(rng, len(shape)))], net.output(None, INT8, *output)
    keep = bool(rng.random() < 0.5)
    net.operator("MEAN", inputs, [y], "ReducerOptions", version=2, keepDims=keep)
    return net


def mean_f32(rng: Generator) -> Net:
    net = Net()
    shape = shape_of(rng)
    inputs = [net.input(shape, FLOAT32), net.constant(axes_of(rng, len(shape)))]
    y = net.output(None, FLOAT32)
    net.operator("MEAN", inputs, [y], "ReducerOptions", keepDims=bool(rng.random() < 0.5))
    return net


def test_mean_s8_equals_litert(nn: Harness) -> None:
    nn.prove(mean_s8, cases=300)


def test_mean_f32_equals_litert(nn: Harness) -> None:
    nn.prove(mean_f32, cases=100)


def one_mean(
    shape: tuple[int, ...], axes: list[int], output: tuple[int, ...], scale: float = 0.1
) -> bytes:
    net = Net()
    x, axis = net.input(shape, INT8, 0.1), net.constant(np.array(axes, np.int32))
    y = net.output(output, INT8, scale)
    net.operator("MEAN", [x, axis], [y], "ReducerOptions", version=2, keepDims=False)
    return net.build()


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (one_mean((1, 4, 4, 2), [4], (1, 4, 4)), r"it has the axes \[4\]"),
        (one_mean((1, 4, 4, 2), [-5], (1, 4, 4)), r"it has the axes \[-5\]"),
        (one_mean((1, 4, 4, 2), [3], (1, 4, 2)), r"has the shape \[1, 4, 2\] instead of"),
        (one_mean((2, 2, 2, 2, 2), [0, 2, 4], (2, 2)), "more than two separate groups"),
        (one_mean((1, 3000, 3000), [1, 2], (1,)), "its sums of 9000000 values may overflow"),
        (one_mean((1, 4), [1], (1,), scale=1e-12), "its scales are too far apart"),
    ],
)
def test_a_mean_that_is_not_supported_is_refused(model: bytes, reason: str) -> None:
    with pytest.raises(UnsupportedModelError, match=rf"operator 0 \(MEAN\): .*{reason}"):
        generate(model)


def test_a_mean_whose_axes_are_computed_is_refused() -> None:
    net = Net()
    x, axis = net.input((1, 4), FLOAT32), net.input((1,), 2)
    y = net.output((1,), FLOAT32)
    net.operator("MEAN", [x, axis], [y], "ReducerOptions")
    with pytest.raises(UnsupportedModelError, match=r"\(MEAN\): its input 1 is not constant"):
        generate(net.build())
