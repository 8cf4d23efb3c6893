"""Small pictures as data: addresses, so that one file holds them all. Pure.

PNG as in W3C's Portable Network Graphics specification, 8 bits, grey or RGB, no filters.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 3: 2}
_EIGHT_BITS, _NO_FILTER = 8, 0


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a PNG file of ``pixels``, (height, width, 1) grey or (height, width, 3) RGB."""
    height, width, channels = pixels.shape
    header = struct.pack(
        ">IIBBBBB", width, height, _EIGHT_BITS, _COLOUR_TYPES[channels], 0, 0, _NO_FILTER
    )
    rows = pixels.reshape(height, width * channels)
    filtered = np.concatenate([np.full((height, 1), _NO_FILTER, np.uint8), rows], axis=1)
    data = zlib.compress(filtered.tobytes(), 9)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def data_uri(values: NDArray[Any], low: float, high: float) -> str:
    """Return real values as a picture: ``low`` is black, ``high`` is white.

    Args:
        values: (height, width) or (height, width, 1) grey, (height, width, 3) RGB.
        low: finite; smaller values are black as well, and what is no number.
        high: finite; larger values are white as well.
    """
    span = max(float(high) - float(low), 1e-38)
    shares = np.nan_to_num((values.astype(np.float64) - low) / span, nan=0.0)
    pixels = np.rint(shares.clip(0, 1) * 255).astype(np.uint8)
    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode("ascii")


def limits(values: NDArray[Any]) -> tuple[float, float]:
    """Return the smallest and the largest finite value; 0 and 1 where there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
