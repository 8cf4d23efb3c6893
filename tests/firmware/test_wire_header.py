"""The committed C header says what the Python list says."""

from __future__ import annotations

from compiling import WIRE

from tinyproof.codegen.protocol_header import protocol_header
from tinyproof.protocol import ERROR_SENTENCES, ErrorCode


def test_the_committed_header_is_current() -> None:
    assert (WIRE / "include" / "tp_protocol.h").read_text() == protocol_header()


def test_every_error_has_a_sentence_and_no_code_is_left_out() -> None:
    """The firmware finds a sentence by counting to its code."""
    assert sorted(ErrorCode) == list(range(1, len(ErrorCode) + 1))
    assert set(ERROR_SENTENCES) == set(ErrorCode)
