"""FULLY_CONNECTED against LiteRT."""

from __future__ import annotations

import nn_draw as draw
import numpy as np
from nn_harness import Harness
from numpy.random import Generator

from nn_net import FLOAT32, INT8, Net


def fully_connected_s8(rng: Generator) -> Net:
    net = Net()
    batch, depth, rows = draw.integer(rng, 1, 3), draw.integer(rng, 1, 90), draw.integer(rng, 1, 17)
    x = net.input((batch, depth), INT8, draw.scale(rng), draw.zero_point(rng))
    weights = draw.weights_s8(rng, (rows, depth))
    inputs, scale = draw.quantized_layer(rng, net, x, weights, per_channel=rng.random() < 0.4)
    y = net.output(None, INT8, scale, draw.zero_point(rng))
    clamp = int(rng.choice(draw.CLAMPS))
    net.operator(
        "FULLY_CONNECTED",
        inputs,
        [y],
        "FullyConnectedOptions",
        version=5,
        fusedActivationFunction=clamp,
    )
    return net


def fully_connected_f32(rng: Generator) -> Net:
    net = Net()
    batch, depth, rows = draw.integer(rng, 1, 3), draw.integer(rng, 1, 90), draw.integer(rng, 1, 17)
    x = net.input((batch, depth), FLOAT32)
    inputs = [x, net.constant(rng.normal(0, 1, (rows, depth)).astype(np.float32))]
    if rng.random() < 0.8:
        inputs.append(net.constant(rng.normal(0, 1, rows).astype(np.float32)))
    y = net.output(None, FLOAT32)
    clamp = int(rng.choice(draw.CLAMPS))
    net.operator(
        "FULLY_CONNECTED", inputs, [y], "FullyConnectedOptions", fusedActivationFunction=clamp
    )
    return net


def test_fully_connected_s8_equals_litert(nn: Harness) -> None:
    nn.prove(fully_connected_s8, cases=300)


def test_fully_connected_f32_equals_litert(nn: Harness) -> None:
    nn.prove(fully_connected_f32, cases=100)
