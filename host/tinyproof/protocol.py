"""The numbers of the wire protocol: the one list from which the C header is generated.

``docs/protocol.md`` explains them.
"""

from __future__ import annotations

from enum import IntEnum

PROTOCOL_VERSION = 1
MODEL_FORMAT = 1
"""Version of ``model.h`` and of the model descriptor; firmware and generator must agree."""

ANSWER = 0x80
"""Set in the type byte of every answer."""
PART = 0x40
"""Set in the type byte of a frame that carries one part of a longer payload."""
BUILD_ID_BYTES = 16


class MessageType(IntEnum):
    """Bits 0 to 5 of a frame's type byte."""

    HELLO = 0x01
    INFER = 0x02
    PROFILE = 0x03
    TRACE = 0x04
    TICKS = 0x05
    STATUS = 0x06
    POISON = 0x07
    RESET = 0x08
    STARTED = 0x3E
    ERROR = 0x3F


class Status(IntEnum):
    """First byte of an inference's answer."""

    OK = 0
    MORE = 1


class Poison(IntEnum):
    """Bits of ``POISON``'s first byte: what is filled before each inference."""

    ARENA = 0x01
    STACK = 0x02


class StartCause(IntEnum):
    """Why the board started, as far as its port can tell."""

    UNKNOWN = 0
    POWER_ON = 1
    EXTERNAL = 2
    WATCHDOG = 3
    BROWN_OUT = 4
    SOFTWARE = 5
    PANIC = 6


class ErrorCode(IntEnum):
    """Codes of ``ERROR`` answers; C functions return them negated."""

    UNKNOWN_TYPE = 1
    BAD_LENGTH = 2
    PART_ORDER = 3
    BAD_LAYER = 4
    ENGINE = 5
    ARENA = 6
    NO_MODEL = 7
    BAD_VALUE = 8


ERROR_SENTENCES: dict[ErrorCode, str] = {
    ErrorCode.UNKNOWN_TYPE: "This message type is unknown.",
    ErrorCode.BAD_LENGTH: "The payload has the wrong length.",
    ErrorCode.PART_ORDER: "A part is missing.",
    ErrorCode.BAD_LAYER: "There is no such layer.",
    ErrorCode.ENGINE: "The inference failed.",
    ErrorCode.ARENA: "The arena is too small.",
    ErrorCode.NO_MODEL: "The engine did not start.",
    ErrorCode.BAD_VALUE: "A field has a value that is not allowed.",
}
