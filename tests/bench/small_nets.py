"""Nets of one layer, which rates are fitted to, and small ones, which they are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nn_net import FLOAT32, INT8, Net
from tinyproof.codegen import Generated, generate

STEPS = {"strideH": 1, "strideW": 1, "padding": 1}

Make = Callable[[Net, int, int], int]
"""Adds a layer of an element type to a net, reading a tensor; returns the tensor it writes."""
Layer = tuple[tuple[int, ...], Make]
"""Shape of the input, and what makes the layer."""


def tensor(
    net: Net, kind: int, shape: tuple[int, ...], scale: float = 0.05, zero: int = -10
) -> int:
    """Add a tensor that is computed."""
    return int(net.tensor(shape, kind, *((scale, zero) if kind == INT8 else ())))


def scales(size: int) -> list[float]:
    """Return scales of weights as real models have them: an 8-bit chip shifts by 7 to 10 bits."""
    exponents = np.random.default_rng(size).uniform(-1.5, 1.5, size)
    return [float(scale) for scale in 0.002 * 2**exponents]


def constant(net: Net, kind: int, shape: tuple[int, ...], axis: int = 0) -> int:
    """Add weights."""
    rng = np.random.default_rng([len(net.tensors), *shape])
    if kind == FLOAT32:
        return net.constant(rng.standard_normal(shape).astype(np.float32))
    values = rng.integers(-127, 128, shape, np.int8)
    return net.constant(values, scale=scales(shape[axis]), axis=axis)


def bias(net: Net, kind: int, size: int) -> int:
    """Add a bias."""
    if kind == FLOAT32:
        return net.constant(np.zeros(size, np.float32))
    return net.constant(np.zeros(size, np.int32), scale=[0.05 * scale for scale in scales(size)])


def conv(side: int, depth: int, filters: int, taps: int, *, same: bool = False) -> Layer:
    """Return a convolution of a square image, padded to the ``same`` size or not at all."""

    def make(net: Net, kind: int, x: int) -> int:
        end = side if same else side - taps + 1
        steps = {**STEPS, "padding": 0 if same else 1}
        y = tensor(net, kind, (1, end, end, filters))
        weights = constant(net, kind, (filters, taps, taps, depth))
        dilation = {"dilationHFactor": 1, "dilationWFactor": 1}
        parts = [x, weights, bias(net, kind, filters)]
        net.operator("CONV_2D", parts, [y], "Conv2DOptions", 3, **steps, **dilation)
        return y

    return (1, side, side, depth), make


def depthwise(side: int, depth: int, taps: int) -> Layer:
    """Return a depthwise convolution of a square image."""

    def make(net: Net, kind: int, x: int) -> int:
        end = side - taps + 1
        y = tensor(net, kind, (1, end, end, depth))
        weights = constant(net, kind, (1, taps, taps, depth), 3)
        more = {"depthMultiplier": 1, "dilationHFactor": 1, "dilationWFactor": 1}
        parts = [x, weights, bias(net, kind, depth)]
        net.operator("DEPTHWISE_CONV_2D", parts, [y], "DepthwiseConv2DOptions", 3, **STEPS, **more)
        return y

    return (1, side, side, depth), make


def dense(inputs: int, outputs: int) -> Layer:
    """Return a dense layer."""

    def make(net: Net, kind: int, x: int) -> int:
        y = tensor(net, kind, (1, outputs))
        parts = [x, constant(net, kind, (outputs, inputs)), bias(net, kind, outputs)]
        net.operator("FULLY_CONNECTED", parts, [y], "FullyConnectedOptions", 5)
        return y

    return (1, inputs), make


def pool(name: str, side: int, depth: int) -> Layer:
    """Return a pooling over windows of 2 x 2."""

    def make(net: Net, kind: int, x: int) -> int:
        y = tensor(net, kind, (1, side // 2, side // 2, depth))
        steps = {"strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2, "padding": 1}
        net.operator(name, [x], [y], "Pool2DOptions", 2, **steps)
        return y

    return (1, side, side, depth), make


def unary(name: str, size: int, options: str = "", **fields: Any) -> Layer:
    """Return an operator on a row of values."""
    fixed = name in ("SOFTMAX", "LOGISTIC")

    def make(net: Net, kind: int, x: int) -> int:
        y = tensor(net, kind, (1, size), *((1 / 256, -128) if fixed else ()))
        net.operator(name, [x], [y], options, **fields)
        return y

    return (1, size), make


def mean(side: int, depth: int) -> Layer:
    """Return the mean of each channel of a square image."""

    def make(net: Net, kind: int, x: int) -> int:
        y = tensor(net, kind, (1, depth), 0.03)
        axes = net.constant(np.array([1, 2], np.int32))
        net.operator("MEAN", [x, axes], [y], "ReducerOptions", keepDims=False)
        return y

    return (1, side, side, depth), make


def pool_all(name: str, side: int, depth: int) -> Layer:
    """Return a pooling over the whole of a square image."""

    def make(net: Net, kind: int, x: int) -> int:
        y = tensor(net, kind, (1, 1, 1, depth))
        size = {"filterHeight": side, "filterWidth": side}
        net.operator(name, [x], [y], "Pool2DOptions", 2, **{**STEPS, **size})
        return y

    return (1, side, side, depth), make


def binary(name: str, size: int) -> Layer:
    """Return an operator on a row of values and itself."""

    def make(net: Net, kind: int, x: int) -> int:
        y = tensor(net, kind, (1, size), 0.1)
        net.operator(name, [x, x], [y], name.title() + "Options")
        return y

    return (1, size), make


def flat(shape: tuple[int, ...]) -> Layer:
    """Return a reshape to one row."""
    size = int(np.prod(shape))

    def make(net: Net, kind: int, x: int) -> int:
        y = tensor(net, kind, (1, size))
        row = net.constant(np.array([1, size], np.int32))
        net.operator("RESHAPE", [x, row], [y], "ReshapeOptions", newShape=[1, size])
        return y

    return shape, make


def chain(*layers: Layer) -> Layer:
    """Return layers one after the other."""

    def make(net: Net, kind: int, x: int) -> int:
        for _, layer in layers:
            x = layer(net, kind, x)
        return x

    return layers[0][0], make


def pooled(side: int, depth: int, filters: int, *, same: bool = False) -> Layer:
    """Return a convolution of 3 x 3 and the pooling that engine aot carries out with it."""
    end = side if same else side - 2
    return chain(conv(side, depth, filters, 3, same=same), pool("MAX_POOL_2D", end, filters))


CASES = (
    conv(8, 1, 8, 3),
    conv(6, 8, 8, 3),
    conv(6, 16, 16, 1),
    conv(12, 1, 4, 3),
    conv(5, 4, 16, 3),
    conv(3, 2, 2, 3),
    conv(8, 3, 8, 3, same=True),
    conv(8, 16, 32, 3, same=True),
    conv(8, 16, 16, 3, same=True),
    pooled(8, 1, 8),
    pooled(8, 4, 8),
    pooled(14, 1, 4),
    pooled(6, 1, 4),
    pooled(10, 4, 4),
    pooled(8, 1, 8, same=True),
    depthwise(8, 8, 3),
    depthwise(8, 4, 5),
    depthwise(5, 2, 3),
    depthwise(4, 16, 3),
    depthwise(14, 4, 10),
    dense(72, 10),
    dense(128, 20),
    dense(8, 16),
    dense(16, 2),
    dense(4, 1),
    dense(2000, 4),
    pool("MAX_POOL_2D", 8, 8),
    pool("MAX_POOL_2D", 4, 2),
    pool("AVERAGE_POOL_2D", 8, 8),
    pool("AVERAGE_POOL_2D", 4, 2),
    pool_all("MAX_POOL_2D", 6, 6),
    pool_all("AVERAGE_POOL_2D", 6, 6),
    mean(8, 8),
    mean(3, 6),
    mean(2, 16),
    binary("ADD", 128),
    binary("ADD", 8),
    binary("MUL", 128),
    binary("MUL", 8),
    unary("SOFTMAX", 12, "SoftmaxOptions", beta=1.0),
    unary("SOFTMAX", 3, "SoftmaxOptions", beta=1.0),
    unary("LOGISTIC", 128),
    unary("LOGISTIC", 2),
    unary("TANH", 64),
    unary("TANH", 8),
    unary("RELU", 128),
    unary("RELU", 8),
)
SMALL = {
    "small CNN": chain(
        conv(12, 1, 8, 3), pool("MAX_POOL_2D", 10, 8), conv(5, 8, 16, 3), flat((1, 3, 3, 16)),
        dense(144, 3), unary("SOFTMAX", 3, "SoftmaxOptions", beta=1.0),
    ),
    "small averaged CNN": chain(
        conv(12, 1, 4, 3), pool("MAX_POOL_2D", 10, 4), conv(5, 4, 6, 3), mean(3, 6), dense(6, 3),
        unary("SOFTMAX", 3, "SoftmaxOptions", beta=1.0),
    ),
    "small padded CNN": chain(
        conv(10, 3, 4, 3, same=True), pool("MAX_POOL_2D", 10, 4), conv(5, 4, 8, 3, same=True),
        flat((1, 5, 5, 8)), dense(200, 4),
    ),
    "small separable CNN": chain(
        conv(10, 1, 4, 3), depthwise(8, 4, 3), conv(6, 4, 8, 1), pool("AVERAGE_POOL_2D", 6, 8),
        flat((1, 3, 3, 8)), dense(72, 2),
    ),
    "dense tanh dense": chain(dense(8, 16), unary("TANH", 16), dense(16, 2)),
    "dense relu dense": chain(dense(24, 12), unary("RELU", 12), dense(12, 4)),
    "dense logistic": chain(dense(6, 1), unary("LOGISTIC", 1)),
}  # fmt: skip
"""Models such as people begin with; each in both element types."""


def built(layer: Layer, kind: int) -> bytes:
    """Return the bytes of a ``.tflite`` of one element type."""
    shape, make = layer
    net = Net()
    x = net.input(shape, kind, *((0.05, -10) if kind == INT8 else ()))
    net.outputs.append(make(net, kind, x))
    return net.build()


def nets() -> Iterator[tuple[Generated, bytes]]:
    """Yield every case in both element types."""
    for kind in (INT8, FLOAT32):
        for layer in CASES:
            model = built(layer, kind)
            yield generate(model), model


def small_models() -> dict[str, bytes]:
    """Return the small models by name."""
    kinds = (("int8", INT8), ("float32", FLOAT32))
    return {f"{name} {of}": built(net, kind) for name, net in SMALL.items() for of, kind in kinds}


def twice(layer: Layer) -> Layer:
    """Return a layer two times, side by side, and the sum of both."""
    shape, make = layer

    def both(net: Net, kind: int, x: int) -> int:
        first, second = make(net, kind, x), make(net, kind, x)
        y = tensor(net, kind, net.tensors[first].shape, 0.1)
        net.operator("ADD", [first, second], [y], "AddOptions")
        return y

    return shape, both
