"""RESIZE_NEAREST_NEIGHBOR against LiteRT."""

from __future__ import annotations

import nn_draw as draw
import numpy as np
import pytest
from nn_harness import Draw, Harness, reference
from numpy.random import Generator

from nn_net import FLOAT32, INT8, Net
from tinyproof.codegen import generate
from tinyproof.codegen.operators.resize_nearest_neighbor import nearest
from tinyproof.errors import UnsupportedModelError
from tinyproof.graph.options import ResizeNearestNeighborOptions

BOTH = [(corners, centers) for corners in (False, True) for centers in (False, True)]


def resize(kind: int) -> Draw:
    """Return what draws one RESIZE_NEAREST_NEIGHBOR of ``kind``."""

    def draw_one(rng: Generator) -> Net:
        net = Net()
        scale = (draw.scale(rng), draw.zero_point(rng)) if kind == INT8 else ()
        x = net.input(draw.image(rng, channels=4), kind, *scale)
        size = net.constant(rng.integers(1, 20, 2, dtype=np.int32))
        y = net.output(None, kind, *scale)
        net.operator(
            "RESIZE_NEAREST_NEIGHBOR",
            [x, size],
            [y],
            "ResizeNearestNeighborOptions",
            2,
            alignCorners=bool(rng.integers(0, 2)),
            halfPixelCenters=bool(rng.integers(0, 2)),
        )
        return net

    draw_one.__name__ = f"resize_{'s8' if kind == INT8 else 'f32'}"
    return draw_one


def test_resize_s8_equals_litert(nn: Harness) -> None:
    nn.prove(resize(INT8), cases=200)


def test_resize_f32_equals_litert(nn: Harness) -> None:
    nn.prove(resize(FLOAT32), cases=100)


@pytest.mark.parametrize(("corners", "centers"), BOTH)
def test_every_position_is_litert_s_for_many_sizes(corners: bool, centers: bool) -> None:
    options = ResizeNearestNeighborOptions(corners, centers)
    for length, to in [(3, 7), (7, 3), (10, 100), (49, 300), (96, 97), (1, 5), (5, 1), (255, 256)]:
        net = Net()
        inputs = [net.input((1, 1, length, 1), FLOAT32), net.constant(np.array([1, to], np.int32))]
        y = net.output((1, 1, to, 1), FLOAT32)
        net.operator(
            "RESIZE_NEAREST_NEIGHBOR",
            inputs,
            [y],
            "ResizeNearestNeighborOptions",
            alignCorners=corners,
            halfPixelCenters=centers,
        )
        interpreter = reference(net.build())
        places = np.arange(length, dtype=np.float32).reshape(1, 1, length, 1)
        interpreter.set_tensor(inputs[0], places)
        interpreter.invoke()
        wanted = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        assert nearest(length, to, options).tolist() == wanted.reshape(-1).tolist()


@pytest.mark.parametrize(
    ("shape", "size", "output", "reason"),
    [
        ((1, 2, 3), [4, 5], (1, 4, 5), "3 dimensions instead of 4"),
        ((1, 2, 3, 1), [4], (1, 4, 5, 1), "size is not two integers"),
        ((1, 2, 3, 1), [4, 6], (1, 4, 5, 1), "[1, 4, 5, 1] instead of [1, 4, 6, 1]"),
        ((1, 2, 3, 1), [1, 40000], (1, 1, 40000, 1), "beyond 32767"),
    ],
)
def test_what_is_not_supported_is_refused(
    shape: tuple[int, ...], size: list[int], output: tuple[int, ...], reason: str
) -> None:
    net = Net()
    inputs = [net.input(shape, FLOAT32), net.constant(np.array(size, np.int32))]
    y = net.output(output, FLOAT32)
    net.operator("RESIZE_NEAREST_NEIGHBOR", inputs, [y], "ResizeNearestNeighborOptions")
    with pytest.raises(UnsupportedModelError) as caught:
        generate(net.build())
    assert reason in str(caught.value)
    assert "operator 0 (RESIZE_NEAREST_NEIGHBOR)" in str(caught.value)
