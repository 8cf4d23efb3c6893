"""The arena is no larger than the one that TensorFlow Lite Micro needs for the same model.

TFLM's own recording allocator says what it needs. On this machine its persistent part holds 64-bit
pointers; on a 32-bit board it is at least half as large, so that is what counts here.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.random import Generator, default_rng
from tflite_micro.python.tflite_micro import runtime

from nn_net import INT8, Net
from tinyproof.codegen import generate
from tinyproof.codegen.lower import lower
from tinyproof.codegen.normalise import normalise
from tinyproof.codegen.plan import _blocks, _share, plan_arena
from tinyproof.graph import read_graph

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
MODELS = [
    *(FIXTURES / f"digits/{name}.tflite" for name in ("int8", "float32")),
    *sorted((FIXTURES / "models").glob("*.tflite")),
]
NETS = 80


def tflm_arena(model: bytes, capfd: pytest.CaptureFixture[str]) -> int:
    """Return the bytes that TFLM needs on a 32-bit board, at least."""
    capfd.readouterr()
    runtime.Interpreter.from_bytes(model, arena_size=1 << 22).print_allocations()
    said = "".join(capfd.readouterr())
    head, tail = (int(re.search(rf"{part} (\d+) bytes", said)[1]) for part in ("head", "tail"))  # type: ignore[index]
    return head + tail // 2


@pytest.mark.parametrize("path", MODELS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_arena_of_a_real_model_is_no_larger_than_tflm_s(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = path.read_bytes()
    assert generate(model).arena_bytes <= tflm_arena(model, capfd)


@pytest.mark.parametrize("first", range(0, NETS, 20))
def test_the_arena_of_any_net_is_no_larger_than_tflm_s(
    first: int, capfd: pytest.CaptureFixture[str]
) -> None:
    for seed in range(first, first + 20):
        model = random_net(default_rng(seed))
        ours, theirs = generate(model).arena_bytes, tflm_arena(model, capfd)
        assert ours <= theirs, f"seed {seed}: {ours} bytes, TFLM's {theirs}"


def random_net(rng: Generator) -> bytes:
    """Return an image net of convolutions, pools and sums with branches that live for long."""
    net = Net()
    shape = (1, int(rng.integers(6, 20)), int(rng.integers(6, 20)), int(rng.integers(1, 9)))
    known = [(net.input(shape, INT8, 0.5, 0), shape)]
    layers = int(rng.integers(2, 12))
    for number in range(layers):
        pick = known[-1] if rng.random() < 0.7 else known[int(rng.integers(len(known)))]
        twins = [other for other in known if other[1] == pick[1] and other is not pick]
        kinds = ["conv", "depthwise", "pool"] + ["add"] * 3 * bool(twins)
        kind = str(rng.choice(kinds))
        partner = twins[-1] if kind == "add" else None
        known.append(_append(net, rng, kind, pick, partner))
        if number == layers - 1:
            net.outputs.append(known[-1][0])
    return net.build()


_Known = tuple[int, tuple[int, int, int, int]]


def _append(net: Net, rng: Generator, kind: str, source: _Known, partner: _Known | None) -> _Known:
    index, (batch, height, width, channels) = source
    if kind == "add":
        assert partner is not None
        made = net.tensor(source[1], INT8, 0.5, 0)
        net.operator("ADD", [index, partner[0]], [made], "AddOptions")
        return made, source[1]
    stride = int(rng.integers(1, 3)) if height > 3 and width > 3 else 1
    filters = int(rng.integers(1, 24)) if kind == "conv" else channels
    shape = (batch, -(-height // stride), -(-width // stride), filters)
    made = net.tensor(shape, INT8, 0.5, 0)
    steps = {"strideH": stride, "strideW": stride, "padding": 0}
    if kind == "pool":
        options = {"filterHeight": 2, "filterWidth": 2, **steps}
        net.operator("MAX_POOL_2D", [index], [made], "Pool2DOptions", **options)
        return made, shape
    taps = int(rng.choice([1, 3, 5]))
    depthwise = kind == "depthwise"
    form = (1, taps, taps, filters) if depthwise else (filters, taps, taps, channels)
    scales = [0.01] * filters
    weights = net.constant(
        rng.integers(-127, 128, form, np.int8), scale=scales, axis=3 if depthwise else 0
    )
    bias = net.constant(np.zeros(filters, np.int32), scale=[0.005] * filters)
    dilation = {"dilationHFactor": 1, "dilationWFactor": 1}
    if depthwise:
        options = {"depthMultiplier": 1, **steps, **dilation}
        name, kind_of_options = "DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions"
    else:
        options = {**steps, **dilation}
        name, kind_of_options = "CONV_2D", "Conv2DOptions"
    net.operator(name, [index, weights, bias], [made], kind_of_options, version=3, **options)
    return made, shape


def test_the_plans_of_these_nets_cannot_be_smaller() -> None:
    """No arena is smaller than what is in use at once; the planner gets there."""
    for seed in range(NETS):
        normalised = normalise(read_graph(random_net(default_rng(seed))))
        layers = lower(normalised)
        plan = plan_arena(normalised, layers)
        used = [0] * len(layers)
        shared = _share(normalised, layers)
        for block in _blocks(normalised, layers, shared):
            for moment in range(max(block.first, 0), min(block.last + 1, len(layers))):
                used[moment] += -(-block.bytes // 4) * 4
        assert plan.bytes == max(used), f"seed {seed}"
