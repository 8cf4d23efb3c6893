"""How far a layer's quantized values lie from the real ones, summed up sample by sample. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.graph import Tensor, TensorType

_ENDS = {TensorType.INT8: (-128, 127), TensorType.INT16: (-32768, 32767)}


@dataclass(frozen=True)
class LayerLoss:
    """What one layer loses, over all samples.

    Attributes:
        name: of the tensor.
        operator: that makes it, or ``input``.
        index: of that operator in the int8 form; -1 for an input.
        shape: of the tensor.
        scale: real value of one step.
        max_error: largest absolute difference of real values.
        mean_error: mean absolute difference.
        snr_db: signal to noise, 10 log10(sum of squares / sum of squared differences), decibels;
            infinite if there is no difference. One bit is about 6 dB.
        lost_db: how much of what its inputs had is lost here, decibels; of an input against an
            ideal one of 8 bits (0 where there is nothing to compare with).
        gain: the factor between both that fits best; 1 unless a scale is wrong.
        saturated: values that lie beyond what the tensor can store, by more than half a step.
        elements: values compared.
    """

    name: str
    operator: str
    index: int
    shape: tuple[int, ...]
    scale: float
    max_error: float
    mean_error: float
    snr_db: float
    lost_db: float
    gain: float
    saturated: int
    elements: int

    @property
    def saturated_share(self) -> float:
        """Share of values that cannot be stored."""
        return self.saturated / self.elements if self.elements else 0.0


class Sums:
    """The running sums of one layer."""

    def __init__(self, quantized: Tensor) -> None:
        """Begin; ``quantized`` is int8 or int16, with one scale."""
        known = quantized.quantization
        assert known is not None
        self.scale, self.zero_point = known.scale[0], known.zero_point[0]
        low, high = _ENDS[quantized.type]
        self.lowest = self.scale * (low - self.zero_point - 0.5)
        self.highest = self.scale * (high - self.zero_point + 0.5)
        self.real_lowest, self.real_highest = math.inf, -math.inf
        self.elements = self.saturated = 0
        self.largest = self.absolute = 0.0
        self.noise = self.signal = self.product = 0.0

    def add(self, real: NDArray[Any], stored: NDArray[Any]) -> None:
        """Take in values of both forms, arrays of one shape."""
        wanted = real.astype(np.float64)
        got = self.scale * (stored.astype(np.float64) - self.zero_point)
        error = np.abs(got - wanted)
        self.real_lowest = min(self.real_lowest, float(wanted.min()))
        self.real_highest = max(self.real_highest, float(wanted.max()))
        self.elements += wanted.size
        self.saturated += int(((wanted < self.lowest) | (wanted > self.highest)).sum())
        self.largest = max(self.largest, float(error.max(initial=0.0)))
        self.absolute += float(error.sum())
        self.noise += float((error**2).sum())
        self.signal += float((wanted**2).sum())
        self.product += float((wanted * got).sum())

    @property
    def mean_error(self) -> float:
        """Mean absolute difference."""
        return self.absolute / self.elements if self.elements else 0.0

    @property
    def snr_db(self) -> float:
        """Signal to noise, decibels."""
        if not self.noise:
            return math.inf
        return 10 * math.log10(self.signal / self.noise) if self.signal else -math.inf

    @property
    def gain(self) -> float:
        """The factor g that makes |got - g x wanted| least."""
        return self.product / self.signal if self.signal else 1.0
