"""Operators that map each element by itself, against LiteRT: RELU to HARD_SWISH."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nn_draw as draw
import numpy as np
import pytest
from nn_harness import Case, Harness, draw_case, edge, random_values, reference
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from nn_net import FLOAT32, INT8, Net
from tinyproof.codegen import generate
from tinyproof.codegen.arithmetic import quantize_multiplier
from tinyproof.codegen.lower import lower
from tinyproof.codegen.normalise import normalise
from tinyproof.errors import UnsupportedModelError
from tinyproof.graph import read_graph

ALPHAS = (0.0, 0.01, 0.1, 0.3, 0.99, 1.0, 2.0, 5.0, -0.3, -2.0)
RELUS = ("RELU", "RELU6", "RELU_N1_TO_1")
ALL = (*RELUS, "LOGISTIC", "TANH", "LEAKY_RELU", "HARD_SWISH")
EVERY_INT8 = np.arange(-128, 128, dtype=np.int8)[None]


def add(net: Net, name: str, x: int, y: int, version: int, alpha: float) -> Net:
    """Add the operator; those without an int8 version of their own stay at version 1."""
    version = 1 if name in ("RELU_N1_TO_1", "HARD_SWISH") else version
    options: dict[str, Any] = {"alpha": alpha} if name == "LEAKY_RELU" else {}
    kind = "LeakyReluOptions" if name == "LEAKY_RELU" else ""
    net.operator(name, [x], [y], kind, version, **options)
    return net


def output_of(rng: Generator, name: str, input_scale: float) -> tuple[float, int]:
    """Return a scale and a zero point that LiteRT accepts for the output of ``name``."""
    if name == "LOGISTIC":
        return 1 / 256, -128
    if name == "HARD_SWISH":
        return input_scale * float(np.exp(rng.uniform(-4.5, 5))), draw.zero_point(rng)
    if name == "TANH" and rng.random() < 0.5:
        return 1 / 128, 0
    return draw.scale(rng, 1e-5, 10), draw.zero_point(rng)


def activation_s8(name: str) -> Callable[[Generator], Net]:
    """Return what draws an int8 ``name`` over all 256 inputs."""

    def drawn(rng: Generator) -> Net:
        net = Net()
        scale, zero = draw.scale(rng, 1e-5, 10), draw.zero_point(rng)
        output = output_of(rng, name, scale)
        if name in RELUS and rng.random() < 0.3:
            output = scale, zero
        x, y = net.input((1, 256), INT8, scale, zero), net.output(None, INT8, *output)
        return add(net, name, x, y, 2, float(rng.choice(ALPHAS)))

    return drawn


def activation_f32(name: str) -> Callable[[Generator], Net]:
    """Return what draws a float32 ``name`` of random shape."""

    def drawn(rng: Generator) -> Net:
        net = Net()
        x, y = net.input(draw.image(rng), FLOAT32), net.output(None, FLOAT32)
        return add(net, name, x, y, 1, float(rng.choice(ALPHAS)))

    return drawn


def table_of(model: bytes) -> NDArray[Any] | None:
    """Return the table that the generator makes of a model of one operator, if it makes one."""
    (layer,) = lower(normalise(read_graph(model)))
    return next((array.values for array in layer.arrays()), None)


@pytest.mark.parametrize("name", ALL)
def test_int8_equals_litert_for_every_input(nn: Harness, name: str) -> None:
    drawn = (draw_case(activation_s8(name), seed, samples=0) for seed in range(25))
    nn.prove_cases([Case(case.label, case.model, [(EVERY_INT8,)]) for case in drawn])


@pytest.mark.parametrize("name", ALL)
def test_tables_equal_litert_at_all_scales(name: str) -> None:
    tables = 0
    for seed in range(300):
        model = draw_case(activation_s8(name), seed, samples=0).model
        if (table := table_of(model)) is not None:
            interpreter = reference(model)
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], EVERY_INT8)
            interpreter.invoke()
            wanted = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
            assert np.array_equal(table[None], wanted), f"seed {seed}"
            tables += 1
    assert tables >= 200


@pytest.mark.parametrize("name", ALL)
def test_float32_equals_litert_at_every_magnitude(nn: Harness, name: str) -> None:
    cases = []
    for seed in range(15):
        rng = default_rng(seed)
        net = activation_f32(name)(rng)
        net.tensors[net.outputs[0]].shape = net.tensors[net.inputs[0]].shape
        x = net.tensors[net.inputs[0]]
        inputs = [random_values(rng, x) * np.float32(10.0**power) for power in range(-6, 4)]
        edges = [edge(x, kind) for kind in ("low", "high", "zero")]
        cases.append(Case(f"{name}(seed {seed})", net.build(), [(v,) for v in inputs + edges]))
    nn.prove_cases(cases)


@pytest.mark.parametrize("name", ["LOGISTIC", "TANH"])
def test_float32_equals_litert_one_value_at_a_time(nn: Harness, name: str) -> None:
    net = Net()
    x, y = net.input((1, 1), FLOAT32), net.output((1, 1), FLOAT32)
    model = add(net, name, x, y, 1, 0).build()
    values = np.concatenate([np.linspace(-110, 110, 500), np.linspace(-1, 1, 500), [np.inf]])
    nn.prove_cases([Case(name, model, [(v[None, None],) for v in values.astype(np.float32)])])


def one(name: str, output: tuple[float, int], shape: tuple[int, ...] = (1, 4)) -> bytes:
    net = Net()
    x, y = net.input((1, 4), INT8, 1.0, 3), net.output(shape, INT8, *output)
    return add(net, name, x, y, 2, 0.1).build()


@pytest.mark.parametrize(
    ("name", "output", "reason"),
    [
        ("LOGISTIC", (1 / 128, -128), "its output has the scale 0.0078125 instead of 1/256"),
        ("TANH", (1e-9, 0), "its output has the scale 1e-09"),
        ("HARD_SWISH", (1 / 200, 0), "its output scale is at most 1/128 of its input scale"),
        ("RELU", (1e-10, 0), "its scales are too far apart"),
        ("LEAKY_RELU", (1e-10, 0), "its scales are too far apart"),
    ],
)
def test_scales_that_cannot_be_computed_are_refused(
    name: str, output: tuple[float, int], reason: str
) -> None:
    with pytest.raises(UnsupportedModelError, match=rf"operator 0 \({name}\): {reason}"):
        generate(one(name, output))


@pytest.mark.parametrize("name", ALL)
def test_an_output_of_another_shape_is_refused(name: str) -> None:
    with pytest.raises(
        UnsupportedModelError, match=rf"\({name}\): .* \[1, 5\] instead of \[1, 4\]"
    ):
        generate(one(name, (1 / 256, -128), shape=(1, 5)))


@pytest.mark.parametrize("alpha", [float("nan"), float("inf")])
def test_a_leaky_relu_without_a_slope_is_refused(alpha: float) -> None:
    net = Net()
    x, y = net.input((1, 4), FLOAT32), net.output((1, 4), FLOAT32)
    with pytest.raises(UnsupportedModelError, match=r"\(LEAKY_RELU\): its alpha is (nan|inf)"):
        generate(add(net, "LEAKY_RELU", x, y, 1, alpha).build())


def test_activations_work_in_place() -> None:
    net = Net()
    x, middle = net.input((1, 64), INT8, 0.1, 0), net.tensor((1, 64), INT8, 0.1, 0)
    y = net.output((1, 64), INT8, 1 / 256, -128)
    add(net, "RELU", x, middle, 2, 0)
    add(net, "LOGISTIC", middle, y, 2, 0)
    assert generate(net.build()).arena_bytes == 64


@pytest.mark.parametrize("name", ["RELU", "LEAKY_RELU"])
def test_ratios_of_scales_are_rounded_to_float32_as_litert_does(name: str) -> None:
    """Scales whose ratio in float64 gives another table: ties that the last bit decides."""
    rng, found = default_rng(0), 0
    for _ in range(20_000):
        scale = draw.scale(rng)
        odd = [2 * draw.integer(rng, 1, 60) + 1 for _ in range(2)]
        output = float(np.float32(scale * 2.0 ** draw.integer(rng, 1, 4) * odd[0] / odd[1]))
        ties = np.abs(np.arange(256) * (scale / output) % 1 - 0.5) < 1e-6
        rounded = float(np.float32(scale) / np.float32(output))
        if not ties.any() or quantize_multiplier(scale / output) == quantize_multiplier(rounded):
            continue
        net = Net()
        x, y = net.input((1, 256), INT8, scale, -128), net.output((1, 256), INT8, output, -128)
        model = add(net, name, x, y, 2, 1.0).build()
        interpreter = reference(model)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], EVERY_INT8)
        interpreter.invoke()
        wanted = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        table = table_of(model)
        assert table is not None
        assert np.array_equal(wanted[0], table)
        found += 1
        if found == 10:
            return
    pytest.fail(f"only {found} such scales were drawn")
