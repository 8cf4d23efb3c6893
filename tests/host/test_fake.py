"""The board made of Python: it keeps to docs/protocol.md as the real ones must."""

from __future__ import annotations

import pytest

from tinyproof.deadline import Deadline
from tinyproof.errors import PortError
from tinyproof.frame import Decoder, Frame, encode
from tinyproof.messages import ErrorAnswer, Hello, InferAnswer, MoreAnswer, StartedEvent
from tinyproof.protocol import ANSWER, PART, ErrorCode, MessageType, StartCause
from tinyproof.simulators.fake import FakeBoard, FakeFirmware, default_model, describe

NONCE = 0x1234567
INFER = MessageType.INFER


def asked(
    firmware: FakeFirmware, type_: int, payload: bytes = b"", seed: int = NONCE
) -> list[Frame]:
    return Decoder(NONCE, 0).feed(firmware.take(encode(type_, 9, payload, seed)))


@pytest.fixture
def firmware() -> FakeFirmware:
    firmware = FakeFirmware()
    (answer,) = asked(firmware, MessageType.HELLO, NONCE.to_bytes(4, "little"), seed=0)
    assert Hello.parse(answer.payload) == describe()
    return firmware


def refusal(frames: list[Frame]) -> ErrorAnswer:
    (frame,) = frames
    assert frame.type == ANSWER | MessageType.ERROR
    return ErrorAnswer.parse(frame.payload)


def test_it_starts_with_its_text_and_its_event() -> None:
    started = FakeFirmware(boot_text=b"booting\n").start(StartCause.BROWN_OUT)
    decoder = Decoder(0)
    (event,) = decoder.feed(started)
    assert StartedEvent.parse(event.payload).cause is StartCause.BROWN_OUT
    assert decoder.take_text() == b"booting\n"


def test_before_hello_it_answers_nothing() -> None:
    assert asked(FakeFirmware(), INFER, bytes(64), seed=0) == []


def test_frames_of_another_session_are_dropped(firmware: FakeFirmware) -> None:
    assert asked(firmware, INFER, bytes(64), seed=NONCE + 1) == []


def test_after_a_restart_it_waits_for_hello(firmware: FakeFirmware) -> None:
    firmware.start()
    assert asked(firmware, INFER, bytes(64)) == []


def test_an_inference_is_answered(firmware: FakeFirmware) -> None:
    (frame,) = asked(firmware, INFER, bytes(64))
    assert frame.sequence == 9
    assert InferAnswer.parse(frame.payload, 10).output == default_model(bytes(64))


@pytest.mark.parametrize(
    ("type_", "payload", "code", "detail"),
    [
        (0x33, b"", ErrorCode.UNKNOWN_TYPE, 0x33),
        (INFER, bytes(63), ErrorCode.BAD_LENGTH, 64),
        (MessageType.TRACE, b"\x03\0" + bytes(64), ErrorCode.BAD_LAYER, 3),
        (MessageType.TICKS, b"x", ErrorCode.BAD_LENGTH, 0),
        (PART | INFER, b"\1\0\2\0x", ErrorCode.PART_ORDER, 0),
    ],
)
def test_it_refuses_as_the_protocol_says(
    firmware: FakeFirmware, type_: int, payload: bytes, code: ErrorCode, detail: int
) -> None:
    error = refusal(asked(firmware, type_, payload))
    assert (error.code, error.detail) == (code, detail)


def test_a_part_that_was_taken_is_confirmed_again(firmware: FakeFirmware) -> None:
    for index, wanted in ((0, 1), (1, 2), (1, 2)):
        part = bytes([index, 0, 3, 0]) + bytes(20)
        (frame,) = asked(firmware, PART | INFER, part)
        assert MoreAnswer.parse(frame.payload).next == wanted
    (frame,) = asked(firmware, PART | INFER, b"\2\0\3\0" + bytes(24))
    assert InferAnswer.parse(frame.payload, 10).output == default_model(bytes(64))


def test_its_link_loses_what_does_not_fit_the_window() -> None:
    board = FakeBoard(FakeFirmware(hello=describe(window=100)))
    board.write(bytes(1000), Deadline(1))
    assert board.overruns > 800


def test_its_time_passes_only_when_somebody_waits() -> None:
    board = FakeBoard(resets_on_open=False)
    assert board.clock() == 0
    board.read(board.deadline(7))
    assert board.clock() == 7


def test_an_unplugged_fake_is_a_port_error() -> None:
    board = FakeBoard()
    board.gone = True
    with pytest.raises(PortError):
        board.read(board.deadline(1))
