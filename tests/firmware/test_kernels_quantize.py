"""QUANTIZE and DEQUANTIZE against LiteRT."""

from __future__ import annotations

import nn_draw as draw
import numpy as np
from nn_harness import Case, Harness, draw_case
from numpy.random import Generator

from nn_net import FLOAT32, INT8, Net


def quantize_f32(rng: Generator) -> Net:
    net = Net()
    x = net.input(draw.image(rng), FLOAT32)
    y = net.output(None, INT8, draw.scale(rng, 1e-2), draw.zero_point(rng))
    net.operator("QUANTIZE", [x], [y], "QuantizeOptions")
    return net


def rescale_s8(rng: Generator) -> Net:
    net = Net()
    x = net.input(draw.image(rng), INT8, draw.scale(rng), draw.zero_point(rng))
    y = net.output(None, INT8, draw.scale(rng), draw.zero_point(rng))
    net.operator("QUANTIZE", [x], [y], "QuantizeOptions", version=2)
    return net


def dequantize_s8(rng: Generator) -> Net:
    net = Net()
    x = net.input(draw.image(rng), INT8, draw.scale(rng), draw.zero_point(rng))
    y = net.output(None, FLOAT32)
    net.operator("DEQUANTIZE", [x], [y], "DequantizeOptions", version=2)
    return net


def test_quantize_from_float32_equals_litert(nn: Harness) -> None:
    nn.prove(quantize_f32, cases=150, samples=8)


def test_quantize_from_int8_equals_litert(nn: Harness) -> None:
    nn.prove(rescale_s8, cases=150, samples=8)


def test_dequantize_equals_litert(nn: Harness) -> None:
    nn.prove(dequantize_s8, cases=100)


def test_quantize_rounds_halves_as_litert_does(nn: Harness) -> None:
    def halves(_: Generator) -> Net:
        net = Net()
        x, y = net.input((1, 600), FLOAT32), net.output(None, INT8, 0.5, 3)
        net.operator("QUANTIZE", [x], [y], "QuantizeOptions")
        return net

    steps = (np.arange(600, dtype=np.float32) - 300) / 4
    near = np.nextafter(steps, np.float32(-np.inf))
    model = draw_case(halves, 0).model
    nn.prove_cases([Case("halves", model, [(steps[None],), (near[None],)])])
