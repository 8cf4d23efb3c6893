"""CONV_2D, alone and pooled, against LiteRT."""

from __future__ import annotations

from typing import Any

import nn_draw as draw
import numpy as np
from nn_harness import Harness
from numpy.random import Generator

from nn_net import FLOAT32, INT8, Net


def conv_options(rng: Generator, shape: tuple[int, ...], taps: tuple[int, int]) -> dict[str, Any]:
    """Return options whose filter of ``taps`` fits the image."""
    dilation = [draw.integer(rng, 1, 3) if rng.random() < 0.3 else 1 for _ in range(2)]
    reach = [(tap - 1) * step + 1 for tap, step in zip(taps, dilation, strict=True)]
    fits = reach[0] <= shape[1] and reach[1] <= shape[2]
    return {
        "padding": int(rng.choice([draw.SAME, draw.VALID])) if fits else draw.SAME,
        "strideH": draw.integer(rng, 1, 3),
        "strideW": draw.integer(rng, 1, 3),
        "dilationHFactor": dilation[0],
        "dilationWFactor": dilation[1],
        "fusedActivationFunction": int(rng.choice(draw.CLAMPS)),
    }


def filter_shape(rng: Generator, channels: int) -> tuple[int, int, int, int]:
    """Return a filter OHWI; now and then of several groups."""
    groups = int(rng.choice([n for n in range(1, channels + 1) if channels % n == 0]))
    groups = groups if rng.random() < 0.2 else 1
    filters = groups * draw.integer(rng, 1, 9)
    return filters, draw.integer(rng, 1, 5), draw.integer(rng, 1, 5), channels // groups


def conv_2d_s8(rng: Generator) -> Net:
    net = Net()
    shape = draw.image(rng)
    x = net.input(shape, INT8, draw.scale(rng), draw.zero_point(rng))
    weights = draw.weights_s8(rng, filter_shape(rng, shape[3]))
    inputs, scale = draw.quantized_layer(
        rng, net, x, weights, per_channel=rng.random() < 0.7, bias=1
    )
    y = net.output(None, INT8, scale, draw.zero_point(rng))
    options = conv_options(rng, shape, weights.shape[1:3])
    net.operator("CONV_2D", inputs, [y], "Conv2DOptions", version=3, **options)
    return net


def conv_2d_f32(rng: Generator) -> Net:
    net = Net()
    shape = draw.image(rng)
    x = net.input(shape, FLOAT32)
    weights = rng.normal(0, 1, filter_shape(rng, shape[3])).astype(np.float32)
    bias = rng.normal(0, 1, weights.shape[:1]).astype(np.float32)
    inputs = [x, net.constant(weights), net.constant(bias)]
    y = net.output(None, FLOAT32)
    options = conv_options(rng, shape, weights.shape[1:3])
    net.operator("CONV_2D", inputs, [y], "Conv2DOptions", **options)
    return net


def test_conv_2d_s8_equals_litert(nn: Harness) -> None:
    nn.prove(conv_2d_s8, cases=300)


def test_conv_2d_f32_equals_litert(nn: Harness) -> None:
    nn.prove(conv_2d_f32, cases=150)
