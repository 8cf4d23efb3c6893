"""DEPTHWISE_CONV_2D, any depth multiplier, alone and pooled, against LiteRT."""

from __future__ import annotations

import nn_draw as draw
import numpy as np
import pytest
from nn_harness import Harness, draw_case
from numpy.random import Generator
from test_kernels_conv_2d import conv_options
from test_kernels_max_pool_2d import pool_options

from nn_net import FLOAT32, INT8, Net
from tinyproof.codegen import generate
from tinyproof.errors import UnsupportedModelError


def filter_shape(rng: Generator, channels: int) -> tuple[int, int, int, int]:
    """Return a filter 1HWC; every other one has several filters per channel."""
    multiplier = draw.integer(rng, 2, 9) if rng.random() < 0.5 else 1
    return 1, draw.integer(rng, 1, 5), draw.integer(rng, 1, 5), channels * multiplier


def quantized(
    rng: Generator, net: Net, x: int, shape: tuple[int, ...], *, bias: float = 0.8
) -> tuple[list[int], float]:
    """Add int8 weights of ``shape``, scales along axis 3; return the inputs and an output scale."""
    rows = draw.weights_s8(rng, (shape[3], shape[1], shape[2], 1))
    per_channel = rng.random() < 0.7
    inputs, scale = draw.quantized_layer(rng, net, x, rows, per_channel=per_channel, bias=bias)
    weights = np.ascontiguousarray(rows.transpose(3, 1, 2, 0))
    tensor = net.tensors[inputs[1]]
    tensor.shape = np.array(shape, np.int32)
    tensor.quantization.quantizedDimension = 3 if per_channel else 0
    net.buffers[tensor.buffer].data = np.frombuffer(weights.tobytes(), np.uint8)
    return inputs, scale


def depthwise_conv_2d_s8(rng: Generator) -> Net:
    net = Net()
    shape = draw.image(rng)
    x = net.input(shape, INT8, draw.scale(rng), draw.zero_point(rng))
    taps = filter_shape(rng, shape[3])
    inputs, scale = quantized(rng, net, x, taps)
    y = net.output(None, INT8, scale, draw.zero_point(rng))
    options = conv_options(rng, shape, taps[1:3])
    options["depthMultiplier"] = taps[3] // shape[3]
    net.operator("DEPTHWISE_CONV_2D", inputs, [y], "DepthwiseConv2DOptions", version=3, **options)
    return net


def depthwise_conv_2d_f32(rng: Generator) -> Net:
    net = Net()
    shape = draw.image(rng)
    taps = filter_shape(rng, shape[3])
    inputs = [net.input(shape, FLOAT32), net.constant(rng.normal(0, 1, taps).astype(np.float32))]
    if rng.random() < 0.8:
        inputs.append(net.constant(rng.normal(0, 1, taps[3]).astype(np.float32)))
    y = net.output(None, FLOAT32)
    options = conv_options(rng, shape, taps[1:3])
    options["depthMultiplier"] = taps[3] // shape[3]
    net.operator("DEPTHWISE_CONV_2D", inputs, [y], "DepthwiseConv2DOptions", version=2, **options)
    return net


def depthwise_then_pool_s8(rng: Generator) -> Net:
    net = Net()
    shape = (1, draw.integer(rng, 6, 12), draw.integer(rng, 6, 12), draw.integer(rng, 1, 9))
    x = net.input(shape, INT8, draw.scale(rng), draw.zero_point(rng))
    taps = (1, draw.integer(rng, 1, 2), draw.integer(rng, 1, 2), shape[3])
    inputs, scale = quantized(rng, net, x, taps, bias=1)
    zero = draw.zero_point(rng)
    middle = net.tensor(None, INT8, scale, zero)
    y = net.output(None, INT8, scale, zero)
    same = {"strideH": 1, "strideW": 1, "padding": draw.SAME, "depthMultiplier": 1}
    net.operator("DEPTHWISE_CONV_2D", inputs, [middle], "DepthwiseConv2DOptions", 3, **same)
    options = pool_options(rng, *shape[1:3], apart=True)
    net.operator("MAX_POOL_2D", [middle], [y], "Pool2DOptions", 2, **options)
    return net


def depthwise_then_pool_f32(rng: Generator) -> Net:
    net = Net()
    shape = (1, draw.integer(rng, 6, 12), draw.integer(rng, 6, 12), draw.integer(rng, 1, 9))
    taps = (1, draw.integer(rng, 1, 2), draw.integer(rng, 1, 2), shape[3])
    inputs = [net.input(shape, FLOAT32), net.constant(rng.normal(0, 1, taps).astype(np.float32))]
    middle, y = net.tensor(None, FLOAT32), net.output(None, FLOAT32)
    same = {"strideH": 1, "strideW": 1, "padding": draw.SAME, "depthMultiplier": 1}
    net.operator("DEPTHWISE_CONV_2D", inputs, [middle], "DepthwiseConv2DOptions", 2, **same)
    options = pool_options(rng, *shape[1:3], apart=True)
    net.operator("MAX_POOL_2D", [middle], [y], "Pool2DOptions", **options)
    return net


def test_depthwise_conv_2d_s8_equals_litert(nn: Harness) -> None:
    nn.prove(depthwise_conv_2d_s8, cases=300)


def test_depthwise_conv_2d_f32_equals_litert(nn: Harness) -> None:
    nn.prove(depthwise_conv_2d_f32, cases=150)


def test_pooling_the_sums_of_a_depthwise_convolution_equals_litert(nn: Harness) -> None:
    nn.prove(depthwise_then_pool_s8, cases=100)
    nn.prove(depthwise_then_pool_f32, cases=50)
    layers = [draw_case(depthwise_then_pool_s8, seed).generated.layers for seed in range(50)]
    assert sum(len(found) == 1 for found in layers) > 10


@pytest.mark.parametrize(
    ("filter_shape", "output", "reason"),
    [
        ((2, 3, 3, 4), (1, 5, 5, 4), r"its filter has the shape \[2, 3, 3, 4\]"),
        ((1, 3, 3, 6), (1, 5, 5, 6), "its 6 filters are no multiple of its 4 input channels"),
        ((1, 3, 3, 4), (1, 5, 5, 8), r"has the shape \[1, 5, 5, 8\] instead of \[1, 5, 5, 4\]"),
        ((1, 3, 3, 4), (1, 5, 6, 4), r"has the shape \[1, 5, 6, 4\] instead of \[1, 5, 5, 4\]"),
    ],
)
def test_a_depthwise_conv_2d_of_impossible_shape_is_refused(
    filter_shape: tuple[int, ...], output: tuple[int, ...], reason: str
) -> None:
    net = Net()
    x = net.input((1, 5, 5, 4), FLOAT32)
    weights = net.constant(np.zeros(filter_shape, np.float32))
    y = net.output(output, FLOAT32)
    same = {"strideH": 1, "strideW": 1, "padding": draw.SAME, "depthMultiplier": 1}
    net.operator("DEPTHWISE_CONV_2D", [x, weights], [y], "DepthwiseConv2DOptions", **same)
    with pytest.raises(UnsupportedModelError, match=rf"\(DEPTHWISE_CONV_2D\): .*{reason}"):
        generate(net.build())


def test_a_depthwise_conv_2d_with_scales_along_another_axis_is_refused() -> None:
    net = Net()
    x = net.input((1, 5, 5, 3), INT8, 0.5)
    rows = np.ones((1, 3, 3, 3), np.int8)
    weights = net.constant(rows, scale=[0.1, 0.2, 0.3], zero_point=[0, 0, 0], axis=1)
    y = net.output((1, 5, 5, 3), INT8, 0.5)
    same = {"strideH": 1, "strideW": 1, "padding": draw.SAME, "depthMultiplier": 1}
    net.operator("DEPTHWISE_CONV_2D", [x, weights], [y], "DepthwiseConv2DOptions", 3, **same)
    with pytest.raises(UnsupportedModelError, match="along axis 1 instead of 3"):
        generate(net.build())
