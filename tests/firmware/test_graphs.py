"""Whole graphs against LiteRT: folded shapes, aliases, several inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nn_draw as draw
import numpy as np
import pytest
from nn_harness import Draw, Harness, draw_case
from numpy.random import Generator
from numpy.typing import NDArray

from nn_net import FLOAT32, INT8, INT16, INT32, Net
from tinyproof.codegen import generate
from tinyproof.errors import UnsupportedModelError


class Growing:
    """A graph that grows by one operator after another, all of one element type and scale."""

    def __init__(self, rng: Generator, kind: int) -> None:
        self.rng, self.kind, self.net = rng, kind, Net()
        self.scale = (0.5, 3) if kind == INT8 else ()
        self.shapes: dict[int, tuple[int, ...]] = {}
        for _ in range(draw.integer(rng, 1, 3)):
            shape = tuple(draw.integer(rng, 1, 4) for _ in range(draw.integer(rng, 2, 4)))
            self.shapes[self.net.input(shape, kind, *self.scale)] = shape

    def any(self) -> int:
        """Return one of the tensors, mostly a late one."""
        tensors = list(self.shapes)
        return tensors[-1] if self.rng.random() < 0.4 else int(self.rng.choice(tensors))

    def fellow(self, shape: tuple[int, ...]) -> int:
        """Return a tensor of ``shape``, the latest; there is one."""
        return [index for index, other in self.shapes.items() if other == shape][-1]

    def add(
        self, name: str, inputs: list[int], shape: tuple[int, ...], options: str, **fields: Any
    ) -> int:
        """Add an operator with one output."""
        y = self.net.tensor(shape, self.kind, *self.scale)
        version = 1 if name in ("EXPAND_DIMS", "RESHAPE", "SQUEEZE") else 2
        self.net.operator(name, inputs, [y], options, version, **fields)
        self.shapes[y] = shape
        return y

    def integers(self, numbers: Any) -> int:
        """Add an int32 constant."""
        return self.net.constant(np.array(numbers, np.int32))

    def sum(self) -> None:
        x = self.any()
        pair = [x, self.fellow(self.shapes[x])]
        self.add("ADD" if self.rng.random() < 0.5 else "SUB", pair, self.shapes[x], "")

    def scaled(self) -> None:
        x = self.any()
        values: NDArray[Any] = self.rng.normal(0, 1, self.shapes[x][-1:]).astype(np.float32)
        if self.kind == INT8:
            values = self.rng.integers(-128, 128, self.shapes[x][-1:], dtype=np.int8)
        quantization = {"scale": 0.02, "zero_point": 0} if self.kind == INT8 else {}
        pair = [self.net.constant(values, **quantization), x]
        self.add("MUL", pair, self.shapes[x], "")

    def reshaped(self) -> None:
        x = self.any()
        shape = (1, int(np.prod(self.shapes[x])))
        self.add("RESHAPE", [x, self.integers(shape)], shape, "ReshapeOptions")

    def expanded(self) -> None:
        x = self.any()
        if len(self.shapes[x]) < 4:
            y = self.add("EXPAND_DIMS", [x, self.integers(0)], (1, *self.shapes[x]), "")
            self.add("SQUEEZE", [y], self.shapes[x], "SqueezeOptions", squeezeDims=[0])

    def joined(self) -> None:
        x = self.any()
        shape = self.shapes[x]
        parts = [x, self.fellow(shape), x][: draw.integer(self.rng, 2, 3)]
        whole = (*shape[:-1], shape[-1] * len(parts))
        if int(np.prod(whole)) < 200:
            self.add("CONCATENATION", parts, whole, "ConcatenationOptions", axis=-1)

    def turned(self) -> None:
        x = self.any()
        order = list(reversed(range(len(self.shapes[x]))))
        shape = self.shapes[x][::-1]
        self.add("TRANSPOSE", [x, self.integers(order)], shape, "TransposeOptions")

    def parted(self) -> None:
        x = self.any()
        shape = self.shapes[x]
        if shape[0] % 2 == 0:
            half = (shape[0] // 2, *shape[1:])
            parts = [self.net.tensor(half, self.kind, *self.scale) for _ in range(2)]
            where = self.integers(0)
            self.net.operator("SPLIT", [where, x], parts, "SplitOptions", 2, numSplits=2)
            self.shapes.update(dict.fromkeys(parts, half))


STEPS: tuple[Callable[[Growing], None], ...] = (
    Growing.sum,
    Growing.sum,
    Growing.scaled,
    Growing.reshaped,
    Growing.expanded,
    Growing.joined,
    Growing.turned,
    Growing.parted,
)


def graph(kind: int) -> Draw:
    """Return what draws a graph of up to a dozen operators with one to three outputs."""

    def draw_one(rng: Generator) -> Net:
        growing = Growing(rng, kind)
        growing.sum()
        for _ in range(draw.integer(rng, 2, 10)):
            STEPS[draw.integer(rng, 0, len(STEPS) - 1)](growing)
        made = [index for index in growing.shapes if index not in growing.net.inputs]
        count = min(len(made), draw.integer(rng, 1, 3))
        chosen = {made[-1], *rng.choice(made, count).tolist()}
        growing.net.outputs = [int(index) for index in rng.permutation(sorted(chosen))]
        return growing.net

    draw_one.__name__ = f"graph_{'s8' if kind == INT8 else 'f32'}"
    return draw_one


@pytest.mark.parametrize("kind", [INT8, FLOAT32], ids=["int8", "float32"])
def test_any_graph_equals_litert(nn: Harness, kind: int) -> None:
    nn.prove(graph(kind), cases=200, samples=2)


def test_the_drawn_graphs_have_several_inputs_and_outputs() -> None:
    cases = [draw_case(graph(FLOAT32), seed, 0).generated for seed in range(40)]
    assert {len(case.inputs) for case in cases} == {1, 2, 3}
    assert {len(case.outputs) for case in cases} >= {1, 2, 3}


def flatten(shape: tuple[int, ...], *, arithmetic: bool = False) -> Net:
    """Return what converters make of Flatten for a free batch, over a tensor of ``shape``."""
    net = Net()
    x = net.input(shape, FLOAT32)
    net.tensors[x].shapeSignature = np.array([-1, *shape[1:]], np.int32)
    sizes, batch = net.tensor((len(shape),), INT32), net.tensor((), INT32)
    target, y = net.tensor((2,), INT32), net.output((1, int(np.prod(shape))), FLOAT32)
    net.operator("SHAPE", [x], [sizes], "ShapeOptions", outType=INT32)
    taken = [net.constant(int32(number)) for number in (0, 1, 1)]
    net.operator("STRIDED_SLICE", [sizes, *taken], [batch], "StridedSliceOptions", shrinkAxisMask=1)
    if arithmetic:
        one, same = net.constant(np.array(1, np.int32)), net.tensor((), INT32)
        net.operator("MUL", [batch, one], [same], "MulOptions")
        batch = same
    rest = net.constant(np.array(-1, np.int32))
    net.operator("PACK", [batch, rest], [target], "PackOptions", valuesCount=2)
    net.operator("RESHAPE", [x, target], [y], "ReshapeOptions")
    return net


@pytest.mark.parametrize("arithmetic", [False, True])
def test_the_shapes_around_a_flatten_are_folded_away(arithmetic: bool) -> None:
    generated = generate(flatten((1, 3, 4), arithmetic=arithmetic).build())
    assert generated.layers == ()
    assert generated.arena_bytes == 48
    assert generated.weight_bytes == 0


def opened(net: Net, shape: tuple[int, ...], signature: tuple[int, ...]) -> int:
    """Add a tensor with open dimensions, for which the file says 1."""
    index = net.tensor(shape, FLOAT32)
    net.tensors[index].shapeSignature = np.array(signature, np.int32)
    return index


def lost(_: Generator, last: int = 3) -> Net:
    """Return a graph whose shapes the converter lost behind a RESHAPE; LiteRT finds them."""
    net = Net()
    x = net.input((1, 2, 6), FLOAT32)
    rows = net.tensor((1,), INT32)
    target = net.tensor((3,), INT32)
    net.operator("SHAPE", [x], [sizes := net.tensor((3,), INT32)], "ShapeOptions", outType=INT32)
    taken = [net.constant(int32(number)) for number in (1, 2, 1)]
    net.operator("STRIDED_SLICE", [sizes, *taken], [rows], "StridedSliceOptions")
    ends = [net.constant(int32(number)) for number in (-1, last)]
    net.operator("CONCATENATION", [ends[0], rows, ends[1]], [target], "ConcatenationOptions")
    cube = opened(net, (1, 1, 3), (-1, -1, 3))
    net.operator("RESHAPE", [x, target], [cube], "ReshapeOptions")
    total = opened(net, (1, 1, 3), (-1, -1, 3))
    net.operator("ADD", [cube, cube], [total], "AddOptions")
    wide = opened(net, (1, 1, 1, 3), (-1, 1, -1, 3))
    net.operator("EXPAND_DIMS", [total, net.constant(np.array(1, np.int32))], [wide], "")
    thin = opened(net, (1, 1, 3), (-1, -1, 3))
    net.operator("SQUEEZE", [wide], [thin], "SqueezeOptions", squeezeDims=[1])
    y = opened(net, (3, 1, 1), (3, -1, -1))
    order = net.constant(int32(2, 1, 0))
    net.operator("TRANSPOSE", [thin, order], [y], "TransposeOptions")
    net.outputs.append(y)
    return net


def test_open_dimensions_are_found_as_litert_finds_them(nn: Harness) -> None:
    nn.prove(lost, cases=1)
    assert draw_case(lost, 0).generated.outputs[0].shape == (3, 2, 2)


def test_an_open_dimension_that_comes_out_otherwise_is_refused() -> None:
    net = lost(np.random.default_rng(0), last=2)
    with pytest.raises(UnsupportedModelError, match="RESHAPE"):
        generate(net.build())


def int32(*numbers: int) -> NDArray[np.int32]:
    return np.array(numbers, np.int32)


def shapes(a: Any, b: Any, name: str, to: tuple[int, ...], **fields: Any) -> Net:
    """Return an operator on two constants, whose result is the shape of a RESHAPE."""
    net = Net()
    x, y = net.input((2, 3), FLOAT32), net.output((2, 3), FLOAT32)
    constants = [net.constant(np.asarray(value)) for value in (a, b)]
    result = net.tensor(to, INT32)
    net.operator(name, constants, [result], name.title() + "Options" if fields else "", **fields)
    net.operator("RESHAPE", [x, result], [y], "ReshapeOptions")
    return net


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (shapes(int32(1, 2), int32(1, 2, 3), "ADD", (2,)), "do not broadcast"),
        (shapes(int32(1, 2), np.array([1, 2], np.int64), "ADD", (2,)), "mixed"),
        (shapes(int32(1, 2), int32(1, 2), "SUB", (3,)), "[3] instead of [2]"),
        (
            shapes(int32(1), int32(1), "ADD", (1,), fusedActivationFunction=1),
            "it fuses RELU",
        ),
        (
            shapes(np.ones(2000, np.int32), int32(1), "MUL", (2000,)),
            "it has many whole numbers",
        ),
        (
            shapes(np.ones((1000, 1), np.int32), np.ones(1000, np.int32), "MUL", (1000, 1000)),
            "it makes many whole numbers",
        ),
    ],
)
def test_arithmetic_of_shapes_that_cannot_be_is_refused(net: Net, reason: str) -> None:
    with pytest.raises(UnsupportedModelError) as caught:
        generate(net.build())
    assert reason in str(caught.value)


@pytest.mark.parametrize("name", ["RESHAPE", "SQUEEZE", "EXPAND_DIMS", "CONCATENATION", "PACK"])
def test_an_operator_without_output_is_refused(name: str) -> None:
    net = Net()
    x = net.input((2,), FLOAT32)
    net.outputs.append(x)
    net.operator(name, [x], [])
    with pytest.raises(UnsupportedModelError, match="it has 0 outputs"):
        generate(net.build())


def half(rng: Generator) -> Net:
    """Return a dense layer whose weights are stored as float16, subnormal ones among them."""
    net = Net()
    weights = rng.standard_normal((5, 7)).astype(np.float16)
    weights[0, :3] = (6e-8, -3e-6, 65504)
    stored = net.constant(weights), net.constant(rng.standard_normal(5).astype(np.float16))
    x = net.input((1, 7), FLOAT32)
    wide = [net.tensor(net.tensors[index].shape, FLOAT32) for index in stored]
    for narrow, real in zip(stored, wide, strict=True):
        net.operator("DEQUANTIZE", [narrow], [real], version=3)
    y = net.output((1, 5), FLOAT32)
    net.operator("FULLY_CONNECTED", [x, *wide], [y], "FullyConnectedOptions")
    return net


def test_float16_weights_become_float32_when_the_model_is_generated(nn: Harness) -> None:
    nn.prove(half, cases=3)
    generated = draw_case(half, 0).generated
    assert [layer.operators for layer in generated.layers] == [("FULLY_CONNECTED",)]


@pytest.mark.parametrize("first", ["RELU", "QUANTIZE"])
def test_int16_activations_are_refused_by_operator_and_name_the_other_engine(first: str) -> None:
    net = Net()
    kind = FLOAT32 if first == "QUANTIZE" else INT16
    x, y = net.input((1, 4), kind, 0.5), net.output((1, 4), INT16, 0.5)
    net.operator(first, [x], [y])
    with pytest.raises(UnsupportedModelError, match=f"{first}.*int16") as caught:
        generate(net.build())
    assert "Engine tflm takes int16" in caught.value.hint
