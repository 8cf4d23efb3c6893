"""Operators that only move data.

PAD, PADV2, CONCATENATION, PACK, TRANSPOSE, TILE, SPLIT and STRIDED_SLICE."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import mul

from tinyproof.codegen.layer import Layer, Value
from tinyproof.codegen.node import Node
from tinyproof.codegen.operators.walk import Axis, strides, walk
from tinyproof.codegen.slices import slice_axes
from tinyproof.graph import Tensor
from tinyproof.graph.options import (
    Activation,
    ConcatenationOptions,
    PackOptions,
    SplitOptions,
)


def lower_pad(node: Node) -> list[Layer]:
    """Return the one layer of a PAD or PADV2: the border's value everywhere, then the input."""
    node.count((2,) if node.operator.name == "PAD" else (3,))
    source, output = node.activation_input(0), node.output()
    variant = node.variant(source, output)
    before = _paddings(node)
    steps = strides(output.shape)
    start = sum(map(mul, before, steps))
    copy = _copy(node, source, output, _axes(source.shape, strides(source.shape), steps), 0, start)
    if source.elements == output.elements:
        return [copy]
    parameters: dict[str, Value] = {
        "count": output.elements,
        "value": _pad_value(node, variant),
    }
    fill = Layer("fill", variant, parameters, (), output.index, (node.operator,), more=(copy,))
    return [fill]


def _paddings(node: Node) -> list[int]:
    """Return how many elements precede the input along each axis; check the output's shape."""
    source, paddings = node.input(0), node.constant(1)
    node.require(paddings.dtype.kind == "i", "its paddings are no integers")
    node.require(
        paddings.shape == (len(source.shape), 2),
        f"its paddings have the shape {list(paddings.shape)}",
    )
    pairs = [(int(before), int(after)) for before, after in paddings.tolist()]
    node.require(min(map(min, pairs), default=0) >= 0, "it has a negative padding")
    sizes = zip(pairs, source.shape, strict=True)
    node.shape(node.output(), tuple(before + size + after for (before, after), size in sizes))
    return [before for before, _ in pairs]


def _pad_value(node: Node, variant: str) -> Value:
    """Return the value of the border: zero, or for PADV2 the third input."""
    output = node.output()
    zero_point = node.scale(output)[1] if variant == "s8" else 0
    if node.operator.name == "PAD":
        return zero_point
    value = node.input(2)
    node.variant(value, output)
    if variant == "s8":
        same = node.scale(value) == node.scale(output)
        node.require(same, "its border is quantized otherwise than its output")
    values = node.constant(2)
    node.require(values.size == 1, f"its border has {values.size} values")
    number: int | float = values.reshape(-1)[0].item()
    return number


def lower_concatenation(node: Node) -> list[Layer]:
    """Return the one layer of a CONCATENATION, a copy for each part.

    LiteRT takes neither an activation nor int8 parts of other scales.
    """
    options = node.options(ConcatenationOptions)
    node.count(range(1, 65))
    output = node.output()
    unfused = options.activation is Activation.NONE
    node.require(unfused, f"the fused activation {options.activation.name} is not supported")
    axis = _axis(node, options.axis, len(output.shape))
    parts = _parts(node)
    rest = {part.shape[:axis] + part.shape[axis + 1 :] for part in parts}
    alike = {len(part.shape) for part in parts} == {len(output.shape)} and len(rest) == 1
    node.require(alike, f"its inputs {[list(part.shape) for part in parts]} do not fit together")
    size = sum(part.shape[axis] for part in parts)
    node.shape(output, (*parts[0].shape[:axis], size, *parts[0].shape[axis + 1 :]))
    return _join(node, parts, [part.shape for part in parts], axis)


def lower_pack(node: Node) -> list[Layer]:
    """Return the one layer of a PACK, a copy for each part."""
    node.count(range(1, 65))
    options = node.options(PackOptions)
    output = node.output()
    axis = _axis(node, options.axis, len(output.shape))
    parts = _parts(node)
    node.require(options.values_count == len(parts), f"it packs {options.values_count} inputs")
    shape = parts[0].shape
    node.require(all(part.shape == shape for part in parts), "its inputs differ in shape")
    node.shape(output, (*shape[:axis], len(parts), *shape[axis:]))
    return _join(node, parts, [(*shape[:axis], 1, *shape[axis:])] * len(parts), axis)


def _parts(node: Node) -> list[Tensor]:
    """Return the inputs, which must be of the output's type and quantization."""
    output = node.output()
    parts = [node.input(position) for position in range(len(node.operator.inputs))]
    node.require(any(part.data is None for part in parts), "all its inputs are constant")
    if node.variant(*parts, output) == "s8":
        same = all(node.scale(part) == node.scale(output) for part in parts)
        node.require(same, "its inputs' scales differ from its output's")
    return parts


def _join(
    node: Node, parts: Sequence[Tensor], shapes: Sequence[tuple[int, ...]], axis: int
) -> list[Layer]:
    """Return the layer that puts ``parts``, seen as of ``shapes``, one behind another."""
    output = node.output()
    steps = strides(output.shape)
    copies: list[Layer] = []
    start = 0
    for part, shape in zip(parts, shapes, strict=True):
        axes = _axes(shape, strides(shape), steps)
        copies.append(_copy(node, part, output, axes, 0, start * steps[axis]))
        start += shape[axis]
    return [replace(copies[0], more=tuple(copies[1:]))]


def lower_transpose(node: Node) -> list[Layer]:
    """Return the one layer of a TRANSPOSE."""
    node.count((2,))
    source, output = node.activation_input(0), node.output()
    order = _order(node, len(source.shape))
    node.shape(output, tuple(source.shape[axis] for axis in order))
    steps = strides(source.shape)
    axes = _axes(output.shape, [steps[axis] for axis in order], strides(output.shape))
    return [_copy(node, source, output, axes, 0, 0)]


def _order(node: Node, rank: int) -> list[int]:
    permutation = node.constant(1)
    integers = permutation.dtype.kind == "i" and permutation.shape == (rank,)
    order = [int(axis) for axis in permutation.reshape(-1)] if integers else []
    order = [axis + rank if axis < 0 else axis for axis in order]
    node.require(sorted(order) == list(range(rank)), "its permutation is none")
    return order


def lower_tile(node: Node) -> list[Layer]:
    """Return the one layer of a TILE: a copy that goes over the input again and again."""
    node.count((2,))
    source, output = node.activation_input(0), node.output()
    multiples = node.constant(1)
    fits = multiples.dtype.kind == "i" and multiples.shape == (len(source.shape),)
    node.require(fits, "its multiples are not one integer for each axis")
    times = [int(number) for number in multiples.tolist()]
    node.shape(output, tuple(map(mul, source.shape, times)))
    axes: list[Axis] = []
    steps = zip(source.shape, times, strides(source.shape), strides(output.shape), strict=True)
    for size, number, read, write in steps:
        axes += [Axis(number, 0, write * size), Axis(size, read, write)]
    return [_copy(node, source, output, axes, 0, 0)]


def lower_split(node: Node) -> list[Layer]:
    """Return the layers of a SPLIT, one for each part."""
    parts = len(node.operator.outputs)
    node.count((2,), outputs=parts)
    source = node.activation_input(1)
    where = node.constant(0)
    node.require(where.size == 1 and where.dtype.kind == "i", "its axis is not one integer")
    axis = _axis(node, int(where.reshape(-1)[0]), len(source.shape))
    wanted = node.options(SplitOptions).num_splits
    even = wanted == parts > 0 and source.shape[axis] % parts == 0
    node.require(even, f"{source.shape[axis]} elements in {wanted} parts make no {parts} outputs")
    size = source.shape[axis] // parts
    steps = strides(source.shape)
    layers: list[Layer] = []
    for number in range(parts):
        output = node.output(number)
        node.shape(output, (*source.shape[:axis], size, *source.shape[axis + 1 :]))
        axes = _axes(output.shape, steps, strides(output.shape))
        layers.append(_copy(node, source, output, axes, number * size * steps[axis], 0))
    return layers


def lower_strided_slice(node: Node) -> list[Layer]:
    """Return the one layer of a STRIDED_SLICE, whatever its masks."""
    taken = slice_axes(node)
    source, output = node.activation_input(0), node.output()
    node.shape(output, tuple(axis.count for axis in taken if axis.keep))
    steps = strides([axis.length for axis in taken])
    start = sum(axis.start * step for axis, step in zip(taken, steps, strict=True))
    shape = [axis.count for axis in taken]
    moves = [axis.stride * step for axis, step in zip(taken, steps, strict=True)]
    return [_copy(node, source, output, _axes(shape, moves, strides(shape)), start, 0)]


def _axis(node: Node, axis: int, rank: int) -> int:
    """Return ``axis`` counted from the first of ``rank``."""
    node.require(-rank <= axis < rank, f"it has the axis {axis}")
    return axis % rank


def _axes(shape: Sequence[int], a: Sequence[int], b: Sequence[int]) -> list[Axis]:
    return [Axis(*axis) for axis in zip(shape, a, b, strict=True)]


def _copy(
    node: Node, source: Tensor, output: Tensor, axes: Iterable[Axis], begin: int, to: int
) -> Layer:
    """Return the copy from element ``begin`` of ``source`` on to ``to`` of ``output`` on."""
    variant = node.variant(source, output)
    return Layer(
        "copy" if source.data is None else "fetch",
        variant,
        {"from": begin, "to": to, "walk": walk(node, axes)},
        (source.index,),
        output.index,
        (node.operator,),
    )
