"""Messages: what was packed is what is parsed, and nothing that is malformed is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_examples import HELLO, OUTPUT

from tinyproof.errors import ProtocolError
from tinyproof.messages import (
    ErrorAnswer,
    Hello,
    InferAnswer,
    MoreAnswer,
    ProfileAnswer,
    StartedEvent,
    StatusAnswer,
    TensorDescription,
    TicksAnswer,
    TraceAnswer,
    board_text,
)
from tinyproof.protocol import ErrorCode, MessageType, StartCause

MESSAGES: list[tuple[Any, Callable[[bytes], Any]]] = [
    (HELLO, Hello.parse),
    (InferAnswer(2500, OUTPUT), lambda raw: InferAnswer.parse(raw, len(OUTPUT))),
    (MoreAnswer(3), MoreAnswer.parse),
    (ProfileAnswer(2600, (2000, 300, 300)), ProfileAnswer.parse),
    (TicksAnswer(0xFFFFFFFF), TicksAnswer.parse),
    (StatusAnswer(1000, 200, 3, 359), StatusAnswer.parse),
]
OPEN_ENDED: list[tuple[Any, Callable[[bytes], Any]]] = [
    (TraceAnswer(1, OUTPUT), TraceAnswer.parse),
    (StartedEvent(StartCause.PANIC, "brown fox"), StartedEvent.parse),
    (ErrorAnswer.of(MessageType.TRACE, ErrorCode.BAD_LAYER, 3), ErrorAnswer.parse),
]


def name(value: object) -> str:
    return type(value).__name__ if dataclasses.is_dataclass(value) else ""


@pytest.mark.parametrize(("message", "parse"), MESSAGES + OPEN_ENDED, ids=name)
def test_a_message_survives_the_wire(message: Any, parse: Callable[[bytes], Any]) -> None:
    assert parse(message.pack()) == message


@pytest.mark.parametrize(("message", "parse"), MESSAGES, ids=name)
def test_a_message_of_any_other_length_is_refused(
    message: Any, parse: Callable[[bytes], Any]
) -> None:
    raw = message.pack()
    for wrong in [raw[:size] for size in range(len(raw))] + [raw + b"\0"]:
        with pytest.raises(ProtocolError, match="bytes, expected"):
            parse(wrong)


@pytest.mark.parametrize(("message", "parse"), MESSAGES + OPEN_ENDED, ids=name)
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(
    message: Any, parse: Callable[[bytes], Any], raw: bytes
) -> None:
    try:
        parsed = parse(raw)
    except ProtocolError:
        return
    assert isinstance(parsed, type(message))


@given(st.data())
def test_a_damaged_hello_is_parsed_or_refused(data: st.DataObject) -> None:
    raw = bytearray(HELLO.pack())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        hello = Hello.parse(bytes(raw))
    except ProtocolError:
        return
    assert hello.tick_rate > 0
    assert hello.input_bytes >= 0


def test_a_hello_tells_the_bytes_of_a_sample_and_of_an_answer() -> None:
    assert (HELLO.input_bytes, HELLO.output_bytes) == (64, 10)


def test_a_tensor_without_dimensions_is_one_value() -> None:
    assert TensorDescription(0, (), 0.0, 0).size == 4


@pytest.mark.parametrize(
    ("field", "value"), [("tick_rate", 0), ("largest_frame", 9), ("window", 0)]
)
def test_a_hello_with_an_impossible_number_is_refused(field: str, value: int) -> None:
    broken: Hello = dataclasses.replace(HELLO, **{field: value})  # type: ignore[arg-type]
    with pytest.raises(ProtocolError, match=f"gives {value} as its"):
        Hello.parse(broken.pack())


@pytest.mark.parametrize(
    "tensor",
    [
        TensorDescription(5, (1,), 0.0, 0),
        TensorDescription(9, (1 << 20, 1 << 20), 0.5, 0),
        TensorDescription(9, (1,), float("nan"), 0),
        TensorDescription(9, (1,) * 9, 0.5, 0),
    ],
)
def test_an_impossible_tensor_is_refused(tensor: TensorDescription) -> None:
    model = dataclasses.replace(HELLO.model, outputs=(tensor,))
    with pytest.raises(ProtocolError, match="not allowed"):
        Hello.parse(dataclasses.replace(HELLO, model=model).pack())


def test_an_inference_that_is_not_done_is_no_answer() -> None:
    with pytest.raises(ProtocolError, match="status 1"):
        InferAnswer.parse(b"\1" + bytes(14), 10)


def test_an_unknown_start_cause_is_unknown() -> None:
    assert StartedEvent.parse(b"\xc8?") == StartedEvent(StartCause.UNKNOWN, "?")


def test_an_error_answer_becomes_an_error_with_its_fields() -> None:
    error = ErrorAnswer(4, 4, 3, "There is no such layer.").error()
    assert (error.code, error.detail) == (4, 3)
    assert "refused trace: There is no such layer" in error.sentence


def test_an_error_answer_of_the_future_is_still_told() -> None:
    error = ErrorAnswer.parse(ErrorAnswer(0x33, 99, 5, "").pack()).error()
    assert "request 51" in error.sentence
    assert "code 99" in error.sentence


@given(st.binary(max_size=100))
def test_text_from_a_board_cannot_move_the_cursor(raw: bytes) -> None:
    assert board_text(raw).isprintable()


def test_text_from_a_board_is_escaped_where_it_enters() -> None:
    assert StartedEvent.parse(b"\1\x1b[2J\xff").text == r"\x1b[2J\xff"
    raw = ErrorAnswer(1, 1, 0, "\x1b]0;x\x07").pack()
    assert ErrorAnswer.parse(raw).sentence == r"\x1b]0;x\x07"
    hostile = dataclasses.replace(HELLO, target="u\u202eno")
    assert Hello.parse(hostile.pack()).target == r"u\u202eno"
