"""PRELU against LiteRT."""

from __future__ import annotations

import nn_draw as draw
import numpy as np
import pytest
from nn_harness import Harness
from numpy.random import Generator

from nn_net import FLOAT32, INT8, Net
from tinyproof.codegen import generate
from tinyproof.errors import UnsupportedModelError


def alpha_shape(rng: Generator, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of slopes: mostly one for each channel, else any that broadcasts."""
    if rng.random() < 0.5:
        return 1, 1, shape[3]
    full = tuple(1 if rng.random() < 0.4 else size for size in shape)
    return full[draw.integer(rng, 0, 3) :]


def prelu_s8(rng: Generator) -> Net:
    net = Net()
    shape = draw.image(rng)
    scale = draw.scale(rng)
    x = net.input(shape, INT8, scale, draw.zero_point(rng))
    slopes = rng.integers(-128, 128, alpha_shape(rng, shape), dtype=np.int8)
    alpha = net.constant(slopes, scale=draw.scale(rng), zero_point=draw.zero_point(rng))
    spread = float(np.exp(rng.uniform(-4, 4)))
    y = net.output(None, INT8, scale * spread, draw.zero_point(rng))
    net.operator("PRELU", [x, alpha], [y])
    return net


def prelu_f32(rng: Generator) -> Net:
    net = Net()
    shape = draw.image(rng)
    slopes = rng.normal(0, 1, alpha_shape(rng, shape)).astype(np.float32)
    inputs = [net.input(shape, FLOAT32), net.constant(slopes)]
    net.operator("PRELU", inputs, [net.output(None, FLOAT32)])
    return net


def test_prelu_s8_equals_litert(nn: Harness) -> None:
    nn.prove(prelu_s8, cases=250)


def test_prelu_f32_equals_litert(nn: Harness) -> None:
    nn.prove(prelu_f32, cases=100)


@pytest.mark.parametrize(
    ("slopes", "output", "reason"),
    [
        ((1, 1, 3), (1, 4, 4, 2), r"its alpha has the shape \[1, 1, 3\], its input \[1, 4, 4, 2\]"),
        ((2, 4, 4, 2), (2, 4, 4, 2), r"\[2, 4, 4, 2\] instead of \[1, 4, 4, 2\]"),
        ((2, 1, 1, 1, 2), (1, 4, 4, 2), r"its alpha has the shape \[2, 1, 1, 1, 2\]"),
    ],
)
def test_slopes_that_do_not_fit_the_input_are_refused(
    slopes: tuple[int, ...], output: tuple[int, ...], reason: str
) -> None:
    net = Net()
    inputs = [net.input((1, 4, 4, 2), FLOAT32), net.constant(np.ones(slopes, np.float32))]
    net.operator("PRELU", inputs, [net.output(output, FLOAT32)])
    with pytest.raises(UnsupportedModelError, match=rf"operator 0 \(PRELU\): .*{reason}"):
        generate(net.build())


def test_a_prelu_with_computed_slopes_is_refused() -> None:
    net = Net()
    inputs = [net.input((1, 4, 4, 2), FLOAT32), net.input((1, 1, 2), FLOAT32)]
    net.operator("PRELU", inputs, [net.output((1, 4, 4, 2), FLOAT32)])
    with pytest.raises(UnsupportedModelError, match=r"\(PRELU\): its input 1 is not constant"):
        generate(net.build())
