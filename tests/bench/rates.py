"""Measures what a layer of each kind costs on each processor, for host/tinyproof/check/rates.json.

python tests/bench/rates.py [--on PROCESSOR]...

A few nets of one layer for each kind are counted (see ``counting`` and ``avr_cycles``), and two
numbers fitted: cost for each multiply-accumulate, cost for each output value. The real models of
``fixtures`` have no part in the fit: what the rates miss of their counts is the error stated.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "firmware"))

import numpy as np
from bare import Chip

from bench.avr_cycles import MCUS, measure, random_samples
from bench.counting import MACHINES, ROOT, count
from nn_net import FLOAT32, INT8, Net
from tinyproof.check.cost import estimate, kind_of
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
RNG = np.random.default_rng(0)

Make = Callable[[Net, int, int], int]
"""Adds a layer of an element type to a net, reading a tensor; returns the tensor it writes."""


def tensor(net: Net, kind: int, shape: tuple[int, ...], scale: float = 0.05, zero: int = 0) -> int:
    """Add a tensor that is computed."""
    return net.tensor(shape, kind, *((scale, zero) if kind == INT8 else ()))


def constant(net: Net, kind: int, shape: tuple[int, ...], axis: int = 0) -> int:
    """Add weights."""
    if kind == FLOAT32:
        return net.constant(RNG.standard_normal(shape).astype(np.float32))
    values = RNG.integers(-127, 128, shape, np.int8)
    return net.constant(values, scale=[0.01] * shape[axis], axis=axis)


def bias(net: Net, kind: int, size: int) -> int:
    """Add a bias."""
    if kind == FLOAT32:
        return net.constant(np.zeros(size, np.float32))
    return net.constant(np.zeros(size, np.int32), scale=[0.0005] * size)


def conv(side: int, depth: int, filters: int, taps: int) -> tuple[tuple[int, ...], Make]:
    """Return a convolution of a square image."""

    def make(net: Net, kind: int, x: int) -> int:
        end = side - taps + 1
        y = tensor(net, kind, (1, end, end, filters))
        weights = constant(net, kind, (filters, taps, taps, depth))
        dilation = {"dilationHFactor": 1, "dilationWFactor": 1}
        parts = [x, weights, bias(net, kind, filters)]
        net.operator("CONV_2D", parts, [y], "Conv2DOptions", 3, **STEPS, **dilation)
        return y

    return (1, side, side, depth), make


def depthwise(side: int, depth: int, taps: int) -> tuple[tuple[int, ...], Make]:
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


def dense(inputs: int, outputs: int) -> tuple[tuple[int, ...], Make]:
    """Return a dense layer."""

    def make(net: Net, kind: int, x: int) -> int:
        y = tensor(net, kind, (1, outputs))
        parts = [x, constant(net, kind, (outputs, inputs)), bias(net, kind, outputs)]
        net.operator("FULLY_CONNECTED", parts, [y], "FullyConnectedOptions", 5)
        return y

    return (1, inputs), make


def pool(name: str, side: int, depth: int) -> tuple[tuple[int, ...], Make]:
    """Return a pooling over windows of 2 x 2."""

    def make(net: Net, kind: int, x: int) -> int:
        y = tensor(net, kind, (1, side // 2, side // 2, depth))
        steps = {"strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2, "padding": 1}
        net.operator(name, [x], [y], "Pool2DOptions", 2, **steps)
        return y

    return (1, side, side, depth), make


def unary(name: str, size: int, options: str = "", **fields: Any) -> tuple[tuple[int, ...], Make]:
    """Return an operator on a row of values."""
    fixed = name in ("SOFTMAX", "LOGISTIC")

    def make(net: Net, kind: int, x: int) -> int:
        y = tensor(net, kind, (1, size), *((1 / 256, -128) if fixed else ()))
        net.operator(name, [x], [y], options, **fields)
        return y

    return (1, size), make


def binary(name: str, size: int) -> tuple[tuple[int, ...], Make]:
    """Return an operator on a row of values and itself."""

    def make(net: Net, kind: int, x: int) -> int:
        y = tensor(net, kind, (1, size), 0.1)
        net.operator(name, [x, x], [y], name.title() + "Options")
        return y

    return (1, size), make


CASES = (
    conv(8, 1, 8, 3),
    conv(6, 8, 8, 3),
    conv(6, 16, 16, 1),
    depthwise(8, 8, 3),
    depthwise(8, 4, 5),
    dense(72, 10),
    dense(128, 20),
    pool("MAX_POOL_2D", 8, 8),
    pool("AVERAGE_POOL_2D", 8, 8),
    binary("ADD", 128),
    binary("MUL", 128),
    unary("SOFTMAX", 12, "SoftmaxOptions", beta=1.0),
    unary("LOGISTIC", 128),
    unary("RELU", 128),
)


def nets() -> Iterator[tuple[Generated, bytes]]:
    """Yield every case in both element types."""
    for kind in (INT8, FLOAT32):
        for shape, make in CASES:
            net = Net()
            x = net.input(shape, kind, *((0.05, 0) if kind == INT8 else ()))
            net.outputs.append(make(net, kind, x))
            model = net.build()
            yield generate(model), model


def counted(processor: str, generated: Generated, model: bytes) -> int:
    """Return the cost of one inference."""
    whole = all(tensor.dtype == np.int8 for tensor in generated.inputs)
    if processor in MCUS and whole:
        with tempfile.TemporaryDirectory(prefix="tinyproof-rates-") as folder:
            chip = Chip(Path(folder), processor, MCUS[processor], portable=False)
            found = measure(chip, model, random_samples(model, 2))
        return int(found.plain.max())
    machine = MACHINES["atmega328p" if processor in MCUS else processor]
    return count(machine, model).executed


def fitted(points: list[tuple[int, int, int]]) -> dict[str, float]:
    """Return cost per multiply-accumulate and per output value, neither negative."""
    rows = np.array(points, np.float64)
    costs = rows[:, 2]
    both = np.linalg.lstsq(rows[:, :2] / costs[:, None], np.ones(len(rows)), rcond=None)[0]
    alone = [
        float((rows[:, i] / costs).sum() / max(((rows[:, i] / costs) ** 2).sum(), 1e-12))
        for i in (0, 1)
    ]
    if not rows[:, 0].any() or both[0] <= 0:
        both = np.array([0, alone[1]])
    elif both[1] < 0:
        both = np.array([alone[0], 0])
    return {"per_mac": round(float(both[0]), 3), "per_output": round(float(both[1]), 2)}


def rates(processor: str) -> dict[str, dict[str, float]]:
    """Return the rates of every kind of layer."""
    points: dict[str, list[tuple[int, int, int]]] = {}
    for generated, model in nets():
        (layer,) = generated.layers
        try:
            cost = counted(processor, generated, model)
        except (RuntimeError, AssertionError):
            if processor not in MCUS:
                raise
            continue  # Too large for the chip.
        sys.stderr.write(f"{processor} {kind_of(layer)} {layer.macs} {cost}\n")
        point = (layer.macs, int(np.prod(layer.output)), cost)
        points.setdefault(kind_of(layer), []).append(point)
    return {kind: fitted(found) for kind, found in sorted(points.items())}


def known(processor: str) -> dict[str, int]:
    """Return the counts of the real models: those of the page, of AVR those of its own flags."""
    if processor in MCUS:
        return {
            name: counted(processor, generate(model), model)
            for name, model in ((n, read(n)) for n in ("digits int8", "digits float32"))
        }
    title = MACHINES[processor].title
    row = re.compile(rf"^\| ([^|]+) \| {re.escape(title)} \| ([\d,]+) instructions", re.MULTILINE)
    return {
        name: int(number.replace(",", ""))
        for name, number in row.findall(PAGE.read_text())
        if name in MODELS
    }


def read(name: str) -> bytes:
    """Return a real model."""
    return (ROOT / f"fixtures/{MODELS[name]}.tflite").read_bytes()


def errors(found: Mapping[str, Any], processor: str) -> dict[str, float]:
    """Return by how much the rates are off for each real model, in percent."""
    return {
        name: round(100 * (sum(estimate(generate(read(name)), found)) / executed - 1), 1)
        for name, executed in known(processor).items()
    }


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--on", action="append", choices=(*MCUS, *CORES))
    options = parser.parse_args()
    content = json.loads(OUT.read_text()) if OUT.exists() else {"processors": {}}
    for processor in options.on or (*MCUS, *CORES):
        found = rates(processor)
        content = json.loads(OUT.read_text()) if OUT.exists() else content
        content["processors"][processor] = {
            "unit": "cycles" if processor in MCUS else "instructions",
            "rates": found,
            "errors_percent": errors(found, processor),
        }
        OUT.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
