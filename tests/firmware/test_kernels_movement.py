"""PAD, PADV2, CONCATENATION, PACK, TRANSPOSE, TILE, SPLIT and STRIDED_SLICE, against LiteRT."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nn_draw as draw
import numpy as np
import pytest
from nn_harness import Draw, Harness
from numpy.random import Generator
from numpy.typing import NDArray

from nn_net import FLOAT32, INT8, INT32, Net
from tinyproof.codegen import generate
from tinyproof.errors import UnsupportedModelError

Maker = Callable[[Generator, int], Net]
"""Draws a model whose tensors are of the type given."""


def quantized(rng: Generator, kind: int) -> tuple[float, int] | tuple[()]:
    """Return the scale and zero point that a tensor of ``kind`` needs."""
    return (draw.scale(rng), draw.zero_point(rng)) if kind == INT8 else ()


def some_shape(rng: Generator, most: int = 5) -> tuple[int, ...]:
    rank = draw.integer(rng, 1, most)
    return tuple(draw.integer(rng, 1, 6 if rank < 5 else 3) for _ in range(rank))


def values(rng: Generator, shape: tuple[int, ...], kind: int) -> NDArray[Any]:
    if kind == INT8:
        return rng.integers(-128, 128, shape, dtype=np.int8)
    return rng.normal(0, 1, shape).astype(np.float32)


def int32(numbers: Any) -> NDArray[np.int32]:
    return np.array(numbers, np.int32)


def pad(rng: Generator, kind: int) -> Net:
    net, shape = Net(), some_shape(rng)
    most = 4 if len(shape) < 4 else 2
    x = net.input(shape, kind, *quantized(rng, kind))
    y = net.output(None, kind, *quantized(rng, kind))
    wide = np.int64 if rng.random() < 0.3 else np.int32
    amounts = rng.integers(0, most, (len(shape), 2)) * (rng.random((len(shape), 1)) < 0.7)
    net.operator("PAD", [x, net.constant(amounts.astype(wide))], [y], "PadOptions", 2)
    return net


def padv2(rng: Generator, kind: int) -> Net:
    net, shape = Net(), some_shape(rng)
    scale = quantized(rng, kind)
    x = net.input(shape, kind, *quantized(rng, kind))
    y = net.output(None, kind, *scale)
    amounts = net.constant(rng.integers(0, 3, (len(shape), 2)).astype(np.int32))
    same = {"scale": scale[0], "zero_point": scale[1]} if scale else {}
    border = net.constant(values(rng, (1,), kind), **same)
    net.operator("PADV2", [x, amounts, border], [y], "PadV2Options", 2)
    return net


def parts(rng: Generator, net: Net, shapes: list[tuple[int, ...]], kind: int) -> list[int]:
    """Add tensors of one quantization; now and then one is constant. The output comes last."""
    scale = quantized(rng, kind)
    same = {"scale": scale[0], "zero_point": scale[1]} if scale else {}
    constant = draw.integer(rng, 1, 6)
    tensors = [
        net.constant(values(rng, shape, kind), **same)
        if number == constant
        else net.input(shape, kind, *scale)
        for number, shape in enumerate(shapes)
    ]
    return [*tensors, net.output(None, kind, *scale)]


def concatenation(rng: Generator, kind: int) -> Net:
    net, shape = Net(), list(some_shape(rng))
    axis = draw.integer(rng, 0, len(shape) - 1)
    shapes = []
    for _ in range(draw.integer(rng, 1, 5)):
        shape[axis] = draw.integer(rng, 1, 4)
        shapes.append(tuple(shape))
    *inputs, y = parts(rng, net, shapes, kind)
    axis -= len(shape) if rng.random() < 0.5 else 0
    net.operator("CONCATENATION", inputs, [y], "ConcatenationOptions", 2, axis=axis)
    return net


def pack(rng: Generator, kind: int) -> Net:
    net, shape = Net(), some_shape(rng, most=4)
    count = draw.integer(rng, 1, 4)
    axis = draw.integer(rng, -len(shape) - 1, len(shape))
    *inputs, y = parts(rng, net, [shape] * count, kind)
    net.operator("PACK", inputs, [y], "PackOptions", 2, axis=axis, valuesCount=count)
    return net


def transpose(rng: Generator, kind: int) -> Net:
    net, shape = Net(), some_shape(rng, most=6)
    order = rng.permutation(len(shape))
    order = order - len(shape) * (rng.random(len(shape)) < 0.2)
    x = net.input(shape, kind, *quantized(rng, kind))
    y = net.output(None, kind, *quantized(rng, kind))
    net.operator("TRANSPOSE", [x, net.constant(int32(order))], [y], "TransposeOptions", 2)
    return net


def tile(rng: Generator, kind: int) -> Net:
    net, shape = Net(), some_shape(rng, most=4)
    multiples = np.ones(len(shape), np.int32)
    multiples[rng.integers(0, len(shape), 2)] = rng.integers(1, 4, 2)
    wide = np.int64 if rng.random() < 0.3 else np.int32
    x = net.input(shape, kind, *quantized(rng, kind))
    y = net.output(None, kind, *quantized(rng, kind))
    version = 2 if kind == INT8 else 1
    net.operator("TILE", [x, net.constant(multiples.astype(wide))], [y], "TileOptions", version)
    return net


def split(rng: Generator, kind: int) -> Net:
    net, shape = Net(), list(some_shape(rng))
    axis, count = draw.integer(rng, 0, len(shape) - 1), draw.integer(rng, 1, 4)
    shape[axis] = count * draw.integer(rng, 1, 3)
    x = net.input(shape, kind, *quantized(rng, kind))
    where = net.constant(int32(axis - (len(shape) if rng.random() < 0.5 else 0)))
    outputs = [net.output(None, kind, *quantized(rng, kind)) for _ in range(count)]
    net.operator("SPLIT", [where, x], outputs, "SplitOptions", 2, numSplits=count)
    return net


def bounds(rng: Generator, length: int) -> tuple[int, int, int]:
    """Return begin, end and stride that select something of ``length`` elements."""
    while True:
        stride = int(rng.choice([1, 1, 2, 3, -1, -2]))
        begin, end = (draw.integer(rng, -length - 2, length + 2) for _ in range(2))
        if len(range(length)[_slice(begin, end, stride, length)]):
            return begin, end, stride


def _slice(begin: int, end: int, stride: int, length: int) -> slice:
    """Return the slice that LiteRT takes; it wraps a negative end once, Python's slice too."""
    return slice(begin, end if end >= -length or stride > 0 else None, stride)


def entry(rng: Generator, length: int) -> tuple[tuple[int, int, int], set[str]]:
    """Return begin, end, stride and masks of one axis."""
    chance = rng.random()
    if chance < 0.2:
        return (draw.integer(rng, -length, length - 1), 0, 1), {"shrinkAxisMask"}
    if chance < 0.5:
        stride = int(rng.choice([1, 2, -1, -2]))
        whole = (0, length, stride) if stride > 0 else (length - 1, 0, stride)
        return whole, {"endMask", *(["beginMask"] if rng.random() < 0.5 else [])}
    return bounds(rng, length), set()


def strided_slice(rng: Generator, kind: int) -> Net:
    net, shape = Net(), some_shape(rng)
    named = draw.integer(rng, 1, len(shape))
    lengths = list(shape[:named])
    ellipsis = named < len(shape) and rng.random() < 0.4
    if ellipsis:
        before = draw.integer(rng, 0, named)
        lengths[before:] = shape[len(shape) - named + before :]
    entries = [entry(rng, length) for length in lengths]
    if ellipsis:
        entries.insert(before, ((draw.integer(rng, -3, 3), 0, 1), {"ellipsisMask"}))
    if rng.random() < 0.3:
        new = ((draw.integer(rng, -3, 3), 0, 1), {"newAxisMask"})
        entries.insert(draw.integer(rng, 0, len(entries)), new)
    masks: dict[str, int] = {}
    for position, (_, names) in enumerate(entries):
        for name in names:
            masks[name] = masks.get(name, 0) | 1 << position
    scale = quantized(rng, kind)
    x, y = net.input(shape, kind, *scale), net.output(None, kind, *scale)
    columns = zip(*(triple for triple, _ in entries), strict=True)
    inputs = [x, *(net.constant(int32(column)) for column in columns)]
    net.operator("STRIDED_SLICE", inputs, [y], "StridedSliceOptions", 2, **masks)
    return net


MAKERS = (pad, padv2, concatenation, pack, transpose, tile, split, strided_slice)


def of(maker: Maker, kind: int) -> Draw:
    """Return what draws models of ``maker`` for one element type."""

    def draw_one(rng: Generator) -> Net:
        return maker(rng, kind)

    draw_one.__name__ = f"{maker.__name__}_{'s8' if kind == INT8 else 'f32'}"
    return draw_one


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_int8_equals_litert(nn: Harness, maker: Maker) -> None:
    nn.prove(of(maker, INT8), cases=200, samples=2)


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_float32_equals_litert(nn: Harness, maker: Maker) -> None:
    nn.prove(of(maker, FLOAT32), cases=100, samples=2)


def refusal(net: Net) -> str:
    """Return why the model of ``net`` is refused."""
    with pytest.raises(UnsupportedModelError) as caught:
        generate(net.build())
    return str(caught.value)


def one(
    name: str,
    options: str,
    constants: list[NDArray[Any]],
    shapes: tuple[tuple[int, ...], ...],
    *,
    kind: int = INT8,
    **fields: Any,
) -> Net:
    """Return one operator: an input of the first of ``shapes``, constants, outputs of the rest."""
    net = Net()
    scale = (0.5, 3) if kind == INT8 else ()
    x = net.input(shapes[0], kind, *scale)
    inputs = [x, *(net.constant(array, scale=0.5, zero_point=3) for array in constants)]
    outputs = [net.output(shape, kind, *scale) for shape in shapes[1:]]
    if name == "SPLIT":
        inputs.reverse()
    net.operator(name, inputs, outputs, options, 2, **fields)
    return net


def sliced(
    begin: list[int], end: list[int], stride: list[int], to: tuple[int, ...], **f: Any
) -> Net:
    bounds_of = [int32(column) for column in (begin, end, stride)]
    return one("STRIDED_SLICE", "StridedSliceOptions", bounds_of, ((4, 5), to), **f)


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (one("PAD", "PadOptions", [int32([[1, -1]])], ((3,), (3,))), "negative padding"),
        (one("PAD", "PadOptions", [int32([1, 1])], ((3,), (5,))), "paddings have the shape [2]"),
        (one("PAD", "PadOptions", [int32([[1, 1]])], ((3,), (6,))), "[6] instead of [5]"),
        (
            one("PAD", "PadOptions", [np.ones((1, 2), np.float32)], ((3,), (5,))),
            "paddings are no integers",
        ),
        (
            one("PADV2", "PadV2Options", [int32([[1, 1]]), np.ones(2, np.int8)], ((3,), (5,))),
            "border has 2 values",
        ),
        (
            one("PADV2", "PadV2Options", [int32([[1, 1]]), np.ones(1, np.float32)], ((3,), (5,))),
            "PADV2",
        ),
        (
            one("TRANSPOSE", "TransposeOptions", [int32([0, 0])], ((2, 3), (2, 2))),
            "permutation is none",
        ),
        (
            one("TRANSPOSE", "TransposeOptions", [int32([0])], ((2, 3), (2, 3))),
            "permutation is none",
        ),
        (
            one("TRANSPOSE", "TransposeOptions", [int32([1, 0])], ((2, 3), (2, 3))),
            "[2, 3] instead of [3, 2]",
        ),
        (one("TILE", "TileOptions", [int32([2])], ((2, 3), (4, 3))), "multiples are not one"),
        (one("TILE", "TileOptions", [int32([2, 1])], ((2, 3), (2, 3))), "instead of [4, 3]"),
        (one("TILE", "TileOptions", [int32([2] * 4)], ((2,) * 4, (4,) * 4)), "along 8 axes"),
        (one("TILE", "TileOptions", [int32([0, 1])], ((2, 3), (2, 3))), "instead of [0, 3]"),
        (one("SPLIT", "SplitOptions", [int32(2)], ((4,), (4,)), numSplits=1), "has the axis 2"),
        (
            one("SPLIT", "SplitOptions", [int32(0)], ((4,), (2,), (1,)), numSplits=2),
            "[1] instead of [2]",
        ),
        (
            one("SPLIT", "SplitOptions", [int32(0)], ((4,), (2,)), numSplits=2),
            "in 2 parts make no 1 outputs",
        ),
        (
            one("SPLIT", "SplitOptions", [int32(0)], ((5,), (2,), (2,)), numSplits=2),
            "5 elements in 2 parts",
        ),
        (sliced([0], [3], [0], (3, 5)), "stride of 0"),
        (sliced([3], [3], [1], (1, 5)), "selects nothing"),
        (sliced([4], [0], [1], (5,), shrinkAxisMask=1), "an element that is not there"),
        (sliced([3], [0], [-1], (5,), shrinkAxisMask=1), "an element that is not there"),
        (sliced([0], [2], [1], (3, 5)), "[3, 5] instead of [2, 5]"),
        (sliced([0, 0, 0], [2, 2, 2], [1, 1, 1], (2, 2, 2)), "slices 3 axes of 2"),
        (sliced([1], [2], [1], (2, 5), offset=True), "offset"),
        (sliced([0, 0], [2, 2], [1], (2, 2)), "bounds have the wrong shape"),
        (sliced([0, 0], [2, 2], [1, 1], (4, 5), ellipsisMask=3), "two ellipses"),
        (sliced([0, 0, 0], [2, 2, 2], [1, 1, 1], (2, 2), ellipsisMask=1), "stands for no axis"),
        (
            one("CONCATENATION", "ConcatenationOptions", [], ((3,), (3,)), axis=1),
            "has the axis 1",
        ),
        (
            one(
                "CONCATENATION", "ConcatenationOptions", [], ((3,), (3,)), fusedActivationFunction=1
            ),
            "fused activation RELU is not supported",
        ),
        (
            one("CONCATENATION", "ConcatenationOptions", [np.ones(2, np.int8)], ((3,), (6,))),
            "[6] instead of [5]",
        ),
        (
            one("CONCATENATION", "ConcatenationOptions", [np.ones((1, 2), np.int8)], ((3,), (5,))),
            "do not fit together",
        ),
        (one("PACK", "PackOptions", [], ((3,), (1, 3)), valuesCount=2), "packs 2 inputs"),
        (one("PACK", "PackOptions", [], ((3,), (2, 3)), valuesCount=1), "[2, 3] instead of [1, 3]"),
        (
            one("PACK", "PackOptions", [np.ones(2, np.int8)], ((3,), (2, 3)), valuesCount=2),
            "differ in shape",
        ),
        (
            one("TRANSPOSE", "TransposeOptions", [int32([0])], ((3,), (3,)), kind=INT32),
            "int32; int8 and float32",
        ),
    ],
)
def test_what_litert_does_not_do_is_refused_by_name_and_reason(net: Net, reason: str) -> None:
    told = refusal(net)
    assert reason in told
    assert "operator 0 (" in told


def test_int8_parts_of_another_scale_are_refused_as_litert_refuses_them() -> None:
    net = one("CONCATENATION", "ConcatenationOptions", [np.ones(2, np.int8)], ((3,), (5,)))
    net.tensors[1].quantization.scale = np.array([0.25], np.float32)
    assert "scales differ" in refusal(net)
    border: list[NDArray[Any]] = [int32([[1, 1]]), np.ones(1, np.int8)]
    net = one("PADV2", "PadV2Options", border, ((3,), (5,)))
    net.tensors[2].quantization.zeroPoint = np.array([7])
    assert "quantized otherwise" in refusal(net)


def test_bounds_that_are_computed_are_refused() -> None:
    net = Net()
    x, begin = net.input((4,), FLOAT32), net.input((1,), INT32)
    rest = [net.constant(int32([4])), net.constant(int32([1]))]
    y = net.output((2,), FLOAT32)
    net.operator("STRIDED_SLICE", [x, begin, *rest], [y], "StridedSliceOptions")
    assert "its input 1 is not constant" in refusal(net)


def test_concatenating_is_one_layer_whatever_the_number_of_parts() -> None:
    net = Net()
    inputs = [net.input((2, 3), FLOAT32) for _ in range(3)]
    y = net.output((2, 9), FLOAT32)
    net.operator("CONCATENATION", inputs, [y], "ConcatenationOptions", axis=1)
    (layer,) = generate(net.build()).layers
    assert layer.operators == ("CONCATENATION",)
    assert layer.inputs == ((2, 3),) * 3
