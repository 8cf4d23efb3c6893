"""How fast a board answers, and how fast line and processor would let it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from tinyproof.frame import encoded_size
from tinyproof.harness import Board
from tinyproof.report import Limit, Throughput
from tinyproof.stats import latency

BITS_PER_BYTE = 10
"""On a serial line: start bit, eight data bits, stop bit."""
Note = Callable[[bytes], None]
"""Told of the answer to each sample that is run for a measurement, empty for an error."""
SAME = 1.01
"""Times that differ by less than 1 % are one: a burst that waits for the line takes its time."""


class Stopwatch:
    """Times one exchange: in simulated time where there is some, else in real time.

    A simulator need not keep real time, so real time would say nothing of the board.
    """

    def __init__(self, board: Board) -> None:
        """Start."""
        self._simulator = board.simulator
        self._began = time.monotonic()
        if self._simulator:
            self._simulator.begin_exchange()

    def seconds(self) -> float:
        """Return seconds since the start; simulated ones from the first byte in to the last out."""
        if self._simulator:
            return self._simulator.exchange_seconds()
        return time.monotonic() - self._began

    @property
    def time(self) -> str:
        """What the seconds are, as a few words to append; empty for real ones."""
        return " in simulated time" if self._simulator else ""


def measure_throughput(
    board: Board, sample: bytes, ticks: Sequence[int], seconds: float, note: Note
) -> Throughput | None:
    """Compare the rate achieved with what line and processor would allow.

    They work at once where the board's window holds two requests, and the slower one is the limit.
    Where it does not, each sample takes what both take together, and the window is the limit.
    The time that the processor takes for a sample is inference and protocol on a simulated board,
    see ``further_seconds``; elsewhere only the inference is known.

    Args:
        board: what answered.
        sample: one to measure with.
        ticks: of each inference that was answered.
        seconds: what all of them together took.
        note: see ``Note``.
    """
    figures = latency(np.asarray(ticks), board.hello.tick_rate)
    if figures is None or not seconds:
        return None
    inference = figures.p50 / 1e6
    target = board.firmware.target
    byte = 0.0
    if target.line_baud:
        byte = BITS_PER_BYTE / line_baud(target.clock_hz, target.line_baud)
    further = further_seconds(board, sample, note) if board.simulator else None
    if byte and _in_window(board) < 2:
        alone = inference + sum(board.frame_bytes) * byte
        kind, limit = Limit.WINDOW, alone if further is None else further
    else:
        line, processor = max(board.frame_bytes) * byte, inference if further is None else further
        kind, limit = (
            (Limit.LINE, line) if processor <= SAME * line else (Limit.PROCESSOR, processor)
        )
    return Throughput(len(ticks) / seconds, 1 / limit if limit else None, kind)


def line_baud(clock_hz: int, baud: int) -> float:
    """Return the speed that a UART with a divider of whole numbers makes of ``baud``.

    AVR's in double-speed mode, rounded as the Arduino core does: 115,200 at 16 MHz are 117,647.
    """
    if not clock_hz:
        return baud
    return clock_hz / (8 * ((clock_hz // 4 // baud - 1) // 2 + 1))


def further_seconds(board: Board, sample: bytes, note: Note) -> float:
    """Return what each sample after the first adds, protocol included; simulated seconds.

    A burst of as many requests as the board's window holds is taken without the host's help; each
    after the first adds what the slower of line and processor takes. Where the window does not hold
    two, nothing overlaps, and the second adds what both take.
    """
    burst = max(2, _in_window(board))
    several = _exchange(board, [sample] * burst, note)
    return (several - _exchange(board, [sample], note)) / (burst - 1)


def _in_window(board: Board) -> int:
    """Return how many requests the board can receive while it computes."""
    return board.hello.window // encoded_size(board.hello.input_bytes)


def _exchange(board: Board, samples: list[bytes], note: Note) -> float:
    watch = Stopwatch(board)
    for answer in board.stream(samples):
        note(answer.output)
    return watch.seconds()


def quiet_latency_us(board: Board, sample: bytes, note: Note) -> float | None:
    """Return the latency of one inference while nothing arrives or leaves, microseconds.

    None if it fails.
    """
    (answer,) = board.stream([sample])
    note(answer.output)
    return None if answer.error else answer.ticks * 1e6 / board.hello.tick_rate
