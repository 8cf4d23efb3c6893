"""Measures what a layer of each kind costs on each processor, for host/tinyproof/check/rates.json.

python tests/bench/rates.py [--on PROCESSOR]...

A few nets of one layer for each kind are counted (see ``counting`` and ``avr_cycles``), and the
costs of ``tinyproof.check.cost.parts`` fitted. The real models of ``fixtures`` and the small ones
of ``small_models`` have no part in the fit: what the rates miss of their counts is the error
stated.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "firmware"))

import numpy as np
from bare import Chip

from bench.avr_cycles import MCUS, measure, random_samples
from bench.counting import MACHINES, ROOT, count
from nn_net import FLOAT32, INT8, Net
from tinyproof.check.cost import PARTS, SEVERAL, estimate, kind_of, parts
from tinyproof.codegen import Generated, generate

PAGE = ROOT / "docs/speed.md"
OUT = ROOT / "host/tinyproof/check/rates.json"
CORES = ("cortex-m4", "cortex-m0", "rv32imc")
MODELS = {
    "digits int8": "digits/int8",
    "digits float32": "digits/float32",
    **{
        name: f"models/{name}"
        for name in (
            "audio_example1",
            "autoencoder_example",
            "image_classification",
            "image_example1.float32",
            "keyword_spotting",
            "tflite_micro_speech",
        )
    },
}
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


def counted(processor: str, generated: Generated, model: bytes) -> int | None:
    """Return the cost of one inference; None if the model is too large for a chip."""
    try:
        return _counted(processor, generated, model)
    except (RuntimeError, AssertionError):
        if processor not in MCUS:
            raise
        return None


def _counted(processor: str, generated: Generated, model: bytes) -> int:
    whole = all(tensor.dtype == np.int8 for tensor in generated.inputs)
    if processor in MCUS and whole:
        with tempfile.TemporaryDirectory(prefix="tinyproof-rates-") as folder:
            chip = Chip(Path(folder), processor, MCUS[processor], portable=False)
            found = measure(chip, model, random_samples(model, 2))
        return int(found.plain.max())
    machine = MACHINES["atmega328p" if processor in MCUS else processor]
    return count(machine, model).executed


def fitted(points: Sequence[tuple[Sequence[float], int]]) -> dict[str, float]:
    """Return the costs of the parts, none negative, of the least relative error squared.

    As few layers cannot tell many parts from each other, no more are fitted than there are layers.
    """
    counts = np.array([found for found, _ in points], np.float64)
    shares = counts / np.array([[cost] for _, cost in points], np.float64)
    best, least = np.zeros(len(PARTS)), np.inf
    for size in range(1, min(len(PARTS), len(points)) + 1):
        for chosen in combinations(range(len(PARTS)), size):
            some = np.linalg.lstsq(shares[:, chosen], np.ones(len(points)), rcond=None)[0]
            missed = float(((shares[:, chosen] @ some - 1) ** 2).sum())
            if (some >= 0).all() and missed < least - 1e-9:
                best = np.zeros(len(PARTS))
                best[list(chosen)], least = some, missed
    return {name: round(float(cost), 3) for name, cost in zip(PARTS, best, strict=True)}


def twice(layer: Layer) -> Layer:
    """Return a layer two times, side by side, and the sum of both."""
    shape, make = layer

    def both(net: Net, kind: int, x: int) -> int:
        first, second = make(net, kind, x), make(net, kind, x)
        y = tensor(net, kind, net.tensors[first].shape, 0.1)
        net.operator("ADD", [first, second], [y], "AddOptions")
        return y

    return shape, both


def several(processor: str) -> Iterator[tuple[str, Sequence[float], int]]:
    """Yield kind, parts and cycles of layers of which a model has two.

    Only an AVR's build optimizes kernels and model as a whole, and so makes a difference.
    """
    for layer in CASES if processor in MCUS else ():
        model = built(twice(layer), INT8)
        first = generate(model).layers[0]
        try:
            with tempfile.TemporaryDirectory(prefix="tinyproof-rates-") as folder:
                chip = Chip(Path(folder), processor, MCUS[processor], portable=False)
                found = measure(chip, model, random_samples(model, 2))
        except (RuntimeError, AssertionError):
            continue  # Too large for the chip.
        yield kind_of(first) + SEVERAL, parts(first), int(found.layers[:, 0].max())


def rates(processor: str) -> dict[str, dict[str, float]]:
    """Return the rates of every kind of layer."""
    points: dict[str, list[tuple[Sequence[float], int]]] = {}
    for generated, model in nets():
        (layer,) = generated.layers
        cost = counted(processor, generated, model)
        if cost is None:
            continue
        sys.stderr.write(f"{processor} {kind_of(layer)} {parts(layer)} {cost}\n")
        points.setdefault(kind_of(layer), []).append((parts(layer), cost))
    for kind, number, cost in several(processor):
        points.setdefault(kind, []).append((number, cost))
    return {kind: fitted(found) for kind, found in sorted(points.items())}


def known(processor: str) -> Iterator[tuple[str, bytes, int | None]]:
    """Yield name, model and count: of real models those of the page, of AVR of its own flags."""
    for name, model in small_models().items():
        yield name, model, counted(processor, generate(model), model)
    if processor in MCUS:
        for name in ("digits int8", "digits float32"):
            yield name, read(name), counted(processor, generate(read(name)), read(name))
        return
    title = MACHINES[processor].title
    row = re.compile(rf"^\| ([^|]+) \| {re.escape(title)} \| ([\d,]+) instructions", re.MULTILINE)
    for name, number in row.findall(PAGE.read_text()):
        if name in MODELS:
            yield name, read(name), int(number.replace(",", ""))


def read(name: str) -> bytes:
    """Return a real model."""
    return (ROOT / f"fixtures/{MODELS[name]}.tflite").read_bytes()


def errors(found: Mapping[str, Any], processor: str) -> dict[str, float]:
    """Return by how much the rates are off for each model of known cost, in percent."""
    return {
        name: round(100 * (sum(estimate(generate(model), found)) / executed - 1), 1)
        for name, model, executed in known(processor)
        if executed is not None
    }


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--on", action="append", choices=(*MCUS, *CORES))
    options = parser.parse_args()
    for processor in options.on or (*MCUS, *CORES):
        found = rates(processor)
        measured = {
            "unit": "cycles" if processor in MCUS else "instructions",
            "rates": found,
            "errors_percent": errors(found, processor),
        }
        # Read last: another processor may have been measured meanwhile.
        content = json.loads(OUT.read_text()) if OUT.exists() else {"processors": {}}
        content["processors"][processor] = measured
        OUT.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
