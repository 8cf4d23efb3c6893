"""The typed form of a model: what every later stage works on. Immutable, validated when made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.graph.options import Options


class TensorType(IntEnum):
    """TFLite's element types."""

    FLOAT32 = 0
    FLOAT16 = 1
    INT32 = 2
    UINT8 = 3
    INT64 = 4
    STRING = 5
    BOOL = 6
    INT16 = 7
    COMPLEX64 = 8
    INT8 = 9
    FLOAT64 = 10
    COMPLEX128 = 11
    UINT64 = 12
    RESOURCE = 13
    VARIANT = 14
    UINT32 = 15
    UINT16 = 16
    INT4 = 17
    BFLOAT16 = 18
    INT2 = 19
    UINT4 = 20
    FLOAT8_E4M3FN = 21
    FLOAT8_E5M2 = 22


NUMPY_TYPES: Mapping[TensorType, np.dtype[Any]] = {
    TensorType.FLOAT32: np.dtype("<f4"),
    TensorType.FLOAT16: np.dtype("<f2"),
    TensorType.INT32: np.dtype("<i4"),
    TensorType.UINT8: np.dtype("u1"),
    TensorType.INT64: np.dtype("<i8"),
    TensorType.BOOL: np.dtype("?"),
    TensorType.INT16: np.dtype("<i2"),
    TensorType.INT8: np.dtype("i1"),
    TensorType.FLOAT64: np.dtype("<f8"),
    TensorType.UINT64: np.dtype("<u8"),
    TensorType.UINT32: np.dtype("<u4"),
    TensorType.UINT16: np.dtype("<u2"),
}
"""The types whose elements numpy can hold as stored."""


@dataclass(frozen=True)
class Quantization:
    """real = scale x (stored - zero_point), one pair or one per index of ``axis``.

    Attributes:
        scale: finite, at least 0; float32 values.
        zero_point: as many as scales.
        axis: the dimension that ``scale`` runs along; 0 when there is one pair only.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0

    @property
    def per_channel(self) -> bool:
        """Whether there is more than one pair."""
        return len(self.scale) > 1


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor. ``data`` is None unless the file gives the values (weights, shapes).

    ``free_dims`` are the dimensions that the file leaves open; ``shape`` holds 1 there.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    type: TensorType
    quantization: Quantization | None
    data: NDArray[Any] | None
    free_dims: tuple[int, ...] = ()

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type of an element."""
        return NUMPY_TYPES[self.type]

    @property
    def elements(self) -> int:
        """How many elements the tensor has."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """How many bytes the tensor takes."""
        return self.elements * self.dtype.itemsize


@dataclass(frozen=True)
class Operator:
    """One operator; an absent optional input is -1."""

    name: str
    index: int
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options


@dataclass(frozen=True, eq=False)
class Graph:
    """The model's one subgraph; operators in the order of execution.

    ``inputs`` and ``outputs`` are tensor indices.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    description: str = ""
