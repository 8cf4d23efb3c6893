"""The model descriptor that the board sends in its ``hello`` (``docs/protocol.md``)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyproof.graph import Tensor, TensorType
from tinyproof.graph.model import NUMPY_TYPES
from tinyproof.protocol import MODEL_FORMAT


@dataclass(frozen=True)
class Interface:
    """One input or output of the model, as seen from outside.

    Attributes:
        scale: 0 when the tensor is not quantized.
        zero_point: 0 when the tensor is not quantized.
    """

    name: str
    type: TensorType
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    bytes: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Element type, as NumPy knows it."""
        return NUMPY_TYPES[self.type]

    @classmethod
    def of(cls, tensor: Tensor) -> Interface:
        """Return the interface of ``tensor``; per-channel quantization counts as none."""
        quantization = tensor.quantization
        if quantization is None or quantization.per_channel:
            scale, zero = 0.0, 0
        else:
            scale, zero = quantization.scale[0], quantization.zero_point[0]
        return cls(tensor.name, tensor.type, tensor.shape, scale, zero, tensor.bytes)


def pack_descriptor(
    *,
    sha256: bytes,
    engine: str,
    engine_version: str,
    layers: int,
    inputs: Sequence[Interface],
    outputs: Sequence[Interface],
) -> bytes:
    """Return the descriptor; ``sha256`` has 32 bytes, both names are short ASCII."""
    parts = [struct.pack("<H32s", MODEL_FORMAT, sha256)]
    for text in (engine, engine_version):
        raw = text.encode("ascii")
        parts.append(struct.pack("<B", len(raw)) + raw)
    parts.append(struct.pack("<HBB", layers, len(inputs), len(outputs)))
    for item in (*inputs, *outputs):
        rank = len(item.shape)
        parts.append(struct.pack(f"<BB{rank}I", item.type, rank, *item.shape))
        parts.append(struct.pack("<fi", item.scale, item.zero_point))
    return b"".join(parts)
