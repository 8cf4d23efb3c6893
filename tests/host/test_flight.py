"""What is in flight: an answer proves what was sent before it lost, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tinyproof.errors import ProtocolError
from tinyproof.exchange import Events, Lane, Request
from tinyproof.flight import Flight
from tinyproof.frame import Decoder, Frame
from tinyproof.messages import ErrorAnswer, MoreAnswer
from tinyproof.protocol import ANSWER, PART, ErrorCode, MessageType
from tinyproof.simulators.fake import describe

INFER = MessageType.INFER


class Board:
    """A flight whose frames are looked at and answered one by one."""

    def __init__(self, window: int = 1024, largest_frame: int = 256) -> None:
        self.events = Events()
        self.flight = Flight(self.events)
        self.flight.adopt(describe(window=window, largest_frame=largest_frame), seed=1)

    def sent(self, lane: Lane) -> list[Frame]:
        return Decoder(1).feed(self.flight.fill(lane))

    def answer(self, frame: Frame, payload: bytes = b"ok", type_: int = INFER) -> None:
        self.flight.take(Frame(1, ANSWER | type_, frame.sequence, payload))


def requests(payloads: Iterable[bytes]) -> Lane:
    return Lane(Request(INFER, payload, index) for index, payload in enumerate(payloads))


def test_what_was_sent_before_an_answered_request_is_sent_again_first() -> None:
    board, lane = Board(), requests([b"a", b"b", b"c", b"d"])
    frames = board.sent(lane)
    board.answer(frames[2])
    again = board.sent(lane)
    assert [frame.payload for frame in again] == [b"a", b"b"]
    assert not {frame.sequence for frame in again} & {frame.sequence for frame in frames}
    assert board.events.retransmissions == 2


def test_answers_are_given_in_the_order_of_the_requests() -> None:
    board, lane = Board(), requests([b"a", b"b"])
    frames = board.sent(lane)
    board.answer(frames[1])
    assert list(lane.give()) == []
    board.answer(board.sent(lane)[0])
    assert [request.payload for request in lane.give()] == [b"a", b"b"]
    assert lane.is_done


def test_an_answer_that_comes_twice_counts_once() -> None:
    board, lane = Board(), requests([b"a", b"b"])
    frames = board.sent(lane)
    board.answer(frames[0], b"first")
    board.answer(frames[0], b"second")
    assert [request.answer for request in lane.give()] == [b"first"]
    assert board.events.late_answers == 1


def test_a_question_behind_the_others_proves_them_lost() -> None:
    board, lane = Board(), requests([b"a"])
    board.sent(lane)
    (probe,) = Decoder(1).feed(board.flight.send_now(Request(MessageType.TICKS), 1))
    assert board.sent(lane) == []
    board.answer(probe, bytes(4), MessageType.TICKS)
    assert [frame.payload for frame in board.sent(lane)] == [b"a"]


def test_sequence_numbers_wrap_around() -> None:
    board, lane = Board(window=64), requests(b"%d" % index for index in range(66_000))
    count = 0
    while frames := board.sent(lane):
        for frame in frames:
            board.answer(frame, frame.payload)
        for request in lane.give():
            assert request.answer == b"%d" % count
            count += 1
    assert count == 66_000


def test_few_run_ahead_of_one_that_is_lost_again_and_again() -> None:
    board, lane = Board(), requests(b"%d" % index for index in range(10_000))
    sent = 0
    for _ in range(10_000):
        for frame in board.sent(lane):
            sent += 1
            if frame.payload != b"0":
                board.answer(frame)
    assert lane.first_index == 0
    assert lane.answered < 5000


def test_an_answer_of_another_type_breaks_the_conversation() -> None:
    board, lane = Board(), requests([b"a"])
    (frame,) = board.sent(lane)
    with pytest.raises(ProtocolError, match="message 2 with message 5"):
        board.answer(frame, bytes(4), MessageType.TICKS)
    refused = ErrorAnswer.of(MessageType.TRACE, ErrorCode.BAD_LAYER).pack()
    with pytest.raises(ProtocolError, match="refuses message 4 in answer to 2"):
        board.answer(frame, refused, MessageType.ERROR)


PAYLOAD = bytes(range(250))


def in_parts() -> tuple[Board, Lane, list[Frame]]:
    board, lane = Board(largest_frame=100), requests([PAYLOAD])
    frames = board.sent(lane)
    assert [frame.type for frame in frames] == [PART | INFER] * 3
    assert b"".join(frame.payload[4:] for frame in frames) == PAYLOAD
    return board, lane, frames


def numbers(frames: list[Frame]) -> list[int]:
    return [int.from_bytes(frame.payload[:2], "little") for frame in frames]


def test_parts_are_confirmed_and_the_last_is_answered() -> None:
    board, lane, frames = in_parts()
    board.answer(frames[0], MoreAnswer(1).pack())
    board.answer(frames[1], MoreAnswer(2).pack())
    board.answer(frames[2], b"\0done")
    assert [request.answer for request in lane.give()] == [b"\0done"]


def test_after_a_missing_part_the_board_is_asked_and_gets_the_rest() -> None:
    board, lane, frames = in_parts()
    board.answer(frames[0], MoreAnswer(1).pack())
    missing = ErrorAnswer.of(INFER, ErrorCode.PART_ORDER, 1).pack()
    board.answer(frames[2], missing, MessageType.ERROR)
    assert board.flight.wants_probe
    (probe,) = Decoder(1).feed(board.flight.send_now(Request(MessageType.TICKS), 1))
    board.answer(probe, bytes(4), MessageType.TICKS)
    assert numbers(board.sent(lane)) == [1, 2]


def test_a_board_that_wants_a_part_that_was_not_sent_is_wrong() -> None:
    board, _, frames = in_parts()
    with pytest.raises(ProtocolError, match="wants part 9"):
        board.answer(frames[0], MoreAnswer(9).pack())


def test_a_new_session_starts_the_parts_over() -> None:
    board, lane, frames = in_parts()
    board.answer(frames[0], MoreAnswer(1).pack())
    (hello,) = Decoder(0).feed(board.flight.send_now(Request(MessageType.HELLO, b"1234"), 0))
    board.answer(hello, b"", MessageType.HELLO)
    board.flight.adopt(describe(largest_frame=200), seed=1)
    assert numbers(board.sent(lane)) == [0, 1]


def answer_part(board: Board, frame: Frame, index: int, data: bytes, count: int = 3) -> None:
    head = index.to_bytes(2, "little") + count.to_bytes(2, "little")
    board.answer(frame, head + data, PART | INFER)


def test_an_answer_in_parts_is_put_together() -> None:
    board, lane = Board(), requests([b"a"])
    (frame,) = board.sent(lane)
    for index, data in enumerate([b"x", b"y", b"z"]):
        answer_part(board, frame, index, data)
    assert [request.answer for request in lane.give()] == [b"xyz"]


@pytest.mark.parametrize("lost", [0, 1])
def test_an_answer_with_a_missing_part_is_asked_for_again(lost: int) -> None:
    board, lane = Board(), requests([b"a"])
    (frame,) = board.sent(lane)
    for index in {0, 1, 2} - {lost}:
        answer_part(board, frame, index, b"x")
    assert list(lane.give()) == []
    assert [again.payload for again in board.sent(lane)] == [b"a"]


def test_an_answer_of_too_many_parts_is_refused_before_it_fills_the_memory() -> None:
    board, lane = Board(), requests([b"a"])
    (frame,) = board.sent(lane)
    with pytest.raises(ProtocolError, match="number of parts"):
        answer_part(board, frame, 0, bytes(60_000), 0xFFFF)
    with pytest.raises(ProtocolError, match="part number"):
        answer_part(board, frame, 3, b"", 3)
