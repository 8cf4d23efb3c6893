"""The answers of a run, kept in a file: many samples, little memory."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import overload

from tinyproof.records import Records


class Answers(Sequence[bytes | None]):
    """The answers of a stream, in order, kept in a file; None where the board gave none."""

    def __init__(self, size: int) -> None:
        """Begin without answers of ``size`` bytes each."""
        self._records = Records(size)
        self._filler = bytes(size)
        self._absent: set[int] = set()
        self._count = 0
        self._batch: list[bytes] = []
        self.ticks = array("Q")

    def add(self, output: bytes, ticks: int) -> None:
        """Take the next answer."""
        self._batch.append(output)
        self.ticks.append(ticks)
        self._count += 1
        if len(self._batch) >= 1024:
            self._flush()

    def add_none(self) -> None:
        """Take note that the next sample has no answer."""
        self._absent.add(self._count)
        self._batch.append(self._filler)
        self._count += 1

    def skip_to(self, index: int) -> None:
        """Take note that all samples up to ``index``, itself excluded, have no answer."""
        while self._count < index:
            self.add_none()

    def _flush(self) -> None:
        self._records.append(b"".join(self._batch))
        self._batch.clear()

    def __len__(self) -> int:
        """Return how many samples are accounted for."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> bytes | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes | None]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes | None] | None:
        """Return one answer, or a list of them."""
        self._flush()
        if isinstance(index, slice):
            numbers = range(*index.indices(self._count))
            found = self._records[index]
            return [None if n in self._absent else a for n, a in zip(numbers, found, strict=True)]
        return None if index in self._absent else self._records[index]

    def close(self) -> None:
        """Release the file."""
        self._records.close()
