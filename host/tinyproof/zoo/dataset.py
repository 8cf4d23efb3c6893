"""A data set in its three parts, and the tutorial's way to split one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Part:
    """Samples ``x`` (N x input shape, float32) and what is wanted of them, ``y`` (N, ...)."""

    x: NDArray[np.float32]
    y: NDArray[Any]

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.x)


@dataclass(frozen=True)
class Dataset:
    """What a model is trained on, tested on after the training, and validated on during it."""

    train: Part
    test: Part
    validate: Part


def split_in_order(x: NDArray[np.float32], y: NDArray[Any]) -> Dataset:
    """Split 60/20/20 into train, test and validate, in this order, without shuffling.

    The borders are floor(0.6 N) and floor(0.8 N), as in the tutorial: 1078, 359 and 360 of the
    1797 digits.
    """
    first, second = int(0.6 * len(x)), int(0.8 * len(x))
    borders = (slice(None, first), slice(first, second), slice(second, None))
    return Dataset(*(Part(x[border], y[border]) for border in borders))
