"""ARG_MAX against LiteRT."""

from __future__ import annotations

import nn_draw as draw
import numpy as np
import pytest
from nn_harness import Draw, Harness
from numpy.random import Generator

from nn_net import FLOAT32, INT8, INT32, INT64, Net
from tinyproof.codegen import generate
from tinyproof.errors import UnsupportedModelError


def arg_max(kind: int) -> Draw:
    """Return what draws one ARG_MAX of ``kind``, over any axis, to int32 or int64."""

    def draw_one(rng: Generator) -> Net:
        net = Net()
        shape = tuple(draw.integer(rng, 1, 6) for _ in range(draw.integer(rng, 1, 4)))
        scale = (draw.scale(rng), draw.zero_point(rng)) if kind == INT8 else ()
        x = net.input(shape, kind, *scale)
        axis = draw.integer(rng, -len(shape), len(shape) - 1)
        wide = np.int64 if rng.random() < 0.3 else np.int32
        where = net.constant(np.array([axis], wide))
        to = int(rng.choice([INT32, INT64]))
        y = net.output(shape[:axis] + shape[axis:][1:], to)
        net.operator("ARG_MAX", [x, where], [y], "ArgMaxOptions", 2, outputType=to)
        return net

    draw_one.__name__ = f"arg_max_{'s8' if kind == INT8 else 'f32'}"
    return draw_one


def test_arg_max_s8_equals_litert(nn: Harness) -> None:
    nn.prove(arg_max(INT8), cases=200)


def test_arg_max_f32_equals_litert(nn: Harness) -> None:
    nn.prove(arg_max(FLOAT32), cases=100)


@pytest.mark.parametrize(
    ("axis", "shape", "to", "reason"),
    [
        ([2], (2,), INT32, "has the axis 2"),
        ([1, 0], (2,), INT32, "axis is not one integer"),
        ([1], (3,), INT32, "[3] instead of [2]"),
        ([1], (2,), INT64, "its output is int64"),
        ([1], (2,), FLOAT32, "its output is float32"),
    ],
)
def test_what_is_not_supported_is_refused(
    axis: list[int], shape: tuple[int, ...], to: int, reason: str
) -> None:
    net = Net()
    inputs = [net.input((2, 3), FLOAT32), net.constant(np.array(axis, np.int32))]
    net.operator("ARG_MAX", inputs, [net.output(shape, to)], "ArgMaxOptions", outputType=INT32)
    with pytest.raises(UnsupportedModelError) as caught:
        generate(net.build())
    assert reason in str(caught.value)
    assert "operator 0 (ARG_MAX)" in str(caught.value)
