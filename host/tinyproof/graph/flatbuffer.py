"""Bounds-checked reading of FlatBuffers: no byte outside the buffer is ever touched.

The format is described at https://flatbuffers.dev/internals. Every access checks its offsets and
raises :class:`~tinyproof.errors.ModelError`; nothing is copied or allocated in proportion to a
count that
the file merely claims.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyproof.errors import ModelError

MAX_ELEMENTS = 1 << 20
"""Most entries of a vector other than bytes; real models have a few hundred."""

_HINT = "Convert the model again, or copy the file again if it came over a network."


def malformed(what: str) -> ModelError:
    """Return the error for a file that contradicts its own format; ``what`` is a clause."""
    return ModelError(f"The model file is malformed: {what}.", hint=_HINT)


@dataclass(frozen=True)
class Buffer:
    """All bytes of the file, read only through checked accessors."""

    data: bytes

    def unpack(self, code: str, position: int) -> int | float:
        """Return the little-endian scalar of struct format ``code`` at ``position``."""
        end = position + struct.calcsize(code)
        if position < 0 or end > len(self.data):
            raise malformed(f"offset {position} lies outside its {len(self.data)} bytes")
        value: int | float = struct.unpack_from("<" + code, self.data, position)[0]
        return value

    def integer(self, code: str, position: int) -> int:
        """Return the integer of struct format ``code`` at ``position``."""
        return int(self.unpack(code, position))

    def follow(self, position: int) -> int:
        """Return where the unsigned 32-bit offset at ``position`` points."""
        return position + self.integer("I", position)

    def root(self) -> Table:
        """Return the file's root table."""
        return Table.at(self, self.follow(0))


@dataclass(frozen=True)
class Table:
    """One FlatBuffers table: fields by slot number, each possibly absent."""

    buffer: Buffer
    position: int
    vtable: int
    vtable_bytes: int

    @classmethod
    def at(cls, buffer: Buffer, position: int) -> Table:
        """Return the table at ``position`` after checking its vtable."""
        vtable = position - buffer.integer("i", position)
        if vtable < 0:
            raise malformed("a table's description lies before the file")
        size = buffer.integer("H", vtable)
        if size < 4 or size % 2 or vtable + size > len(buffer.data):
            raise malformed("a table's description has an impossible size")
        return cls(buffer, position, vtable, size)

    def _field(self, slot: int) -> int:
        """Return the absolute position of field ``slot``; 0 if the table does not have it."""
        entry = 4 + 2 * slot
        if entry >= self.vtable_bytes:
            return 0
        offset = self.buffer.integer("H", self.vtable + entry)
        return self.position + offset if offset else 0

    def number(self, slot: int, code: str, default: float) -> int | float:
        """Return scalar field ``slot`` of struct format ``code``."""
        field = self._field(slot)
        return self.buffer.unpack(code, field) if field else default

    def integer(self, slot: int, code: str, default: int = 0) -> int:
        """Return integer field ``slot`` of struct format ``code``."""
        return int(self.number(slot, code, default))

    def has(self, slot: int) -> bool:
        """Return whether field ``slot`` is present."""
        return self._field(slot) != 0

    def table(self, slot: int) -> Table | None:
        """Return the table that field ``slot`` refers to."""
        field = self._field(slot)
        return Table.at(self.buffer, self.buffer.follow(field)) if field else None

    def _vector(self, slot: int, item_bytes: int, limit: int) -> tuple[int, int]:
        """Return (position of the first item, number of items) of vector ``slot``, checked."""
        field = self._field(slot)
        if not field:
            return 0, 0
        start = self.buffer.follow(field)
        count = self.buffer.integer("I", start)
        if count > limit or start + 4 + count * item_bytes > len(self.buffer.data):
            raise malformed(f"a list claims {count} entries")
        return start + 4, count

    def tables(self, slot: int, limit: int = MAX_ELEMENTS) -> list[Table]:
        """Return the tables of vector ``slot``, at most ``limit``."""
        start, count = self._vector(slot, 4, limit)
        positions = range(start, start + 4 * count, 4)
        return [Table.at(self.buffer, self.buffer.follow(position)) for position in positions]

    def numbers(self, slot: int, dtype: str, limit: int = MAX_ELEMENTS) -> NDArray[np.generic]:
        """Return vector ``slot`` as a read-only array of numpy type ``dtype``, e.g. ``<i4``."""
        start, count = self._vector(slot, np.dtype(dtype).itemsize, limit)
        return np.frombuffer(self.buffer.data, dtype, count, start)

    def raw(self, slot: int) -> memoryview:
        """Return the bytes of vector ``slot`` without copying them."""
        start, count = self._vector(slot, 1, len(self.buffer.data))
        return memoryview(self.buffer.data)[start : start + count]

    def text(self, slot: int) -> str:
        """Return string ``slot``; bytes that are not UTF-8 are replaced."""
        return bytes(self.raw(slot)).decode("utf-8", "replace")
