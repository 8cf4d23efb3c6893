"""Finds samples of another range than the model's: 0 to 255 given to one calibrated on 0 to 1.

A quantized input tells its range: scale x (least - zero point) to scale x (largest - zero point).
Values beyond it saturate; values in a tiny part of it are told apart by a few steps only. Float
inputs tell no range, so nothing is found there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.errors import SamplesError
from tinyproof.tensors import TensorLike, element_type
from tinyproof.text import printable

REFUSED_SHARE = 0.5
"""Of the values other than 0, more than this share beyond the range: no test of this model."""
WARNED_SHARE = 0.01
"""More than this share: worth a word. A calibration on a part of the data clips a few values."""
TINY_SPAN = 1 / 32
"""Samples that span less than this part of the range use 8 of int8's 256 steps, or fewer."""


class RangeWatch:
    """Real values of one input on their way to be quantized."""

    def __init__(self, tensor: TensorLike, source: str) -> None:
        """Watch values for ``tensor``; ``source`` is where they come from, safe to print."""
        self.tensor = tensor
        self.source = source
        self._step = float(tensor.scale)
        dtype = element_type(tensor)
        self._watched = dtype.kind in "iu" and self._step > 0
        self.least, self.largest = _range(tensor) if self._watched else (-np.inf, np.inf)
        self._values = self._beyond = 0
        self._low, self._high = np.inf, -np.inf

    def add(self, real: NDArray[Any]) -> None:
        """Take a block of real values, all finite. A step beyond the range is rounding."""
        if not self._watched or not real.size:
            return
        self._values += int(np.count_nonzero(real))
        outside = (real < self.least - self._step) | (real > self.largest + self._step)
        self._beyond += int(np.count_nonzero(outside))
        self._low = min(self._low, float(real.min()))
        self._high = max(self._high, float(real.max()))

    def finish(self) -> str:
        """Return a warning, a sentence; empty if the samples suit the input.

        Raises:
            SamplesError: most values are beyond the range.
        """
        if not self._watched:
            return ""
        share = self._beyond / max(self._values, 1)
        name = printable(self.tensor.name, limit=60)
        told = (
            f"{self.source} has values from {self._low:g} to {self._high:g}, input {name} "
            f"takes {self.least:.4g} to {self.largest:.4g}"
        )
        if share > REFUSED_SHARE:
            raise SamplesError(
                f"{told}: {100 * share:.0f} % of those that are not 0 would saturate.",
                hint=self._advice(),
            )
        if share > WARNED_SHARE:
            return f"{told}: {100 * share:.0f} % of those that are not 0 saturate."
        span = self._high - self._low
        if 0 < span < TINY_SPAN * (self.largest - self.least):
            steps = max(1, round(span / self._step))
            return f"{told}: they are told apart by {steps} of its steps only."
        return ""

    def _advice(self) -> str:
        if self._high > 1.5 and self.largest < 10:
            return (
                "Scale the samples as it was done for training, for example x / 255; if the model "
                "has metadata on it, with --raw-samples."
            )
        return "Scale the samples as it was done for training, or calibrate the model on these."


def _range(tensor: TensorLike) -> tuple[float, float]:
    """Return the least and the largest real value that a quantized tensor holds."""
    limits = np.iinfo(element_type(tensor))
    scale, zero = float(tensor.scale), int(tensor.zero_point)
    return scale * (limits.min - zero), scale * (limits.max - zero)
