"""The arithmetic that LiteRT does when it prepares a model: multipliers, clamps, paddings.

Sources: TensorFlow Lite's ``kernels/internal/quantization_util.cc`` (QuantizeMultiplier),
``kernels/kernel_util.cc`` (CalculateActivationRangeQuantized) and ``kernels/padding.h``; the same
results bit by bit, checked by the kernel tests against LiteRT itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinyproof.graph.options import Activation, Padding

FLOAT_MAX = float(np.finfo(np.float32).max)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Return (multiplier, shift): ``real`` is about multiplier x 2^(shift - 31).

    Args:
        real: at least 0.

    Returns:
        multiplier: 0, or from 2^30 to 2^31 - 1.
        shift: at least -31; positive shifts to the left.
    """
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return multiplier, shift


def round_half_away(value: float) -> int:
    """Return the nearest integer, halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def quantize(value: float, scale: float, zero_point: int) -> int:
    """Return ``value`` as an unclamped quantized integer; the division is done in float32.

    Raises:
        ValueError: the quotient does not fit 32 bits; LiteRT does not prepare such a model.
    """
    with np.errstate(over="ignore", divide="ignore"):
        quotient = np.float32(value) / np.float32(scale)
    if not abs(quotient) <= 1 << 31:
        raise ValueError(f"the scale {scale:g} is too small for its fused activation")
    return zero_point + round_half_away(float(quotient))


def activation_range_s8(activation: Activation, scale: float, zero_point: int) -> tuple[int, int]:
    """Return the lowest and highest int8 output of a fused ``activation``.

    Raises:
        ValueError: an activation that no integer kernel has, or too small a scale for it.
    """
    low, high = activation_range_f32(activation)
    lowest, highest = -128, 127
    if low != -FLOAT_MAX:
        lowest = max(lowest, quantize(low, scale, zero_point))
    if high != FLOAT_MAX:
        highest = min(highest, quantize(high, scale, zero_point))
    return lowest, highest


def activation_range_f32(activation: Activation) -> tuple[float, float]:
    """Return the lowest and highest real output of a fused ``activation``.

    Raises:
        ValueError: an activation that is no clamp.
    """
    ranges = {
        Activation.NONE: (-FLOAT_MAX, FLOAT_MAX),
        Activation.RELU: (0.0, FLOAT_MAX),
        Activation.RELU6: (0.0, 6.0),
        Activation.RELU_N1_TO_1: (-1.0, 1.0),
    }
    if activation not in ranges:
        raise ValueError(f"the fused activation {activation.name} is not supported")
    return ranges[activation]


@dataclass(frozen=True)
class Window:
    """A window that slides along one dimension.

    Attributes:
        size: positions, so the output's size; not positive if the window does not fit.
        before: padding in front of the first element; padding behind may be one more.
        span: elements from the first padding to the last tap, no smaller than the input.
    """

    size: int
    before: int
    span: int


def window(padding: Padding, length: int, extent: int, stride: int, dilation: int = 1) -> Window:
    """Return how a window of ``extent`` taps slides along ``length`` elements."""
    reach = (extent - 1) * dilation + 1
    if padding is Padding.SAME:
        size = (length + stride - 1) // stride
    else:
        size = (length + stride - reach) // stride
    total = (size - 1) * stride + reach - length
    return Window(size, max(0, total) // 2, length + max(0, total) + reach)
