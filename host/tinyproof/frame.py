"""Frames on the wire: COBS, CRC-32 and a decoder that any bytes may be fed to. Pure.

A frame is ``COBS(version | type | sequence | payload | crc) 0x00``; ``docs/protocol.md`` has every
byte. COBS is Cheshire and Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM ToN 1999.
"""

from __future__ import annotations

import re
import struct
import zlib
from itertools import islice
from typing import NamedTuple

from cobs import cobs

from tinyproof.protocol import ANSWER, PROTOCOL_VERSION, MessageType

_HEADER = struct.Struct("<BBH")
_CRC = struct.Struct("<I")

OVERHEAD = _HEADER.size + _CRC.size
"""Bytes of a frame, before COBS, that are not payload."""
SMALLEST_FRAME = 10
"""Encoded bytes of a frame without payload, delimiter included."""
LARGEST_FRAME = 1 << 17
"""Encoded bytes after which a receiver on the host gives a frame up."""

# CRC-32 over bytes followed by their own CRC is this constant, whatever the seed.
_CRC_RESIDUE = 0x2144DF1C
_HELLO_ANSWER = ANSWER | MessageType.HELLO
_STARTED = ANSWER | MessageType.STARTED
# Where a frame may begin behind text that no zero byte ended: code byte, version, an answer's type.
_FRAME_START = re.compile(rb"(?s)(?=.%c[\x80-\xff])" % PROTOCOL_VERSION)
_STARTS_TRIED = 8
_SMALLEST_PIECE = SMALLEST_FRAME - 1


class Frame(NamedTuple):
    """One intact frame.

    Attributes:
        version: protocol version; other than ours only in answers to ``hello``.
        type: the type byte, ``ANSWER`` and ``PART`` bits included.
        sequence: 0 to 65535.
        payload: the bytes between sequence number and CRC.
    """

    version: int
    type: int
    sequence: int
    payload: bytes


def encode(
    type_: int, sequence: int, payload: bytes, seed: int, *, version: int = PROTOCOL_VERSION
) -> bytes:
    """Return the frame as it travels, delimiter included; ``seed`` is the session's nonce or 0."""
    body = _HEADER.pack(version, type_, sequence) + payload
    encoded: bytes = cobs.encode(body + _CRC.pack(zlib.crc32(body, seed)))
    return encoded + b"\0"


def encoded_size(payload_bytes: int) -> int:
    """Return the most bytes a frame with such a payload takes, delimiter included."""
    body = payload_bytes + OVERHEAD
    return body + body // 254 + 2


def largest_payload(frame_bytes: int) -> int:
    """Return the longest payload that always fits ``frame_bytes`` encoded bytes, at least 0."""
    groups, rest = divmod(frame_bytes - 2, 255)
    return max(0, 254 * groups + min(rest, 253) - OVERHEAD)


class Decoder:
    """Turns received bytes, in chunks of any size, into frames.

    What does not become a frame is kept as text, because on a board's port it may be a boot message
    or a panic. A frame that directly follows text is found all the same.

    Attributes:
        seeds: the CRC seeds to accept, the usual one first. ``started`` events always use 0.
        dropped: pieces between delimiters that held bytes, but no intact frame.
        zeros: delimiters that ended no intact frame.
    """

    def __init__(
        self, *seeds: int, largest: int = LARGEST_FRAME, text_bytes: int = 1 << 16
    ) -> None:
        """Keep at most ``largest`` unfinished bytes and the last ``text_bytes`` bytes of text."""
        self.seeds = seeds
        self.dropped = 0
        self.zeros = 0
        self._largest = largest
        self._text_bytes = text_bytes
        self._unfinished = bytearray()
        self._text = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take ``data`` and return the frames that it completes."""
        pieces = data.split(b"\0")
        self._unfinished += pieces[0]
        if len(pieces) == 1:
            self._limit_unfinished()
            return []
        pieces[0] = bytes(self._unfinished)
        self._unfinished = bytearray(pieces.pop())
        frames = [frame for piece in pieces if piece and (frame := self._parse(piece))]
        self.zeros += len(pieces) - len(frames)
        return frames

    def take_text(self) -> bytes:
        """Return the bytes that never became a frame since the last call, and forget them."""
        text = bytes(self._text[max(0, len(self._text) - self._text_bytes) :])
        self._text.clear()
        return text

    def take_all_text(self) -> bytes:
        """Return :meth:`take_text` and what has come since the last delimiter, and forget both."""
        text = self.take_text() + bytes(self._unfinished)
        self._unfinished.clear()
        return text

    def _parse(self, piece: bytes) -> Frame | None:
        frame = self._decode(piece)
        if frame is None:
            frame = self._find_behind_text(piece)
        return frame

    def _decode(self, piece: bytes) -> Frame | None:
        """Return the frame that ``piece``, without its delimiter, is; None if it is not one."""
        if not _SMALLEST_PIECE <= len(piece) <= self._largest:
            return None
        try:
            body: bytes = cobs.decode(piece)
        except cobs.DecodeError:
            return None
        if len(body) < OVERHEAD or not self._is_intact(body):
            return None
        version, type_, sequence = _HEADER.unpack_from(body)
        if version != PROTOCOL_VERSION and type_ != _HELLO_ANSWER:
            return None
        return Frame(version, type_, sequence, body[4:-4])

    def _is_intact(self, body: bytes) -> bool:
        for seed in self.seeds:
            if zlib.crc32(body, seed) == _CRC_RESIDUE:
                return True
        return body[1] == _STARTED and zlib.crc32(body) == _CRC_RESIDUE

    def _find_behind_text(self, piece: bytes) -> Frame | None:
        """Return the frame at the end of a piece that begins with something else."""
        self._limit_text(piece)
        for match in islice(_FRAME_START.finditer(piece, 1), _STARTS_TRIED):
            frame = self._decode(piece[match.start() :])
            if frame:
                del self._text[match.start() - len(piece) :]
                return frame
        self.dropped += 1
        return None

    def _limit_text(self, piece: bytes) -> None:
        """Keep a piece as text; cut seldom, for that moves all the text."""
        self._text += piece
        if len(self._text) > 2 * self._text_bytes:
            del self._text[: len(self._text) - self._text_bytes]

    def _limit_unfinished(self) -> None:
        if len(self._unfinished) > self._largest:
            self._limit_text(bytes(self._unfinished))
            self._unfinished.clear()
            self.dropped += 1
