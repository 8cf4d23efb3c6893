"""Writes the C header of the wire protocol's numbers from the one list in ``tinyproof.protocol``.

``python -m tinyproof.codegen.protocol_header`` prints it. Its committed copy is
``firmware/lib/wire/include/tp_protocol.h``; a test compares the two.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import IntEnum

from tinyproof import protocol
from tinyproof.protocol import ERROR_SENTENCES, ErrorCode, MessageType, Poison, StartCause, Status

_HEAD = """\
/* The wire protocol's numbers, for the firmware. Generated from host/tinyproof/protocol.py by
 * `python -m tinyproof.codegen.protocol_header`; do not edit. docs/protocol.md explains them. */
#ifndef TP_PROTOCOL_H
#define TP_PROTOCOL_H
"""
_CONSTANTS = ("PROTOCOL_VERSION", "MODEL_FORMAT", "ANSWER", "PART", "BUILD_ID_BYTES")
_ENUMS: tuple[tuple[type[IntEnum], str, str, str], ...] = (
    (MessageType, "TP_MESSAGE_", "tp_message_t", "Bits 0 to 5 of a frame's type byte."),
    (Status, "TP_STATUS_", "tp_status_t", "First byte of an inference's answer."),
    (Poison, "TP_POISON_", "tp_poison_t", "Bits of POISON's first byte."),
    (StartCause, "TP_START_", "tp_start_cause_t", "Why the board started."),
    (
        ErrorCode,
        "TP_ERROR_",
        "tp_error_t",
        "Codes of ERROR answers; functions return them negated.",
    ),
)


def _constants() -> Iterator[str]:
    width = max(map(len, _CONSTANTS))
    for name in _CONSTANTS:
        value = getattr(protocol, name)
        number = f"{value:#04x}" if name in ("ANSWER", "PART") else str(value)
        yield f"#define TP_{name:<{width}} {number}"


def _enum(members: type[IntEnum], prefix: str, type_name: str, comment: str) -> Iterator[str]:
    yield f"/* {comment} */"
    yield "typedef enum {"
    for member in members:
        yield f"    {prefix}{member.name} = {member.value},"
    yield f"}} {type_name};"


def _sentences() -> Iterator[str]:
    yield "/* X(code, sentence) for each error, codes ascending from 1 without a gap. */"
    rows = [f'    X({code.value}, "{ERROR_SENTENCES[code]}")' for code in sorted(ErrorCode)]
    rows = ["#define TP_ERROR_SENTENCES(X)", *rows]
    yield from (f"{row:<99}\\" for row in rows[:-1])
    yield rows[-1]


def protocol_header() -> str:
    """Return the text of ``tp_protocol.h``, newline at the end."""
    lines = [_HEAD, *_constants(), ""]
    for members, prefix, type_name, comment in _ENUMS:
        lines += [*_enum(members, prefix, type_name, comment), ""]
    return "\n".join([*lines, *_sentences(), "", "#endif", ""])


if __name__ == "__main__":
    sys.stdout.write(protocol_header())
