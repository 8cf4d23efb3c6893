"""What bounds the throughput: line, processor, or a receive window that holds no two requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tinyproof.frame import encoded_size
from tinyproof.harness import Board
from tinyproof.report import Limit, Throughput
from tinyproof.report.render import throughput_text
from tinyproof.throughput import measure_throughput

WINDOW = 255
INFERENCE_S, LINE_S = 0.01124, 0.0153


class Simulator:
    """Simulated time of a board where line and processor overlap only within the window."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self.sent = 0

    def begin_exchange(self) -> None:
        """Start."""
        self.sent = 0

    def exchange_seconds(self) -> float:
        """Return what the samples sent since took."""
        alone = INFERENCE_S + LINE_S
        more = max(INFERENCE_S, LINE_S) if self.at_once > 1 else alone
        return alone + (self.sent - 1) * more


ANSWER = b"\1" * 10


def board(input_bytes: int, *, simulated: bool) -> Board:
    """Return a board at 115,200 baud whose answers are 10 bytes long."""
    sizes = (encoded_size(input_bytes), encoded_size(14))
    simulator = Simulator(WINDOW // sizes[0]) if simulated else None

    def stream(samples: Sequence[bytes]) -> Iterator[SimpleNamespace]:
        assert simulator
        simulator.sent += len(samples)
        yield from (SimpleNamespace(output=ANSWER) for _ in samples)

    found: Any = SimpleNamespace(
        hello=SimpleNamespace(window=WINDOW, input_bytes=input_bytes, tick_rate=1_000_000),
        firmware=SimpleNamespace(target=SimpleNamespace(line_baud=115_200, clock_hz=16_000_000)),
        frame_bytes=sizes,
        simulator=simulator,
        stream=stream,
    )
    return cast(Board, found)


def measured(input_bytes: int, *, simulated: bool) -> Throughput:
    """Return what is said of 38 samples in a second."""
    ticks = [round(INFERENCE_S * 1e6)] * 38
    answers: list[bytes] = []
    found = measure_throughput(
        board(input_bytes, simulated=simulated), b"\0" * input_bytes, ticks, 1.0, answers.append
    )
    assert found is not None
    assert set(answers) == ({ANSWER} if simulated else set())
    return found


@pytest.mark.parametrize("input_bytes", [150, 1000])
def test_a_window_of_one_request_is_the_limit_not_the_processor(input_bytes: int) -> None:
    found = measured(input_bytes, simulated=True)
    assert found.limit is Limit.WINDOW
    assert found.limit_samples_per_s == pytest.approx(1 / (INFERENCE_S + LINE_S))
    assert "that the receive window allows, which holds no two requests" in throughput_text(found)


def test_a_real_board_adds_request_answer_and_inference_where_nothing_overlaps() -> None:
    found = measured(150, simulated=False)
    line = (encoded_size(150) + encoded_size(14)) * 10 / 117_647
    assert found.limit is Limit.WINDOW
    assert found.limit_samples_per_s == pytest.approx(1 / (INFERENCE_S + line), rel=1e-4)


def test_where_the_window_holds_two_the_slower_of_line_and_processor_is_the_limit() -> None:
    assert measured(64, simulated=True).limit is Limit.PROCESSOR
    found = measured(64, simulated=False)
    assert found.limit is Limit.PROCESSOR
    assert found.limit_samples_per_s == pytest.approx(1 / INFERENCE_S)
