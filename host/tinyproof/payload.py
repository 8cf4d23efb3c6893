"""Takes a payload's fields off, in order, and refuses what does not fit. Pure."""

from __future__ import annotations

import struct
from typing import Any

from tinyproof.errors import ProtocolError
from tinyproof.text import printable


def board_text(raw: bytes, *, limit: int = 0, keep_lines: bool = False) -> str:
    """Return bytes from a board as text that is safe to print; see :func:`printable`."""
    return printable(raw.decode("utf-8", "backslashreplace"), limit=limit, keep_lines=keep_lines)


class Reader:
    """Takes fields off a payload, in order."""

    def __init__(self, message: str, payload: bytes) -> None:
        """Read ``payload``; ``message`` is what errors call it."""
        self._message = message
        self._payload = payload
        self._at = 0

    def take(self, size: int) -> bytes:
        """Take the next ``size`` bytes."""
        end = self._at + size
        if end > len(self._payload):
            raise ProtocolError(
                f"The board's {self._message} has {len(self._payload)} bytes, "
                f"expected at least {end}."
            )
        taken = self._payload[self._at : end]
        self._at = end
        return taken

    def unpack(self, form: str) -> tuple[Any, ...]:
        """Take the little-endian fields of a :mod:`struct` form."""
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def number(self, form: str) -> int:
        """Take one whole number."""
        return int(self.unpack(form)[0])

    def name(self) -> str:
        """Take a text behind its length byte."""
        return board_text(self.take(self.number("B")))

    def rest(self) -> bytes:
        """Take everything that is left."""
        return self.take(len(self._payload) - self._at)

    def end(self) -> None:
        """Refuse bytes that are left."""
        if self._at != len(self._payload):
            raise ProtocolError(
                f"The board's {self._message} has {len(self._payload)} bytes, expected {self._at}."
            )

    def require(self, holds: bool, field: str, value: object) -> None:
        """Refuse ``value`` unless ``holds``."""
        if not holds:
            raise ProtocolError(
                f"The board's {self._message} gives {value} as its {field}, which is not allowed."
            )


def name_bytes(name: str) -> bytes:
    """Return ``name``, at most 255 bytes of UTF-8, behind its length byte."""
    raw = name.encode()
    return bytes([len(raw)]) + raw
