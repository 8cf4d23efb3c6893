"""Real numbers as integers: real = scale x (stored - zero_point).

Arrays of int64 hold 32-bit values. The rules are gemmlowp's and TensorFlow Lite's
(``kernels/internal/common.h``); multipliers come from ``codegen.arithmetic``. After B. Jacob et
al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen.arithmetic import activation_range_s8, quantize_multiplier
from tinyproof.graph.options import Activation

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Quantized:
    """A tensor that stores real numbers as integers, or plain numbers: scale 0.

    Attributes:
        stored: the integers, any shape; floating-point numbers stay as they are.
        scale: real value of one step.
        zero_point: the integer that means 0.
        scales: one for each index of ``axis``; only weights have more than one.
        axis: the dimension that ``scales`` run along.
    """

    stored: NDArray[Any]
    scale: float = 0.0
    zero_point: int = 0
    scales: tuple[float, ...] = ()
    axis: int = 0

    @property
    def centered(self) -> Integers:
        """The integers with the zero point subtracted: real / scale."""
        return self.stored.astype(np.int64) - self.zero_point


def multipliers(reals: NDArray[Any] | float) -> tuple[Integers, Integers]:
    """Return (multiplier, shift) of each real factor, which may be negative.

    factor = multiplier x 2^(shift - 31), multiplier from 2^30 to 2^31 - 1 in magnitude: a real
    multiplication becomes an integer one and a shift.
    """
    factors = np.atleast_1d(np.asarray(reals, np.float64))
    pairs = [quantize_multiplier(abs(factor)) for factor in factors.tolist()]
    multiplier, shift = np.array(pairs, np.int64).T
    return np.where(factors < 0, -multiplier, multiplier), shift


def scale_twice(
    values: Integers, multiplier: Integers | np.int64, shift: Integers | np.int64
) -> Integers:
    """Return values x multiplier x 2^(shift - 31), rounded twice: as all operators but one do.

    First to the high 32 bits of the product, halves up; then by the right shift, halves away from
    zero. A left shift comes first, and wraps around at 32 bits.
    """
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    high = (_wrap(values << left) * multiplier + (1 << 30)) >> 31
    mask = (np.int64(1) << right) - 1
    threshold = (mask >> 1) + (high < 0)
    return (high >> right) + ((high & mask) > threshold)


def scale_once(values: Integers, multiplier: Integers, shift: Integers) -> Integers:
    """Return the same, rounded once, halves up: as LiteRT's FULLY_CONNECTED does.

    TFLM's FULLY_CONNECTED rounds twice; that is why the two differ now and then by one step.
    """
    bits = 31 - shift
    result = (values * multiplier + (np.int64(1) << (bits - 1))) >> bits
    return np.asarray(np.clip(result, -(1 << 31), (1 << 31) - 1))


def _wrap(values: Integers) -> Integers:
    return values.astype(np.int32).astype(np.int64)


def round_away(values: NDArray[Any]) -> NDArray[Any]:
    """Return the nearest integers, halves away from zero, in the type of the values."""
    rounded: NDArray[Any] = np.trunc(values + np.copysign(values.dtype.type(0.5), values))
    # Just below a half the addition rounds up to the next integer.
    return np.where(np.abs(rounded - values) > 0.5, np.trunc(values), rounded)


def finish(values: Integers, output: Quantized, activation: Activation = Activation.NONE) -> Any:
    """Return int8: the zero point added, the fused activation and int8's own limits applied."""
    low, high = activation_range_s8(activation, output.scale, output.zero_point)
    wrapped = _wrap(values + output.zero_point)
    return np.clip(wrapped, low, high).astype(np.int8)


def float_factor(*factors: float, divisor: float) -> float:
    """Return the product of factors over a divisor, each step rounded to float32.

    Some operators compute their scale like this, others in double precision; it can decide the
    last bit of a multiplier.
    """
    with np.errstate(all="ignore"):
        result = np.float32(factors[0])
        for factor in factors[1:]:
            result = np.float32(result * np.float32(factor))
        return float(result / np.float32(divisor))
