"""All constants of a model as flash structs whose bytes are the same on every processor.

Members are ordered from wide to narrow elements, so no compiler inserts padding between them, and
the CRC-32 that the board computes over a struct is the one computed here. Equal arrays are stored
once.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 32767
"""avr-gcc takes no larger object. A struct ends before it gets larger; one array alone may be, and
is then defined by ``TP_LARGE_S8`` if it is int8."""


@dataclass(frozen=True, eq=False)
class Member:
    """One array in a flash struct, under a C name."""

    name: str
    values: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Weights:
    """The structs, and where each array went.

    Attributes:
        blocks: the structs' members in order.
        places: C expression of each array handed in, by its key.
    """

    blocks: tuple[tuple[Member, ...], ...]
    places: dict[tuple[str, bytes], str]

    def place(self, values: NDArray[Any]) -> str:
        """Return the C expression for the stored array that equals ``values``."""
        return self.places[_key(values)]

    @property
    def bytes(self) -> int:
        """Bytes of all constants."""
        return sum(self.block_bytes(index) for index in range(len(self.blocks)))

    def block_bytes(self, index: int) -> int:
        """Bytes of struct ``index`` without what a compiler may append to it."""
        return sum(member.values.nbytes for member in self.blocks[index])

    def is_large(self, index: int) -> bool:
        """Return whether block ``index`` is one int8 array that is too large for a struct."""
        return _is_large(self.blocks[index][0].values)

    @property
    def crc32(self) -> int:
        """CRC-32 (``zlib.crc32``) over the structs in order."""
        crc = 0
        for block in self.blocks:
            for member in block:
                crc = zlib.crc32(member.values.tobytes(), crc)
        return crc


def _is_large(values: NDArray[Any]) -> bool:
    return values.dtype == np.int8 and values.nbytes > BLOCK_BYTES


def _key(values: NDArray[Any]) -> tuple[str, bytes]:
    return values.dtype.str, values.tobytes()


def collect_weights(arrays: Iterable[tuple[str, NDArray[Any]]]) -> Weights:
    """Return the structs for named, flat ``arrays``; the first name of equals is kept."""
    unique: dict[tuple[str, bytes], Member] = {}
    for name, values in arrays:
        unique.setdefault(_key(values), Member(name, np.ascontiguousarray(values)))
    blocks: list[list[Member]] = []
    size = BLOCK_BYTES
    places: dict[tuple[str, bytes], str] = {}
    for key, member in sorted(unique.items(), key=lambda item: -item[1].values.itemsize):
        if size + member.values.nbytes > BLOCK_BYTES:
            blocks.append([])
            size = 0
        size += member.values.nbytes
        blocks[-1].append(member)
        # avr-gcc takes the address of an element of a flash struct as constant, the array's not.
        array = "" if _is_large(member.values) else f".{member.name}"
        places[key] = f"&tp_weights_{len(blocks) - 1}{array}[0]"
    return Weights(tuple(tuple(block) for block in blocks), places)
