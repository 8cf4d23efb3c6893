"""Arithmetic in fixed point, bit by bit as LiteRT's reference kernels do it.

The rules and constants are gemmlowp's (``fixedpoint/fixedpoint.h``), which TensorFlow Lite's
integer kernels call. Numbers are raw 32-bit integers; "Q4" means 4 integer bits, so the raw value
is the real one times 2^27. All of it runs on the host: boards get tables of the results.
"""

from __future__ import annotations

MAX = (1 << 31) - 1
MIN = -(1 << 31)


def saturate(value: int) -> int:
    """Return ``value`` limited to 32 bits."""
    return max(MIN, min(MAX, value))


def wrap(value: int, bits: int = 32) -> int:
    """Return ``value`` modulo 2^``bits``, signed."""
    half = 1 << (bits - 1)
    return (value + half) % (2 * half) - half


def high_multiply(a: int, b: int) -> int:
    """Return a x b x 2^-31, halves rounded up (``SaturatingRoundingDoublingHighMul``)."""
    return saturate((a * b + (1 << 30)) >> 31)


def divide_by_power(value: int, exponent: int) -> int:
    """Return ``value`` / 2^``exponent``, halves away from zero (``RoundingDivideByPOT``)."""
    mask = (1 << exponent) - 1
    return (value >> exponent) + ((value & mask) > (mask >> 1) + (value < 0))


def multiply(value: int, multiplier: int, shift: int) -> int:
    """Return value x multiplier x 2^(shift - 31), rounded twice; what tp_requantize_twice() does.

    A left shift comes first and wraps.
    """
    value = wrap(value << max(shift, 0))
    return divide_by_power(high_multiply(value, multiplier), max(-shift, 0))


_EXPONENTIALS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
"""exp(-2^n) in Q0 for n from -2 to 4."""


def exp_of_negative(raw: int, integer_bits: int) -> int:
    """Return exp(x) in Q0 for x from -2^``integer_bits`` (at most 5) to 0, given in that format."""
    if raw == 0:
        return MAX
    fraction = 31 - integer_bits
    quarter = 1 << (fraction - 2)
    below = (raw & (quarter - 1)) - quarter
    result = _exp_of_quarter(below << integer_bits)
    rest = below - raw
    for exponent, factor in enumerate(_EXPONENTIALS, -2):
        if exponent < integer_bits and rest & (1 << (fraction + exponent)):
            result = high_multiply(result, factor)
    return result


def _exp_of_quarter(raw: int) -> int:
    """Return exp(x) in Q0 for x from -1/4 to 0 in Q0: a Taylor series around -1/8."""
    center, third = 1895147668, 715827883
    x = raw + (1 << 28)
    x2 = high_multiply(x, x)
    x3, x4 = high_multiply(x2, x), high_multiply(x2, x2)
    series = high_multiply(divide_by_power(x4, 2) + x3, third) + x2
    return center + high_multiply(center, x + divide_by_power(series, 1))
