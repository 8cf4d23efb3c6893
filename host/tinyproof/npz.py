"""Reads arrays out of ``.npz`` files block by block, and trusts nothing in them.

The format is NumPy's: a zip archive with one ``.npy`` file for each array. Nothing is unpickled,
and no memory is claimed for what a header merely declares.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tinyproof.archive import ARCHIVE_DAMAGE
from tinyproof.errors import SamplesError
from tinyproof.storage import open_given
from tinyproof.text import printable

MAX_ARRAY_BYTES = 2 << 30
"""The largest array read, unpacked: more is a damaged or hostile file, or one to be split."""
MAX_DIMENSIONS = 64
"""What NumPy can hold."""
MAX_COLUMN_MAJOR_BYTES = 64 << 20
"""The largest array taken in Fortran order, which can only be read as a whole."""

_DAMAGE: tuple[type[Exception], ...] = (*ARCHIVE_DAMAGE, SyntaxError)
"""What zipfile and NumPy raise on damaged, encrypted or hostile archives."""

SAVE_HINT = "Write it with numpy.savez(path, x=samples, y=labels)."


class Rows(Protocol):
    """An array that is read in blocks of rows."""

    @property
    def name(self) -> str:
        """Name in the file."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Element type."""

    @property
    def shape(self) -> tuple[int, ...]:
        """N x one row's shape."""

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield all rows in order, at most ``rows`` at a time."""


class NpzArray:
    """One array of a file; its header is read, its values are not yet.

    Attributes:
        name: the array's name in the file.
        dtype: element type as stored, byte order included.
        shape: N x one row's shape.
    """

    def __init__(self, file: NpzFile, name: str) -> None:
        """Read and check the header.

        Raises:
            SamplesError: damaged, an array of objects, or larger than ``MAX_ARRAY_BYTES``.
        """
        self._file = file
        self.name = name
        with file.open(name) as stream:
            self.shape, self._column_major, self.dtype = _read_header(stream)
            header_bytes = stream.tell()
        self._check(header_bytes)

    def _check(self, header_bytes: int) -> None:
        where = f"Array {printable(self.name, limit=60)} of {self._file.label}"
        if self.dtype.hasobject:
            raise SamplesError(
                f"{where} holds Python objects, which could run code and are never loaded.",
                hint="Give every sample the same shape and save numbers, for example as float32.",
            )
        size = math.prod(self.shape) * self.dtype.itemsize
        if size > MAX_ARRAY_BYTES:
            raise SamplesError(
                f"{where} declares {size:,} bytes, the limit is {MAX_ARRAY_BYTES:,}.",
                hint="Split the samples into several files, or check that the file is sound.",
            )
        stored = self._file.stored_bytes(self.name) - header_bytes
        if stored != size:
            raise SamplesError(
                f"{where} declares {size:,} bytes but holds {stored:,}.",
                hint="The file is damaged: write it again.",
            )
        if self._column_major and size > MAX_COLUMN_MAJOR_BYTES:
            raise SamplesError(
                f"{where} is {size:,} bytes in Fortran order, which cannot be read in blocks.",
                hint="Save numpy.ascontiguousarray(array) instead.",
            )

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield all rows in order, at most ``rows`` at a time, each block (n, *row shape).

        Raises:
            SamplesError: the data is damaged.
        """
        with self._file.open(self.name) as stream:
            _read_header(stream)
            if self._column_major:
                whole = self._take(stream, self.shape[::-1]).transpose()
                yield from (whole[i : i + rows] for i in range(0, self.shape[0], rows))
                return
            for start in range(0, self.shape[0], rows):
                block = (min(rows, self.shape[0] - start), *self.shape[1:])
                yield self._take(stream, block)

    def _take(self, stream: IO[bytes], shape: tuple[int, ...]) -> NDArray[Any]:
        wanted = math.prod(shape) * self.dtype.itemsize
        data = stream.read(wanted)
        if len(data) != wanted:
            raise EOFError(f"the data ends {wanted - len(data)} bytes early")
        return np.frombuffer(data, self.dtype).reshape(shape)


class MemoryArray:
    """An array in memory, with the face of an ``NpzArray``."""

    def __init__(self, name: str, values: NDArray[Any]) -> None:
        """Refer to ``values``; nothing is copied.

        Raises:
            SamplesError: an array of objects.
        """
        if values.dtype.hasobject:
            raise SamplesError(
                f"Array {printable(name, limit=60)} holds Python objects, not numbers.",
                hint="Give every sample the same shape and convert to float32.",
            )
        self.name = name
        self.dtype = values.dtype
        self.shape = values.shape
        self._values = values

    def blocks(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield all rows in order, at most ``rows`` at a time."""
        yield from (self._values[i : i + rows] for i in range(0, self.shape[0], rows))


class NpzFile:
    """An ``.npz`` file, opened anew for each array that is read.

    Attributes:
        label: the path, safe to print.
        names: the arrays' names, in the file's order.
    """

    def __init__(self, path: Path) -> None:
        """Read the archive's directory.

        Raises:
            SamplesError: missing, unreadable, or not an ``.npz`` file.
        """
        self._path = path
        self.label = printable(str(path))
        self._explain_if_unreadable()
        with self._mapped(), zipfile.ZipFile(path) as archive:
            self._sizes = {
                info.filename.removesuffix(".npy"): info.file_size
                for info in archive.infolist()
                if info.filename.endswith(".npy")
            }
        self.names = tuple(self._sizes)

    def stored_bytes(self, name: str) -> int:
        """Return the unpacked size of an array's file, as the archive's directory tells."""
        return self._sizes[name]

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Give the array's ``.npy`` file as a stream, its errors mapped.

        Raises:
            SamplesError: the data is damaged, encrypted or packed in an unknown way.
        """
        with (
            self._mapped(),
            zipfile.ZipFile(self._path) as archive,
            archive.open(name + ".npy") as stream,
        ):
            yield stream

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            reason = printable(str(error), limit=120).rstrip(".")
            raise SamplesError(
                f"The samples file {self.label} is damaged or incomplete: {reason}.",
                hint="Write or copy it again. " + SAVE_HINT,
            ) from error

    def _explain_if_unreadable(self) -> None:
        try:
            with open_given(self._path) as stream:
                magic = stream.read(6)
        except FileNotFoundError as error:
            raise SamplesError(
                f"There is no samples file {self.label}.", hint="Check the path given to --samples."
            ) from error
        except OSError as error:
            raise SamplesError(
                f"The samples file {self.label} cannot be read: {error.strerror}.",
                hint="Check the path given to --samples and its permissions.",
            ) from error
        if not magic.startswith(b"PK"):
            raise SamplesError(
                f"{self.label} is {_kind_of(magic)}, not an .npz file.", hint=SAVE_HINT
            )


def _kind_of(magic: bytes) -> str:
    if not magic:
        return "empty"
    if magic.startswith(b"\x93NUMPY"):
        return "a single array (.npy)"
    return "a pickle" if magic.startswith(b"\x80") else "something else"


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, whether in Fortran order, and element type of a ``.npy`` stream."""
    version = npy.read_magic(stream)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"version {version[0]}.{version[1]} of the .npy format is not known")
    try:
        shape, column_major, dtype = readers[version](stream)
    except (MemoryError, tokenize.TokenError) as error:
        # What Python's parser makes of thousands of brackets or signs.
        raise ValueError("the header cannot be parsed") from error
    if len(shape) > MAX_DIMENSIONS or not all(0 <= size < 1 << 63 for size in shape):
        raise ValueError("the header declares an impossible shape")
    return shape, column_major, dtype
