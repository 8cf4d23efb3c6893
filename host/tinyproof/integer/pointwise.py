"""What maps each element by itself, or two tensors element by element; SOFTMAX, row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen.fixed_point import exp_of_negative, high_multiply
from tinyproof.graph.options import (
    Activation,
    AddOptions,
    ArgMaxOptions,
    LeakyReluOptions,
    MulOptions,
    SoftmaxOptions,
    SubOptions,
)
from tinyproof.integer.arithmetic import (
    Integers,
    finish,
    float_factor,
    multipliers,
    round_away,
    scale_twice,
)
from tinyproof.integer.step import Step

# -- two tensors


def add(step: Step) -> NDArray[Any]:
    """ADD: both operands are brought to one scale, twice the larger, with 20 bits to spare."""
    return _sum(step, 1, step.read(AddOptions).activation)


def sub(step: Step) -> NDArray[Any]:
    """SUB: an ADD of what is negated."""
    return _sum(step, -1, step.read(SubOptions).activation)


def _sum(step: Step, sign: int, activation: Activation) -> NDArray[Any]:
    a, b, output = step.input(0), step.input(1), step.output
    if not output.scale:  # Whole numbers, such as shapes.
        return np.asarray(a.stored + sign * b.stored)
    twice = 2 * max(a.scale, b.scale)
    left = scale_twice(a.centered << 20, *multipliers(a.scale / twice))
    right = scale_twice(b.centered << 20, *multipliers(sign * b.scale / twice))
    scaled = scale_twice(left + right, *multipliers(twice / ((1 << 20) * output.scale)))
    return np.asarray(finish(scaled, output, activation))


def mul(step: Step) -> NDArray[Any]:
    """MUL: the product has the product of both scales."""
    a, b, output = step.input(0), step.input(1), step.output
    if not output.scale:  # Whole numbers, such as shapes.
        return np.asarray(a.stored * b.stored)
    factor = float_factor(a.scale, b.scale, divisor=output.scale)
    scaled = scale_twice(a.centered * b.centered, *multipliers(factor))
    return np.asarray(finish(scaled, output, step.read(MulOptions).activation))


def maximum(step: Step) -> NDArray[Any]:
    """MAXIMUM, of stored values."""
    return np.asarray(np.maximum(step.input(0).stored, step.input(1).stored))


def minimum(step: Step) -> NDArray[Any]:
    """MINIMUM, of stored values."""
    return np.asarray(np.minimum(step.input(0).stored, step.input(1).stored))


def prelu(step: Step) -> NDArray[Any]:
    """PRELU: negative values are multiplied with a slope that is a tensor."""
    x, slopes, output = step.input(0), step.input(1), step.output
    plain = float_factor(x.scale, divisor=output.scale)
    sloped = float_factor(x.scale, slopes.scale, divisor=output.scale)
    above = scale_twice(x.centered, *multipliers(plain))
    below = scale_twice(x.centered * slopes.centered, *multipliers(sloped))
    return np.asarray(finish(np.where(x.centered >= 0, above, below), output))


# -- one tensor


def quantize(step: Step) -> NDArray[Any]:
    """QUANTIZE, from real numbers or from another scale."""
    x, output = step.input(0), step.output
    if x.stored.dtype.kind == "f":
        quotient = round_away(x.stored / np.float32(output.scale)).astype(np.float64)
        return np.clip(quotient + output.zero_point, -128, 127).astype(np.int8)
    return np.asarray(finish(scale_twice(x.centered, *multipliers(x.scale / output.scale)), output))


def dequantize(step: Step) -> NDArray[Any]:
    """DEQUANTIZE: scale x (stored - zero_point), in double precision, stored as float32."""
    x = step.input(0)
    return (x.scale * x.centered.astype(np.float64)).astype(np.float32)


def relu(step: Step) -> NDArray[Any]:
    """RELU, RELU6 and RELU_N1_TO_1: another scale, and a clamp."""
    activation = {
        "RELU": Activation.RELU,
        "RELU6": Activation.RELU6,
        "RELU_N1_TO_1": Activation.RELU_N1_TO_1,
    }[step.name]
    x, output = step.input(0), step.output
    factor = float_factor(x.scale, divisor=output.scale)
    return np.asarray(finish(scale_twice(x.centered, *multipliers(factor)), output, activation))


def leaky_relu(step: Step) -> NDArray[Any]:
    """LEAKY_RELU: negative values are multiplied with alpha."""
    x, output = step.input(0), step.output
    alpha = step.read(LeakyReluOptions).alpha
    plain = multipliers(float_factor(x.scale, divisor=output.scale))
    leaky = multipliers(float_factor(x.scale, alpha, divisor=output.scale))
    above, below = scale_twice(x.centered, *plain), scale_twice(x.centered, *leaky)
    return np.asarray(finish(np.where(x.centered >= 0, above, below), output))


def logistic(step: Step) -> NDArray[Any]:
    """LOGISTIC: a table of 256 outputs, computed in float32."""
    return _look_up(step, lambda x: np.float32(1) / (np.float32(1) + _single(np.exp, -x)))


def tanh(step: Step) -> NDArray[Any]:
    """TANH: a table of 256 outputs, computed in float32."""
    return _look_up(step, lambda x: _single(np.tanh, x))


def _single(function: Callable[[Any], Any], x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a float32 function with one rounding: computed in double precision first."""
    with np.errstate(over="ignore"):
        return np.asarray(function(x.astype(np.float64)), np.float64).astype(np.float32)


def _look_up(
    step: Step, function: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> NDArray[Any]:
    x, output = step.input(0), step.output
    codes = np.arange(-128, 128)
    with np.errstate(over="ignore"):
        reals = np.float32(x.scale) * (codes - x.zero_point).astype(np.float32)
        steps = function(reals) * np.float32(1 / output.scale)
    table = np.clip(round_away(steps).astype(np.int64) + output.zero_point, -128, 127)
    return table.astype(np.int8)[x.stored.astype(np.int64) + 128]


def hard_swish(step: Step) -> NDArray[Any]:
    """HARD_SWISH: x min(max(x + 3, 0), 6) / 6, in 16 bits.

    The gate, from -1 to 1, is half of that clamp; x is taken 128 times finer. Source:
    ``reference_ops::HardSwish`` for quantized types in TensorFlow Lite.
    """
    x, output = step.input(0), step.output
    fine = float(np.float32(1 / 128) * np.float32(x.scale))
    real = float_factor(fine, divisor=output.scale)
    gate_factor = float_factor(fine, divisor=float(np.float32(3) / np.float32(32768)))
    (multiplier, shift), (gate_multiplier, gate_shift) = _short(real), _short(gate_factor)
    values = x.centered << 7
    gate = _saturate_16(values << max(0, gate_shift - 1))
    gate = _high_multiply_16(gate, gate_multiplier)
    gate = _saturate_16(gate << 1) if gate_shift > 0 else _divide_16(gate, -gate_shift)
    gate = (gate + (1 << 15)) >> 1
    product = gate * _high_multiply_16(values, multiplier)
    product = np.sign(product) * (np.abs(product) >> 15)
    return np.asarray(finish(_divide_16(product, -shift), output))


def _short(real: float) -> tuple[int, int]:
    """Return (multiplier, shift): ``real`` = multiplier x 2^(shift - 15)."""
    multiplier, shift = multipliers(real)
    return min(32767, (int(multiplier[0]) + (1 << 15)) >> 16), int(shift[0])


def _saturate_16(values: Integers) -> Integers:
    return np.clip(values, -32768, 32767)


def _high_multiply_16(values: Integers, multiplier: int) -> Integers:
    return _saturate_16((values * multiplier + (1 << 14)) >> 15)


def _divide_16(values: Integers, exponent: int) -> Integers:
    """Return values / 2^exponent, halves away from zero; beyond 15 as LiteRT's 16 bits overflow."""
    if exponent > 15:
        return np.where(values < 0, -1, 1)
    mask = (1 << exponent) - 1
    return (values >> exponent) + ((values & mask) > (mask >> 1) + (values < 0))


# -- rows


def softmax(step: Step) -> NDArray[Any]:
    """SOFTMAX over the last axis: exp(x - largest x), over the sum of them, in fixed point.

    Exponentials have 31 fraction bits, their sum 19; the quotient is taken by Newton's method.
    Source: ``reference_ops::Softmax`` for int8 in TensorFlow Lite.
    """
    x = step.input(0)
    real = min(step.read(SoftmaxOptions).beta * x.scale * (1 << 26), float((1 << 31) - 1))
    multiplier, shift = (int(pair[0]) for pair in multipliers(real))
    radius = (31 << 26) >> shift
    table = np.zeros(256, np.int64)
    for below in range(min(256, radius + 1)):
        table[below] = exp_of_negative(high_multiply(-below << shift, multiplier), 5)
    rows = x.stored.astype(np.int64).reshape(-1, x.stored.shape[-1])
    powers = table[rows.max(axis=1, keepdims=True) - rows]
    sums = ((powers + (1 << 11)) >> 12).sum(axis=1)
    outputs = [_divide_row(row, int(total)) for row, total in zip(powers, sums, strict=True)]
    return np.array(outputs, np.int8).reshape(x.stored.shape)


def _divide_row(powers: Integers, total: int) -> Integers:
    spare = 32 - total.bit_length()
    half = (total << spare) >> 1
    # 48/17 - 32/17 half, then three steps of Newton's method, 29 fraction bits.
    guess = 1515870810 + high_multiply(half, -1010580540)
    for _ in range(3):
        guess += high_multiply(guess, (1 << 29) - high_multiply(half, guess)) << 2
    reciprocal = min(2 * guess, (1 << 31) - 1)
    shift = spare - 35
    if shift < -31:  # Every output is below half a step; LiteRT itself aborts here.
        return np.full(powers.shape, -128)
    quotient = scale_twice(powers, np.int64(reciprocal), np.int64(shift))
    # Exponentials that add nothing to the sum give 0.
    return np.asarray(np.clip(np.where(powers < 1 << 11, 0, quotient) - 128, -128, 127))


def arg_max(step: Step) -> NDArray[Any]:
    """ARG_MAX: the first of the largest values."""
    axis = int(step.input(1).stored.reshape(-1)[0])
    kind = np.int32 if step.read(ArgMaxOptions).output_type == 2 else np.int64
    return np.asarray(np.argmax(step.input(0).stored, axis), kind)
