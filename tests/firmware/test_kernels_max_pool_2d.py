"""MAX_POOL_2D, alone and fused into the convolution before it, against LiteRT."""

from __future__ import annotations

from typing import Any

import nn_draw as draw
import numpy as np
from nn_harness import Harness, draw_case
from numpy.random import Generator

from nn_net import FLOAT32, INT8, Net


def pool_options(rng: Generator, height: int, width: int, *, apart: bool = False) -> dict[str, Any]:
    """Return options of a window that fits; ``apart``: windows do not overlap."""
    taps = [draw.integer(rng, 1, 4) for _ in range(2)]
    fits = taps[0] <= height and taps[1] <= width
    low = taps if apart else [1, 1]
    return {
        "padding": int(rng.choice([draw.SAME, draw.VALID])) if fits else draw.SAME,
        "filterHeight": taps[0],
        "filterWidth": taps[1],
        "strideH": draw.integer(rng, low[0], low[0] + 2),
        "strideW": draw.integer(rng, low[1], low[1] + 2),
        "fusedActivationFunction": int(rng.choice(draw.CLAMPS)),
    }


def max_pool_2d_s8(rng: Generator) -> Net:
    net = Net()
    shape = draw.image(rng)
    scale, zero = draw.scale(rng), draw.zero_point(rng)
    x, y = net.input(shape, INT8, scale, zero), net.output(None, INT8, scale, zero)
    options = pool_options(rng, *shape[1:3])
    net.operator("MAX_POOL_2D", [x], [y], "Pool2DOptions", version=2, **options)
    return net


def max_pool_2d_f32(rng: Generator) -> Net:
    net = Net()
    shape = draw.image(rng)
    x, y = net.input(shape, FLOAT32), net.output(None, FLOAT32)
    net.operator("MAX_POOL_2D", [x], [y], "Pool2DOptions", **pool_options(rng, *shape[1:3]))
    return net


def conv_then_pool_s8(rng: Generator) -> Net:
    net = Net()
    shape = (1, draw.integer(rng, 6, 12), draw.integer(rng, 6, 12), draw.integer(rng, 1, 3))
    x = net.input(shape, INT8, draw.scale(rng), draw.zero_point(rng))
    weights = draw.weights_s8(rng, (draw.integer(rng, 3, 9), 3, 3, shape[3]))
    inputs, scale = draw.quantized_layer(rng, net, x, weights, per_channel=True, bias=1)
    zero = draw.zero_point(rng)
    middle = net.tensor(None, INT8, scale, zero)
    y = net.output(None, INT8, scale, zero)
    same = {"strideH": 1, "strideW": 1, "padding": draw.SAME}
    clamp = int(rng.choice(draw.CLAMPS))
    net.operator(
        "CONV_2D", inputs, [middle], "Conv2DOptions", 3, fusedActivationFunction=clamp, **same
    )
    options = pool_options(rng, *shape[1:3], apart=True)
    net.operator("MAX_POOL_2D", [middle], [y], "Pool2DOptions", 2, **options)
    return net


def conv_then_pool_f32(rng: Generator) -> Net:
    net = Net()
    shape = (1, draw.integer(rng, 6, 12), draw.integer(rng, 6, 12), draw.integer(rng, 1, 3))
    weights = rng.normal(0, 1, (draw.integer(rng, 3, 9), 3, 3, shape[3])).astype(np.float32)
    bias = rng.normal(0, 1, weights.shape[:1]).astype(np.float32)
    inputs = [net.input(shape, FLOAT32), net.constant(weights), net.constant(bias)]
    middle, y = net.tensor(None, FLOAT32), net.output(None, FLOAT32)
    same = {"strideH": 1, "strideW": 1, "padding": draw.SAME}
    clamp = int(rng.choice(draw.CLAMPS))
    net.operator(
        "CONV_2D", inputs, [middle], "Conv2DOptions", fusedActivationFunction=clamp, **same
    )
    options = pool_options(rng, *shape[1:3], apart=True)
    net.operator("MAX_POOL_2D", [middle], [y], "Pool2DOptions", **options)
    return net


def test_max_pool_2d_s8_equals_litert(nn: Harness) -> None:
    nn.prove(max_pool_2d_s8, cases=200)


def test_max_pool_2d_f32_equals_litert(nn: Harness) -> None:
    nn.prove(max_pool_2d_f32, cases=100)


def test_pooling_the_sums_of_a_convolution_equals_litert(nn: Harness) -> None:
    nn.prove(conv_then_pool_s8, cases=200)
    nn.prove(conv_then_pool_f32, cases=100)


def test_most_convolutions_with_a_pool_behind_become_one_layer() -> None:
    layers = [draw_case(conv_then_pool_s8, seed).generated.layers for seed in range(50)]
    fused = [found for found in layers if found[0].operators == ("CONV_2D", "MAX_POOL_2D")]
    assert len(fused) > 25
    assert len(fused) < 50, "a window whose patches take more memory than they save is not fused"
