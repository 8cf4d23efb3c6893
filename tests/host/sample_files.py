"""Digits at random and the tensors that take them, for the tests of samples files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.tensors import TensorDescription

DIGIT = TensorDescription("x_in", np.dtype(np.int8), (1, 8, 8, 1), 1 / 255, -128)
REAL = TensorDescription("x_in", np.dtype(np.float32), (1, 8, 8, 1))
RNG = np.random.default_rng(7)


def digits(n: int = 5) -> NDArray[np.float32]:
    return RNG.random((n, 8, 8, 1), dtype=np.float32)


def save(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path
