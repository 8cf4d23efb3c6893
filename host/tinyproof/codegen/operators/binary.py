"""ADD, SUB, MUL, MAXIMUM and MINIMUM: two operands, broadcast to one shape."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np

from tinyproof.codegen.arithmetic import quantize_multiplier
from tinyproof.codegen.layer import Layer, Value
from tinyproof.codegen.node import Node
from tinyproof.codegen.operators.matvec import clamp_f32, clamp_s8
from tinyproof.codegen.operators.walk import Axis, strides, walk
from tinyproof.graph import Tensor
from tinyproof.graph.options import Activation, AddOptions, MulOptions, SubOptions

LEFT_SHIFT = 20
"""Bits that int8 addition gains before it scales its operands."""


def lower_add(node: Node) -> list[Layer]:
    """Return the one layer of an ADD, int8 or float32."""
    activation = node.options(AddOptions).activation
    if _variant(node) == "s8":
        return _layer(node, "add", _sum_s8(node, activation, sign=1))
    return _layer(node, "add", _clamp_f32(node, activation))


def lower_sub(node: Node) -> list[Layer]:
    """Return the one layer of a SUB, int8 or float32."""
    activation = node.options(SubOptions).activation
    if _variant(node) == "s8":
        return _layer(node, "add", _sum_s8(node, activation, sign=-1))
    return _layer(node, "sub", _clamp_f32(node, activation))


def lower_mul(node: Node) -> list[Layer]:
    """Return the one layer of a MUL, int8 or float32."""
    activation = node.options(MulOptions).activation
    if _variant(node) == "s8":
        return _layer(node, "mul", _product_s8(node, activation))
    return _layer(node, "mul", _clamp_f32(node, activation))


def lower_maximum(node: Node) -> list[Layer]:
    """Return the one layer of a MAXIMUM; int8 is compared as stored, as LiteRT does."""
    return _layer(node, "extremum", {"minimum": 0})


def lower_minimum(node: Node) -> list[Layer]:
    """Return the one layer of a MINIMUM; int8 is compared as stored, as LiteRT does."""
    return _layer(node, "extremum", {"minimum": 1})


def broadcast(node: Node, a: Tensor, b: Tensor) -> tuple[int, ...]:
    """Return the shape that ``a`` and ``b`` broadcast to."""
    try:
        return np.broadcast_shapes(a.shape, b.shape)
    except ValueError as error:
        shapes = f"{list(a.shape)} and {list(b.shape)}"
        raise node.refusal(f"its shapes {shapes} do not broadcast") from error


def _variant(node: Node) -> str:
    node.count((2,))
    return node.variant(node.input(0), node.input(1), node.output())


def _layer(node: Node, kernel: str, rule: dict[str, Value]) -> list[Layer]:
    variant = _variant(node)
    a, b, output = node.input(0), node.input(1), node.output()
    node.require(a.data is None or b.data is None, "both its inputs are constant")
    shape = broadcast(node, a, b)
    node.shape(output, shape)
    steps = zip(shape, _steps(a, len(shape)), _steps(b, len(shape)), strict=True)
    axes = [Axis(*axis) for axis in steps]
    whole = tuple(tensor.index for tensor in (a, b) if tensor.elements == output.elements)
    return [
        Layer(
            kernel,
            variant,
            {"rule": rule, "walk": walk(node, axes)},
            (a.index, b.index),
            output.index,
            (node.operator,),
            in_place=whole,
        )
    ]


def _steps(tensor: Tensor, rank: int) -> list[int]:
    """Return the steps along each of ``rank`` axes; 0 where the tensor is broadcast."""
    pairs = zip_longest(reversed(tensor.shape), reversed(strides(tensor.shape)), fillvalue=1)
    steps = [0 if size == 1 else step for size, step in pairs]
    return [0] * (rank - len(steps)) + steps[::-1]


def _clamp_f32(node: Node, activation: Activation) -> dict[str, Value]:
    low, high = clamp_f32(node, activation)
    return {"low": low, "high": high}


def _sum_s8(node: Node, activation: Activation, sign: int) -> dict[str, Value]:
    """Return ``tp_add_rule_s8_t`` for a + sign x b, from TFLite's ``kernels/add.cc``."""
    scales, zeros = zip(*(node.scale(tensor) for tensor in _tensors(node)), strict=True)
    twice = 2 * max(scales[:2])
    reals = (scales[0] / twice, scales[1] / twice, twice / ((1 << LEFT_SHIFT) * scales[2]))
    node.require(reals[2] < 1, "its output's scale is too small for those of its inputs")
    pairs = [quantize_multiplier(real) for real in reals]
    low, high = clamp_s8(node, activation, scales[2], zeros[2])
    return {
        "multiplier_a": pairs[0][0],
        "multiplier_b": sign * pairs[1][0],
        "multiplier_y": pairs[2][0],
        **{f"shift_{name}": pair[1] for name, pair in zip("aby", pairs, strict=True)},
        **{f"zero_{name}": zero for name, zero in zip("aby", zeros, strict=True)},
        "low": low,
        "high": high,
    }


def _product_s8(node: Node, activation: Activation) -> dict[str, Value]:
    """Return ``tp_mul_rule_s8_t``, from TFLite's ``kernels/mul.cc``: the scale is a float32."""
    scales, zeros = zip(*(node.scale(tensor) for tensor in _tensors(node)), strict=True)
    with np.errstate(all="ignore"):
        real = float(np.float32(scales[0]) * np.float32(scales[1]) / np.float32(scales[2]))
    node.require(real < 1 << 30, "its scales are too far apart")
    multiplier, shift = quantize_multiplier(real)
    node.require(shift <= 30, "its scales are too far apart")
    low, high = clamp_s8(node, activation, scales[2], zeros[2])
    return {
        "multiplier": multiplier,
        "shift": shift,
        **{f"zero_{name}": zero for name, zero in zip("aby", zeros, strict=True)},
        "low": low,
        "high": high,
    }


def _tensors(node: Node) -> tuple[Tensor, Tensor, Tensor]:
    return node.input(0), node.input(1), node.output()
