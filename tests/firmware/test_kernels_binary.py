"""ADD, SUB, MUL, MAXIMUM and MINIMUM against LiteRT, broadcasting included."""

from __future__ import annotations

from typing import Any

import nn_draw as draw
import numpy as np
import pytest
from nn_harness import Draw, Harness, draw_case, reference
from numpy.random import Generator

from nn_net import FLOAT32, INT8, INT32, Net
from tinyproof.codegen import generate
from tinyproof.errors import UnsupportedModelError

OPTIONS = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}
EXTREMA = ("MAXIMUM", "MINIMUM")


def shapes(rng: Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return two shapes that broadcast: equal, a scalar, one channel vector, or anything."""
    rank = int(rng.choice([1, 2, 3, 4, 4, 4, 5, 6]))
    side = 6 if rank < 5 else 3
    full = tuple(draw.integer(rng, 1, side) for _ in range(rank))
    kind = rng.choice(["equal", "scalar", "vector", "any", "any"])
    if kind == "equal":
        return full, full
    other = {"scalar": (1,), "vector": full[-1:]}.get(str(kind))
    if other is None:
        other = tuple(int(rng.choice([1, size])) for size in full[draw.integer(rng, 0, rank - 1) :])
        keep = len(full) - len(other)
        cut = tuple(size if size != 1 and rng.random() < 0.5 else 1 for size in other)
        full = full[:keep] + tuple(
            1 if rng.random() < 0.3 and one == size else size
            for one, size in zip(cut, full[keep:], strict=True)
        )
        other = cut
    return (full, other) if rng.random() < 0.5 else (other, full)


def operand(rng: Generator, net: Net, shape: tuple[int, ...], *, constant: bool, s8: bool) -> int:
    """Add an operand; one scale in four is a power of two, maybe a tiny one, to make ties."""
    power = rng.random() < 0.25
    scale = 2.0 ** -draw.integer(rng, 0, 24) if power else draw.scale(rng)
    zero = draw.zero_point(rng)
    if not s8:
        values: Any = rng.normal(0, 1, shape).astype(np.float32)
        return net.constant(values) if constant else net.input(shape, FLOAT32)
    if constant:
        values = rng.integers(-128, 128, shape, dtype=np.int8)
        return net.constant(values, scale=scale, zero_point=zero)
    return net.input(shape, INT8, scale, zero)


def output_scale(rng: Generator, net: Net, pair: list[int]) -> float:
    """Return an output scale that LiteRT takes: random, a power of two of a product, or tiny."""
    scales = [float(net.tensors[index].quantization.scale[0]) for index in pair]
    lowest = max(2 * max(scales) / (1 << 20), 1e-8)
    kind = rng.choice(["random", "product", "tiny"])
    if kind == "tiny":
        return float(np.float32(lowest * 2.0 ** draw.integer(rng, 1, 6)))
    product = np.float32(scales[0]) * np.float32(scales[1])
    wanted = product * 2.0 ** draw.integer(rng, -1, 8) if kind == "product" else draw.scale(rng)
    return float(np.float32(max(wanted, 1.01 * lowest)))


def binary(name: str, *, s8: bool) -> Draw:
    """Return what draws a model of one operator ``name``."""

    def draw_one(rng: Generator) -> Net:
        net = Net()
        constant = int(rng.choice([0, 1, 2, 2, 2]))
        pair = [
            operand(rng, net, shape, constant=position == constant, s8=s8)
            for position, shape in enumerate(shapes(rng))
        ]
        quantization = (output_scale(rng, net, pair), draw.zero_point(rng)) if s8 else ()
        y = net.output(None, INT8 if s8 else FLOAT32, *quantization)
        clamp = {"fusedActivationFunction": int(rng.choice(draw.CLAMPS))}
        if name in EXTREMA:
            net.operator(name, pair, [y], "MaximumMinimumOptions", version=2)
        else:
            net.operator(name, pair, [y], OPTIONS[name], version=2 if s8 else 1, **clamp)
        return net

    draw_one.__name__ = f"{name.lower()}_{'s8' if s8 else 'f32'}"
    return draw_one


@pytest.mark.parametrize("name", [*OPTIONS, *EXTREMA])
def test_int8_equals_litert(nn: Harness, name: str) -> None:
    nn.prove(binary(name, s8=True), cases=200)


@pytest.mark.parametrize("name", [*OPTIONS, *EXTREMA])
def test_float32_equals_litert(nn: Harness, name: str) -> None:
    nn.prove(binary(name, s8=False), cases=100)


def refusal(net: Net) -> str:
    """Return why the model of ``net`` is refused."""
    with pytest.raises(UnsupportedModelError) as caught:
        generate(net.build())
    return str(caught.value)


def small(kinds: tuple[int, int, int] = (INT8,) * 3, **fields: Any) -> Net:
    """Return an ADD of tensors of shape 1 x 4, the last one being the output."""
    net = Net()
    x, y = (net.input((1, 4), kind, 0.5, 0) for kind in kinds[:2])
    net.operator("ADD", [x, y], [net.output((1, 4), kinds[2], 0.5, 0)], "AddOptions", 2, **fields)
    return net


def test_mixed_and_other_element_types_are_refused_by_name() -> None:
    assert "ADD" in refusal(small((INT8, INT32, INT8)))
    assert "mixed" in refusal(small((INT8, INT32, INT8)))
    assert "int32" in refusal(small((INT32,) * 3))


def test_an_activation_that_is_no_clamp_is_refused() -> None:
    assert "TANH" in refusal(small(fusedActivationFunction=4))


@pytest.mark.parametrize("scale", [1e-45, 1e-20, 2e-9])
def test_a_scale_too_small_for_the_activation_is_refused_as_litert_does(scale: float) -> None:
    net = small(fusedActivationFunction=3)
    for tensor in net.tensors:
        tensor.quantization.scale = np.array([scale], np.float32)
    assert "too small for its fused activation" in refusal(net)
    with pytest.raises(RuntimeError, match="no_integer_overflow_from_quantization"):
        reference(net.build())


def test_shapes_that_do_not_broadcast_are_refused() -> None:
    net = small()
    net.tensors[1].shape = np.array([1, 3], np.int32)
    assert "[1, 4] and [1, 3] do not broadcast" in refusal(net)
    net = small()
    net.tensors[2].shape = np.array([4, 4], np.int32)
    assert "[4, 4] instead of [1, 4]" in refusal(net)


def test_an_output_scale_that_litert_aborts_on_is_refused() -> None:
    net = small()
    net.tensors[2].quantization.scale = np.array([1e-9], np.float32)
    assert "too small" in refusal(net)
    net = small()
    net.tensors[2].quantization = None
    assert "not quantized" in refusal(net)


def test_two_constant_operands_are_refused() -> None:
    net = Net()
    net.input((1,), FLOAT32)
    pair = [net.constant(np.ones(2, np.float32)) for _ in range(2)]
    net.operator("MAXIMUM", pair, [net.output((2,), FLOAT32)], "MaximumMinimumOptions")
    assert "both its inputs are constant" in refusal(net)


def test_a_walk_along_too_many_axes_is_refused() -> None:
    net = Net()
    pair = [net.input([2, 1] * 4, FLOAT32), net.input([1, 2] * 4, FLOAT32)]
    net.operator("MUL", pair, [net.output([2] * 8, FLOAT32)], "MulOptions")
    assert "8 axes" in refusal(net)


@pytest.mark.parametrize(
    ("shapes_of_operands", "axes"),
    [
        (((2, 3, 4), (2, 3, 4)), 0),
        (((2, 3, 4), (1,)), 0),
        (((2, 3, 4), (4,)), 1),
        (((2, 3, 4), (1, 3, 1)), 2),
        (((2, 1, 4), (1, 3, 1)), 2),
    ],
)
def test_common_shapes_become_few_loops(
    shapes_of_operands: tuple[tuple[int, ...], tuple[int, ...]], axes: int
) -> None:
    net = Net()
    pair = [net.input(shape, FLOAT32) for shape in shapes_of_operands]
    output = np.broadcast_shapes(*shapes_of_operands)
    net.operator("ADD", pair, [net.output(output, FLOAT32)], "AddOptions")
    assert f".outer = {axes}," in generate(net.build()).header


def test_a_sum_takes_the_memory_of_an_operand_that_nothing_else_reads() -> None:
    def chain(rng: Generator) -> Net:
        net = Net()
        x = net.input((1, 2, 2, 4), FLOAT32)
        sums = [net.tensor((1, 2, 2, 4), FLOAT32), net.output((1, 2, 2, 4), FLOAT32)]
        net.operator("ADD", [x, net.constant(np.ones(4, np.float32))], [sums[0]], "AddOptions")
        net.operator("SUB", [x, sums[0]], [sums[1]], "SubOptions")
        return net

    assert draw_case(chain, 0).generated.arena_bytes == 2 * 64
