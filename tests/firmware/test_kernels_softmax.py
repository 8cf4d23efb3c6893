"""SOFTMAX against LiteRT."""

from __future__ import annotations

import nn_draw as draw
import numpy as np
import pytest
from nn_harness import Case, Harness, draw_case
from numpy.random import Generator

from nn_net import FLOAT32, INT8, Net
from tinyproof.codegen import generate
from tinyproof.errors import UnsupportedModelError


def row_shape(rng: Generator, longest: int = 40) -> tuple[int, ...]:
    """Return a shape of one to four dimensions, the last of them at most ``longest``."""
    rank = draw.integer(rng, 1, 4)
    return (*(draw.integer(rng, 1, 3) for _ in range(rank - 1)), draw.integer(rng, 1, longest))


def softmax_s8(rng: Generator) -> Net:
    net = Net()
    scale = draw.scale(rng, 1e-6, 100)
    x = net.input(row_shape(rng), INT8, scale, draw.zero_point(rng))
    y = net.output(None, INT8, 1 / 256, -128)
    beta = float(rng.choice([1, 1, 0.1, 0.5, 3]))
    net.operator("SOFTMAX", [x], [y], "SoftmaxOptions", version=2, beta=beta)
    return net


def softmax_f32(rng: Generator) -> Net:
    net = Net()
    x, y = net.input(row_shape(rng), FLOAT32), net.output(None, FLOAT32)
    beta = float(rng.choice([1, 1, 0.1, 0.5, 0, 30]))
    net.operator("SOFTMAX", [x], [y], "SoftmaxOptions", beta=beta)
    return net


def one_softmax(scale: float, depth: int, beta: float = 1.0) -> Net:
    net = Net()
    x, y = net.input((1, depth), INT8, scale), net.output((1, depth), INT8, 1 / 256, -128)
    net.operator("SOFTMAX", [x], [y], "SoftmaxOptions", version=2, beta=beta)
    return net


def test_softmax_s8_equals_litert(nn: Harness) -> None:
    nn.prove(softmax_s8, cases=300)


def test_softmax_f32_equals_litert(nn: Harness) -> None:
    nn.prove(softmax_f32, cases=150)


def test_softmax_s8_equals_litert_for_every_number_of_equal_winners(nn: Harness) -> None:
    rows = np.where(np.arange(511) < np.arange(1, 512)[:, None], 100, -128).astype(np.int8)
    nn.prove_cases([Case("winners", one_softmax(0.1, 511).build(), [(row[None],) for row in rows])])


def test_more_than_511_equal_values_all_become_0(nn: Harness) -> None:
    case = draw_case(lambda _: one_softmax(0.1, 600), 0, samples=0)
    for (answer,) in nn.run([case])[0]:
        assert np.all(answer == -128), "LiteRT aborts here; 1/600 is nearer to 0 than to 1/256"


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (one_softmax(0.1, 4096), "its rows of 4096 values may overflow 32 bits"),
        (one_softmax(1e-9, 4), "its beta, 1, times its input scale is out of range"),
        (one_softmax(0.1, 4, beta=-1), "its beta, -1, times its input scale is out of range"),
        (one_softmax(0.1, 4, beta=float("nan")), "its beta, nan, times"),
    ],
)
def test_a_softmax_that_cannot_be_computed_is_refused(net: Net, reason: str) -> None:
    with pytest.raises(UnsupportedModelError, match=rf"operator 0 \(SOFTMAX\): {reason}"):
        generate(net.build())


def test_a_softmax_of_another_output_scale_is_refused() -> None:
    net = Net()
    x, y = net.input((1, 4), INT8, 0.1), net.output((1, 4), INT8, 1 / 128, 0)
    net.operator("SOFTMAX", [x], [y], "SoftmaxOptions", version=2, beta=1.0)
    with pytest.raises(UnsupportedModelError, match=r"0\.0078125 and the zero point 0 instead of"):
        generate(net.build())


def test_a_float32_softmax_with_a_negative_beta_is_refused() -> None:
    net = Net()
    x, y = net.input((1, 4), FLOAT32), net.output((1, 4), FLOAT32)
    net.operator("SOFTMAX", [x], [y], "SoftmaxOptions", beta=-1.0)
    with pytest.raises(UnsupportedModelError, match="its beta is -1"):
        generate(net.build())
