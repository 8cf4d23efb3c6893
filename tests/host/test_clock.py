"""The board's clock against the host's: rates, wrap-around, restarts, short and slow watches."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from tinyproof.clock import (
    ClockWatch,
    Reading,
    clock_error,
    compare_readings,
    elapsed_ticks,
    is_unambiguous,
    read_clock,
)
from tinyproof.course import Course, RunOptions
from tinyproof.deadline import Deadline
from tinyproof.device import Device
from tinyproof.errors import (
    ClockError,
    IdentityError,
    PortError,
    ProtocolError,
    TinyProofError,
)
from tinyproof.report import Clock, ClockStatus
from tinyproof.simulators.fake import FakeBoard, FakeFirmware, describe
from tinyproof.subject import Subject
from tinyproof.targets import Target

MHZ_100 = 100_000_000
WRAP = 1 << 32


class TickingFirmware(FakeFirmware):
    """Firmware whose ticks are those of its board."""

    board: TickingBoard

    def _carry_out(self, type_: int, sequence: int, payload: bytes) -> bytes:
        self._ticks = self.board.ticks() - 1000
        return super()._carry_out(type_, sequence, payload)


class TickingBoard(FakeBoard):
    """A board with a clock.

    Attributes:
        rate: seconds that its clock makes of one.
        offset: ticks at time 0.
        trip: seconds that a request takes on its way.
    """

    def __init__(self, *, hz: int = MHZ_100, rate: float = 1.0, trip: float = 1e-4) -> None:
        firmware = TickingFirmware(hello=replace(describe(), tick_rate=hz))
        firmware.board = self
        self.rate, self.offset, self.trip, self.hz = rate, WRAP - MHZ_100 // 2, trip, hz
        super().__init__(firmware)

    def ticks(self) -> int:
        return (self.offset + int(self.clock() * self.hz * self.rate)) % WRAP

    def _read(self, deadline: Deadline) -> bytes:
        if b"\0" in self._received:
            self.wait(self.trip)
        return super()._read(deadline)


def watched(board: TickingBoard, seconds: float, *, wait: bool = False) -> Clock:
    device = Device(board)
    device.hello()
    watch = ClockWatch(device, sleep=board.wait)
    board.wait(seconds)
    return watch.check(wait=wait)


@pytest.mark.parametrize("seconds", [1.0, 1.7, 20.0, 43.5, 100.0, 3600.0])
def test_a_good_clock_is_good_however_often_it_wraps(seconds: float) -> None:
    clock = watched(TickingBoard(), seconds)
    assert clock.status is ClockStatus.GOOD
    assert clock.ratio == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("rate", [1.05, 0.95, 1.021, 0.979, 2.0, 0.5, 8.0, 15.0, 0.0])
@pytest.mark.parametrize("seconds", [1.0, 20.0, 42.9, 859.0, 3600.0])
def test_a_clock_beyond_2_percent_is_off_and_the_ratio_told(rate: float, seconds: float) -> None:
    clock = watched(TickingBoard(hz=16_000_000, rate=rate), seconds)
    assert clock.status is ClockStatus.OFF
    assert clock.ratio == pytest.approx(rate, abs=2e-3)


def test_a_host_that_was_busy_once_does_not_make_a_good_clock_bad() -> None:
    board = TickingBoard()
    device = Device(board)
    device.hello()
    watch = ClockWatch(device, sleep=board.wait)
    board.wait(2.0)
    board.offset -= MHZ_100 // 10  # The host lost a tenth of a second somewhere.
    clock = watch.check(wait=False)
    assert clock.status is ClockStatus.GOOD
    assert clock.seconds == pytest.approx(1.0, abs=0.01)


def test_a_clock_that_was_off_is_not_cleared_by_watches_that_come_to_nothing() -> None:
    def sleep(seconds: float) -> None:
        board.wait(seconds)
        board.restart()
        device.ticks()

    board = TickingBoard(rate=1.05)
    device = Device(board)
    device.hello()
    watch = ClockWatch(device, sleep=sleep)
    board.wait(2.0)
    clock = watch.check(wait=False)
    assert clock.status is ClockStatus.OFF
    assert clock.ratio == pytest.approx(1.05, abs=2e-3)


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [
        (None, PortError("gone", port="p"), "port"),
        (ProtocolError("odd"), PortError("gone", port="p"), "port"),
        (ClockError("off"), PortError("gone", port="p"), "clock"),
        (ClockError("off"), IdentityError("another", wanted="a", got="b"), "identity"),
    ],
)
def test_only_a_stranger_outranks_a_clock_that_is_off(
    first: TinyProofError | None, then: TinyProofError, kept: str
) -> None:
    found = Course(RunOptions(), cast(Target, None), cast(Subject, None), False, error=first)
    found.end_with(then)
    assert found.error is not None
    assert found.error.failure == kept


@pytest.mark.parametrize("rate", [1.019, 0.981])
def test_a_clock_within_2_percent_is_good(rate: float) -> None:
    assert watched(TickingBoard(rate=rate), 5.0).status is ClockStatus.GOOD


def test_a_short_watch_is_unchecked_and_says_how_short() -> None:
    clock = watched(TickingBoard(rate=3.0), 0.3)
    assert clock.status is ClockStatus.UNCHECKED
    assert clock.ratio is None
    assert clock.seconds == pytest.approx(0.3, abs=0.01)


def test_a_short_watch_can_be_made_a_long_one() -> None:
    clock = watched(TickingBoard(rate=1.05), 0.3, wait=True)
    assert clock.status is ClockStatus.OFF
    assert clock.seconds == pytest.approx(1.0, abs=0.01)


def test_a_slow_line_is_watched_longer() -> None:
    clock = watched(TickingBoard(trip=0.016), 0.3, wait=True)
    assert clock.status is ClockStatus.GOOD
    assert clock.seconds is not None
    assert clock.seconds > 2


def test_a_restart_in_between_does_not_make_a_good_clock_bad() -> None:
    board = TickingBoard()
    device = Device(board)
    device.hello()
    watch = ClockWatch(device, sleep=board.wait)
    board.wait(5)
    board.offset = 0
    board.restart()
    device.ticks()
    clock = watch.check(wait=False)
    assert clock.status is ClockStatus.GOOD
    assert clock.seconds == pytest.approx(1.0, abs=0.01)


def test_a_clock_is_watched_for_long_enough_after_a_restart_too() -> None:
    board = TickingBoard(rate=1.05)
    device = Device(board)
    device.hello()
    watch = ClockWatch(device, sleep=board.wait)
    board.wait(0.5)
    board.restart()
    device.ticks()
    clock = watch.check(wait=True)
    assert clock.status is ClockStatus.OFF
    assert clock.ratio == pytest.approx(1.05, abs=2e-3)


def test_a_reading_is_the_one_that_came_soonest() -> None:
    board = TickingBoard()
    device = Device(board)
    device.hello()
    trips = iter([0.5, 0.001, 0.2])
    ask = device.ticks

    def ticks() -> int:
        board.trip = next(trips)
        return ask()

    device.ticks = ticks  # type: ignore[method-assign]
    assert read_clock(device).doubt == pytest.approx(0.0005)


def test_the_counter_may_turn_once() -> None:
    assert elapsed_ticks(Reading(WRAP - 5, 0.0, 0.0, 1), Reading(5, 1e-7, 0.0, 1)) == 10


@pytest.mark.parametrize(("hz", "seconds"), [(16e6, 16.7), (100e6, 2.68), (600e6, 1.5)])
def test_readings_too_far_apart_or_of_two_sessions_say_nothing(hz: float, seconds: float) -> None:
    first = Reading(0, 0.0, 0.0, 1)
    assert is_unambiguous(first, Reading(0, seconds, 0.0, 1), hz)
    assert not is_unambiguous(first, Reading(0, 1.01 * seconds, 0.0, 1), hz)
    assert not is_unambiguous(first, Reading(0, 1.0, 0.0, 2), hz)


def test_a_clock_too_fast_to_be_watched_proves_no_latency() -> None:
    clock = watched(TickingBoard(hz=WRAP - 1), 0.3, wait=True)
    assert clock.status is ClockStatus.UNCHECKED
    assert clock_error(clock) is None
    error = clock_error(clock, is_demanded=True)
    assert error is not None
    assert "could not be watched for a second on end" in str(error)


@pytest.mark.parametrize("spoilt", [1, 5])
def test_a_watch_that_comes_to_nothing_is_made_again(spoilt: int) -> None:
    """A busy host slept for too long, so that the counter may have turned."""
    board = TickingBoard(hz=600_000_000)
    device = Device(board)
    device.hello()
    naps = iter([5.0] * spoilt + [1.0])
    watch = ClockWatch(device, sleep=lambda _: board.wait(next(naps)))
    assert watch.check(wait=True).status is ClockStatus.GOOD


@pytest.mark.parametrize(
    ("rate", "doubt", "wanted"),
    [
        (1.03, 0.015, ClockStatus.UNCHECKED),
        (0.97, 0.015, ClockStatus.UNCHECKED),
        (1.03, 0.001, ClockStatus.OFF),
        (1.06, 0.015, ClockStatus.OFF),
        (1.01, 0.015, ClockStatus.GOOD),
    ],
)
def test_a_difference_that_the_way_may_explain_makes_no_clock_off(
    rate: float, doubt: float, wanted: ClockStatus
) -> None:
    first, last = Reading(0, 0.0, doubt, 1), Reading(int(rate * MHZ_100), 1.0, doubt, 1)
    assert compare_readings(first, last, MHZ_100).status is wanted


def test_only_a_clock_that_is_off_is_refused() -> None:
    error = clock_error(Clock(ClockStatus.OFF, 0.9512, 1.25))
    assert error is not None
    assert (error.exit_code, error.failure) == (3, "clock")
    assert "4.9 % slow" in error.sentence
    assert "0.9512" in error.sentence
    for status in (ClockStatus.GOOD, ClockStatus.UNCHECKED, ClockStatus.SIMULATED):
        assert clock_error(Clock(status)) is None
