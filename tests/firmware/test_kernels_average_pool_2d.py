"""AVERAGE_POOL_2D against LiteRT."""

from __future__ import annotations

import nn_draw as draw
import pytest
from nn_harness import Harness
from numpy.random import Generator
from test_kernels_max_pool_2d import pool_options

from nn_net import FLOAT32, INT8, Net
from tinyproof.codegen import generate
from tinyproof.errors import UnsupportedModelError


def average_pool_2d_s8(rng: Generator) -> Net:
    net = Net()
    shape = draw.image(rng)
    scale, zero = draw.scale(rng), draw.zero_point(rng)
    x, y = net.input(shape, INT8, scale, zero), net.output(None, INT8, scale, zero)
    options = pool_options(rng, *shape[1:3])
    net.operator("AVERAGE_POOL_2D", [x], [y], "Pool2DOptions", version=2, **options)
    return net


def average_pool_2d_f32(rng: Generator) -> Net:
    net = Net()
    shape = draw.image(rng)
    x, y = net.input(shape, FLOAT32), net.output(None, FLOAT32)
    net.operator("AVERAGE_POOL_2D", [x], [y], "Pool2DOptions", **pool_options(rng, *shape[1:3]))
    return net


def global_average_pool_s8(rng: Generator) -> Net:
    net = Net()
    shape = (1, draw.integer(rng, 1, 30), draw.integer(rng, 1, 30), draw.integer(rng, 1, 5))
    scale, zero = draw.scale(rng), draw.zero_point(rng)
    x, y = net.input(shape, INT8, scale, zero), net.output(None, INT8, scale, zero)
    window = {"filterHeight": shape[1], "filterWidth": shape[2], "strideH": 1, "strideW": 1}
    padding = draw.VALID
    net.operator("AVERAGE_POOL_2D", [x], [y], "Pool2DOptions", 2, padding=padding, **window)
    return net


def test_average_pool_2d_s8_equals_litert(nn: Harness) -> None:
    nn.prove(average_pool_2d_s8, cases=250)
    nn.prove(global_average_pool_s8, cases=50)


def test_average_pool_2d_f32_equals_litert(nn: Harness) -> None:
    nn.prove(average_pool_2d_f32, cases=100)


@pytest.mark.parametrize(
    ("scale", "output", "stride", "activation", "reason"),
    [
        (0.25, (1, 4, 4, 2), 1, 0, "its input and output scales differ"),
        (0.5, (1, 4, 5, 2), 1, 0, r"the shape \[1, 4, 5, 2\] instead of \[1, 4, 4, 2\]"),
        (0.5, (1, 4, 4, 2), 0, 0, r"it has the window \(2, 2, 0, 1\)"),
        (0.5, (1, 4, 4, 2), 1, 4, "the fused activation TANH is not supported"),
    ],
)
def test_an_average_pool_2d_that_is_not_supported_is_refused(
    scale: float, output: tuple[int, ...], stride: int, activation: int, reason: str
) -> None:
    net = Net()
    x, y = net.input((1, 4, 4, 2), INT8, 0.5), net.output(output, INT8, scale)
    options = {"filterHeight": 2, "filterWidth": 2, "strideH": stride, "strideW": 1}
    options["fusedActivationFunction"] = activation
    net.operator("AVERAGE_POOL_2D", [x], [y], "Pool2DOptions", 2, **options)
    with pytest.raises(UnsupportedModelError, match=rf"\(AVERAGE_POOL_2D\): .*{reason}"):
        generate(net.build())
