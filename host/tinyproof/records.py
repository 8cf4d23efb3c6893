"""Fixed-size records in an unnamed temporary file: many samples, little memory."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from typing import overload

from tinyproof.errors import StorageError

BLOCK_BYTES = 1 << 20
"""Bytes moved at a time; also how much of a file an iteration holds in memory."""


def open_unnamed() -> int:
    """Return the descriptor of a new temporary file without a name, for reading and writing.

    The file vanishes with its last descriptor, however the process ends.

    Raises:
        StorageError: the temporary folder cannot be written.
    """
    try:
        descriptor, path = tempfile.mkstemp(prefix="tinyproof-")
        os.unlink(path)  # noqa: PTH108
    except OSError as error:
        raise _storage_error(error) from error
    return descriptor


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write ``data`` to the end of a temporary file.

    Raises:
        StorageError: the disk is full.
    """
    rest = memoryview(data).cast("B")
    try:
        while rest.nbytes:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        raise _storage_error(error) from error


class Records(Sequence[bytes]):
    """Equally long byte strings, kept in an unnamed temporary file that vanishes with the object.

    Reading never moves the file's offset, so that several threads and processes may read at once.

    Attributes:
        size: bytes of one record, at least 1.
        descriptor: the file, for a child process.
    """

    def __init__(self, size: int, *, descriptor: int | None = None) -> None:
        """Begin without records, or take over ``descriptor`` (and close it at the end).

        Raises:
            StorageError: the temporary folder cannot be written.
        """
        if size < 1:
            raise ValueError(f"records need at least one byte, got {size}")
        self.size = size
        self.descriptor = open_unnamed() if descriptor is None else descriptor
        self._close = weakref.finalize(self, os.close, self.descriptor)
        self._count = os.fstat(self.descriptor).st_size // size

    def append(self, records: bytes | memoryview) -> None:
        """Add one or more whole records.

        Raises:
            StorageError: the disk is full.
        """
        data = memoryview(records).cast("B")
        if data.nbytes % self.size:
            raise ValueError(f"{data.nbytes} bytes are no multiple of {self.size}")
        write_all(self.descriptor, data)
        self._count += data.nbytes // self.size

    def read(self, start: int, stop: int) -> bytes:
        """Return records ``start`` up to ``stop`` as one byte string; cut to what exists."""
        start, stop, _ = slice(start, stop).indices(self._count)
        wanted = max(0, stop - start) * self.size
        data = os.pread(self.descriptor, wanted, start * self.size)
        while len(data) < wanted:
            more = os.pread(self.descriptor, wanted - len(data), start * self.size + len(data))
            if not more:
                raise StorageError(
                    "A temporary file became shorter while it was in use.", hint="Run again."
                )
            data += more
        return data

    def close(self) -> None:
        """Release the file now; the records are gone."""
        self._close()
        self._count = 0

    def __len__(self) -> int:
        """Return how many records there are."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        """Return one record, or a list of them."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        at = range(self._count)[index]
        return self.read(at, at + 1)

    def __iter__(self) -> Iterator[bytes]:
        """Yield all records in order, read in blocks."""
        step = max(1, BLOCK_BYTES // self.size)
        for start in range(0, self._count, step):
            block = self.read(start, start + step)
            for offset in range(0, len(block), self.size):
                yield block[offset : offset + self.size]


def _storage_error(error: OSError) -> StorageError:
    return StorageError(
        f"A temporary file cannot be written in {tempfile.gettempdir()}: {error.strerror}.",
        hint="Make room there, or name another folder in the environment variable TMPDIR.",
    )
