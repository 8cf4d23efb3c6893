"""What a tensor is to everything that only moves its bytes: type, shape, quantization, name."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike


class TensorLike(Protocol):
    """An input or output as the model, the board and the reference describe it."""

    @property
    def name(self) -> str:
        """Name in the model; may be empty."""

    @property
    def dtype(self) -> DTypeLike:
        """Element type, as NumPy knows it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Dimensions, the batch of 1 included; () for a single value."""

    @property
    def scale(self) -> float:
        """Real value of one step; 0 when not quantized."""

    @property
    def zero_point(self) -> int:
        """Stored value that means 0."""


@dataclass(frozen=True)
class TensorDescription:
    """The plainest ``TensorLike``."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    scale: float = 0.0
    zero_point: int = 0


def plain_name(name: str) -> str:
    """Return the name that a tensor had before LiteRT's converter: ``serving_default_x:0`` is x."""
    return re.sub(r":\d+$", "", name).removeprefix("serving_default_")


def element_type(tensor: TensorLike) -> np.dtype[Any]:
    """Return the element type in the byte order of the wire (little-endian)."""
    return np.dtype(tensor.dtype).newbyteorder("<")


def byte_count(tensor: TensorLike) -> int:
    """Return the bytes of the whole tensor."""
    return math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize
