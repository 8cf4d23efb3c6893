"""Zip archives that nobody vouches for: what reading one may raise."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib

ARCHIVE_DAMAGE: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    KeyError,  # no such member
    OSError,
    RuntimeError,  # encrypted, packed in an unknown way, nested without end
    ValueError,
)
"""What zipfile raises on damaged, encrypted or hostile archives."""
