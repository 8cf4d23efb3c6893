"""Holds a board's clock against the host's: without that, its latencies are only its word."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tinyproof.device import Device
from tinyproof.errors import ClockError
from tinyproof.report import Clock, ClockStatus

LIMIT = 0.02
"""Largest difference between the clocks, as a share of the host's."""
LEAST_SECONDS = 1.0
"""Nothing is said of a clock that was watched for less."""
MOST_SECONDS = 10.0
"""How long a clock is watched at most on a slow line."""
LARGEST_DOUBT = 0.005
"""What the time that a question takes on its way may contribute, as a share."""
WATCHES_TO_REFUSE = 3
"""A clock is off when so many watches in a row say so: a busy host spoils one, not all."""
MOST_WATCHES = 6
"""How often it is watched at most, where watches come to nothing."""
_QUESTIONS = 3
_WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class Reading:
    """The board's clock at an instant of the host's.

    Attributes:
        ticks: the board's, modulo 2^32.
        at: the host's clock in the middle of the question, seconds.
        doubt: how far the instant may be from that, seconds.
        session: how many times the board had been met; its clock starts anew when it restarts.
    """

    ticks: int
    at: float
    doubt: float
    session: int


def read_clock(device: Device) -> Reading:
    """Ask the board for its ticks a few times and return the answer that came soonest."""
    readings = [_ask(device) for _ in range(_QUESTIONS)]
    last = readings[-1].session
    return min((r for r in readings if r.session == last), key=lambda reading: reading.doubt)


def _ask(device: Device) -> Reading:
    before = device.link.clock()
    ticks = device.ticks()
    doubt = (device.link.clock() - before) / 2
    return Reading(ticks, before + doubt, doubt, device.events.hellos)


def elapsed_ticks(first: Reading, last: Reading) -> int:
    """Return the ticks between two readings less than a turn of the counter apart."""
    return (last.ticks - first.ticks) % _WRAP


def longest_seconds(hz: float) -> float:
    """Return how far apart readings may be so that a wrong clock cannot pass for a right one.

    The counter may turn only if the clock is 16 times too fast, or 4 times where it counts so fast
    that a watch of ``LEAST_SECONDS`` leaves no more room.
    """
    return max(_WRAP / 16, min(_WRAP / 4, 1.5 * LEAST_SECONDS * hz)) / hz


def is_unambiguous(first: Reading, last: Reading, hz: float) -> bool:
    """Whether two readings are of one session and not too far apart."""
    return first.session == last.session and last.at - first.at <= longest_seconds(hz)


class ClockWatch:
    """Watches a board's clock from its making on."""

    def __init__(self, device: Device, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Read the clock for the first time."""
        self._device = device
        self._sleep = sleep
        self._first = read_clock(device)

    def check(self, *, wait: bool) -> Clock:
        """Read the clock again and compare.

        Args:
            wait: whether to wait until enough time has passed; otherwise a clock that was not
                watched long enough is ``unchecked``.
        """
        hz = self._device.description.tick_rate
        last = read_clock(self._device)
        if not is_unambiguous(self._first, last, hz):
            # After that long, a second more does not matter.
            wait = wait or last.at - self._first.at >= LEAST_SECONDS
            self._first = last
        missing = self._missing_seconds(last)
        if wait and missing > 0:
            self._sleep(missing)
            last = read_clock(self._device)
        found = compare_readings(self._first, last, hz)
        settled = (ClockStatus.GOOD,) if wait else (ClockStatus.GOOD, ClockStatus.UNCHECKED)
        for done in range(1, MOST_WATCHES):
            is_refused = found.status is ClockStatus.OFF and done >= WATCHES_TO_REFUSE
            if is_refused or found.status in settled:
                break
            again = self._again(hz)
            # A watch that came to nothing clears nobody.
            found = found if again.status is ClockStatus.UNCHECKED else again
        return found

    def _again(self, hz: float) -> Clock:
        """Watch once more, from now on."""
        self._first = read_clock(self._device)
        self._sleep(self._missing_seconds(self._first))
        last = read_clock(self._device)
        return compare_readings(self._first, last, hz)

    def _missing_seconds(self, last: Reading) -> float:
        doubt = (self._first.doubt + last.doubt) / LARGEST_DOUBT
        # A busy host may sleep for longer: a fifth is left to it.
        longest = 0.8 * longest_seconds(self._device.description.tick_rate)
        wanted = max(LEAST_SECONDS, min(doubt, longest, MOST_SECONDS))
        return wanted - (last.at - self._first.at)


def compare_readings(first: Reading, last: Reading, hz: float) -> Clock:
    """Return what two readings say; nothing, where what the way took may be the difference."""
    seconds = last.at - first.at
    if seconds < LEAST_SECONDS or not is_unambiguous(first, last, hz):
        return Clock(ClockStatus.UNCHECKED, None, round(seconds, 3))
    ratio = elapsed_ticks(first, last) / hz / seconds
    difference, doubt = abs(ratio - 1), (first.doubt + last.doubt) / seconds
    if LIMIT < difference <= LIMIT + doubt:
        return Clock(ClockStatus.UNCHECKED, None, round(seconds, 3))
    status = ClockStatus.GOOD if difference <= LIMIT else ClockStatus.OFF
    return Clock(status, ratio, round(seconds, 3))


def demand_clock(device: Device) -> None:
    """Watch a board's clock for long enough.

    Raises:
        ClockError: it is off, or could not be watched.
    """
    if error := clock_error(ClockWatch(device).check(wait=True), is_demanded=True):
        raise error


def clock_error(clock: Clock, *, is_demanded: bool = False) -> ClockError | None:
    """Return why latencies by this clock are refused; None if they are not.

    Args:
        clock: what was found.
        is_demanded: whether it has to be good: that is asked for, or a latency is to be proved.
    """
    if is_demanded and clock.status is ClockStatus.UNCHECKED:
        return ClockError(
            "The board's clock is to be checked, but could not be watched for a second on end: it "
            "restarts, its counter turns too soon, or this machine is too busy.",
            hint="Run again with this machine less busy; a board may count at most 700 MHz.",
        )
    if clock.status is not ClockStatus.OFF or clock.ratio is None:
        return None
    way = "fast" if clock.ratio > 1 else "slow"
    return ClockError(
        f"The board's clock is {100 * abs(clock.ratio - 1):.1f} % {way} (it makes "
        f"{clock.ratio:.4f} s of a second): its latencies are refused.",
        hint="Check the clock that the firmware is built for: board_build.f_cpu, crystal, fuses.",
    )
