"""Campaigns of faults: whatever link and board do, no wrong answer is taken and nothing hangs.

Each run streams samples to a board over a link that goes wrong in one way, at places that follow
from the seed. It must end with every answer right, or with an error of a class that suits the
fault, what was answered before kept; never with a wrong answer, and soon.
"""

from __future__ import annotations

import os
import random
import signal
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any

from tinyproof.device import Device
from tinyproof.errors import TinyProofError, UsageError
from tinyproof.identity import Identity
from tinyproof.link import Link
from tinyproof.simulators.faulty import (
    Event,
    Faults,
    FaultyLink,
    disconnect,
    inject,
    reset,
    stall,
    swap,
)
from tinyproof.simulators.process import ProcessLink

LONGEST_SECONDS = 60.0
"""Of one run beyond what its samples take; a longer one counts as hung."""
BOOT_TEXT = b"\r\nets Jun  8 2016\r\nrst:0xc (SW_CPU_RESET),boot:0x13\r\n\x1b[31mE (5) x: y\x00\x07"
COMPLETE = "complete"
_NONE = Faults()


class Patient(ABC):
    """A kind of board that a campaign is made against.

    Attributes:
        samples: what is streamed, again and again.
        outputs: what the board must answer to each.
        identity: who it must be.
        answer_seconds: patience with it.
    """

    def __init__(
        self,
        samples: Sequence[bytes],
        outputs: Sequence[bytes],
        identity: Identity,
        answer_seconds: float,
    ) -> None:
        """Take samples, and the reference's outputs for them."""
        self.samples = samples
        self.outputs = outputs
        self.identity = identity
        self.answer_seconds = answer_seconds

    @property
    def cases(self) -> Sequence[Case]:
        """The faults that can be done to it."""
        return [case for case in CASES if self.can(case.name)]

    def can(self, name: str) -> bool:
        """Whether the fault of this name can be done to it."""
        return name not in ("kill", "swap")

    @abstractmethod
    def open(self) -> Link:
        """Return a link to a board that is as new."""

    def kill(self, link: Link) -> None:
        """End the board for good; asked for only where ``can`` says so."""
        raise TinyProofError(f"{type(self).__name__} cannot end its board.")

    def swap(self, link: FaultyLink) -> None:
        """Put a board with other firmware in its place; asked for only where ``can`` says so."""
        raise TinyProofError(f"{type(self).__name__} cannot swap its board.")

    def is_left_over(self, link: Link) -> bool:
        """Whether anything of the board still runs after its link was closed."""
        return False


class ProgramPatient(Patient):
    """A board that is a program of this machine, started anew for each run."""

    def __init__(
        self,
        start: Callable[[], Link],
        start_other: Callable[[], Link],
        samples: Sequence[bytes],
        outputs: Sequence[bytes],
        identity: Identity,
    ) -> None:
        """Start boards with ``start``, boards with other firmware with ``start_other``."""
        super().__init__(samples, outputs, identity, answer_seconds=3.0)
        self._start = start
        self._start_other = start_other

    def can(self, name: str) -> bool:
        """Everything can be done to a program."""
        return True

    def open(self) -> Link:
        """Start the program."""
        return self._start()

    def kill(self, link: Link) -> None:
        """Kill the program."""
        assert isinstance(link, ProcessLink)
        os.kill(link.pid, signal.SIGKILL)

    def swap(self, link: FaultyLink) -> None:
        """Start the other program in its place."""
        swap(self._start_other)(link)

    def is_left_over(self, link: Link) -> bool:
        """Whether the program still runs."""
        assert isinstance(link, ProcessLink)
        try:
            os.kill(link.pid, 0)
        except ProcessLookupError:
            return False
        return True


class PortPatient(Patient):
    """A board on a port that is opened anew for each run."""

    def __init__(
        self,
        opener: Callable[[], Link],
        samples: Sequence[bytes],
        outputs: Sequence[bytes],
        identity: Identity,
    ) -> None:
        """Open the port with ``opener``."""
        super().__init__(samples, outputs, identity, answer_seconds=10.0)
        self._opener = opener

    def open(self) -> Link:
        """Open the port."""
        return self._opener()


@dataclass(frozen=True)
class Plan:
    """What goes wrong in one run: faults each way."""

    to_board: Faults = _NONE
    from_board: Faults = _NONE


@dataclass
class Stage:
    """What a fault can reach: the patient, and, once they exist, link and device."""

    patient: Patient
    device: Device | None = None


@dataclass(frozen=True)
class Case:
    """A kind of fault.

    Attributes:
        name: of the table's row.
        plan: makes the faults of one run from its random numbers and the bytes that one way takes.
        ends: failure classes that may end a run; empty: every run must complete.
    """

    name: str
    plan: Callable[[random.Random, int, Stage], Plan]
    ends: frozenset[str] = frozenset()


def _rates(**faults: Any) -> Callable[[random.Random, int, Stage], Plan]:
    def plan(rng: random.Random, size: int, stage: Stage) -> Plan:
        return Plan(Faults(**faults), Faults(**faults))

    return plan


def _once(
    make: Callable[[random.Random, Stage], Callable[[FaultyLink], bytes | None]],
) -> Callable[[random.Random, int, Stage], Plan]:
    """Let something happen once, at a random byte of either direction."""

    def plan(rng: random.Random, size: int, stage: Stage) -> Plan:
        happen = make(rng, stage)
        faults = Faults(events=(Event(rng.randrange(size), happen),))
        return Plan(to_board=faults) if rng.random() < 0.5 else Plan(from_board=faults)

    return plan


def _reset(rng: random.Random, size: int, stage: Stage) -> Plan:
    def nonce() -> int:
        return stage.device.nonce if stage.device else 0

    return Plan(to_board=Faults(events=(Event(rng.randrange(size), reset(nonce)),)))


def _kill(rng: random.Random, stage: Stage) -> Callable[[FaultyLink], None]:
    return lambda link: stage.patient.kill(link.inner)


def _swap(rng: random.Random, stage: Stage) -> Callable[[FaultyLink], None]:
    return stage.patient.swap


_SILENT = frozenset({"port", "boot"})
CASES = (
    Case("flip 1e-5", _rates(flip=1e-5)),
    Case("flip 1e-4", _rates(flip=1e-4)),
    Case("flip 1e-3", _rates(flip=1e-3), _SILENT),
    Case("drop 1e-4", _rates(drop=1e-4)),
    Case("repeat 1e-4", _rates(repeat=1e-4)),
    Case("swap bytes 1e-4", _rates(swap=1e-4)),
    Case("garbage 1e-4", _rates(garbage=1e-4)),
    Case("lose frames 1 %", _rates(lose_frame=0.01)),
    Case("repeat frames 2 %", _rates(repeat_frame=0.02)),
    Case("split and late", _rates(split=0.01, latency=0.001)),
    Case("everything", _rates(flip=2e-5, drop=5e-5, repeat=5e-5, swap=5e-5, garbage=5e-5,
                              split=1e-3, lose_frame=2e-3, repeat_frame=2e-3)),
    Case("boot text", _once(lambda rng, stage: inject(BOOT_TEXT))),
    Case("stall", _once(lambda rng, stage: stall(rng.uniform(0.01, 0.8)))),
    Case("stall for ever", _once(lambda rng, stage: stall()), frozenset({"port"})),
    Case("reset", _reset),
    Case("kill", _once(_kill), frozenset({"port"})),
    Case("disconnect", _once(lambda rng, stage: disconnect), frozenset({"port"})),
    Case("swap", _once(_swap), frozenset({"identity"})),
)  # fmt: skip
"""Every kind of fault; the last ones happen once in a run, at a random byte."""


@dataclass
class Row:
    """What the runs of one case came to.

    Attributes:
        case: its name.
        runs: how many.
        frames: that passed on the link, both ways, damaged ones included.
        samples: that were to be answered.
        ends: how the runs ended: ``complete``, or a failure class.
        wrong: answers that differ from the reference, or were given out of turn.
        missing: samples without an answer in runs that said they had all.
        unsuited: runs that ended with an error that does not suit the fault.
        hung: runs that took too long.
        left_over: runs after which the board's process still ran.
        retransmissions: requests sent again.
        restarts: of boards, as they said.
        dropped: pieces from the board that held no intact frame.
        longest_s: seconds of the longest run.
        remarks: on what should not have been; the first few.
    """

    case: str
    runs: int = 0
    frames: int = 0
    samples: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    missing: int = 0
    unsuited: int = 0
    hung: int = 0
    left_over: int = 0
    retransmissions: int = 0
    restarts: int = 0
    dropped: int = 0
    longest_s: float = 0.0
    remarks: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing happened that must not."""
        return not (self.wrong or self.missing or self.unsuited or self.hung or self.left_over)


def campaign(
    patient: Patient, *, runs: int, seed: int, samples: int, only: Sequence[str] = ()
) -> Iterator[Row]:
    """Make ``runs`` runs, as evenly as possible of every kind, and yield a row after each run.

    Args:
        patient: the boards.
        runs: how many.
        seed: of all that goes wrong, and where.
        samples: for each run.
        only: names of cases; all that can be done to the patient if empty.

    Raises:
        UsageError: there is no such case.
    """
    cases = [case for case in patient.cases if not only or case.name in only]
    unknown = set(only) - {case.name for case in cases}
    if unknown:
        raise UsageError(
            f"There is no fault {sorted(unknown)[0]!r} for this board.",
            hint=f"Faults: {', '.join(case.name for case in patient.cases)}.",
        )
    rows = {case.name: Row(case.name) for case in cases}
    for number, case in zip(range(runs), cycle(cases), strict=False):
        rng = random.Random(f"{seed} {case.name} {number}")  # noqa: S311 - reproducible, not secret
        _run(patient, case, rng, samples, rows[case.name])
        yield rows[case.name]


def _run(patient: Patient, case: Case, rng: random.Random, count: int, row: Row) -> None:
    stage = Stage(patient)
    request = len(patient.samples[0]) + 12
    plan = case.plan(rng, max(1, count * min(request, len(patient.outputs[0]) + 16)), stage)
    inner = patient.open()
    link = FaultyLink(
        inner, seed=rng.randrange(1 << 30), to_board=plan.to_board, from_board=plan.from_board
    )
    began = time.monotonic()
    device = Device(link, answer_seconds=patient.answer_seconds, nonces=rng)
    link.observer = lambda direction, data: _count(row, data)
    stage.device = device
    row.runs += 1
    row.samples += count
    with device:
        end, answered = _stream(patient, device, count, row)
    row.ends[end] += 1
    if end == COMPLETE:
        row.missing += count - answered
    elif end not in case.ends:
        row.unsuited += 1
    seconds = time.monotonic() - began
    row.longest_s = max(row.longest_s, seconds)
    row.hung += seconds > LONGEST_SECONDS + count / 1000
    row.left_over += patient.is_left_over(inner)
    row.retransmissions += device.events.retransmissions
    row.restarts += device.events.restarts
    row.dropped += device.events.dropped_frames


def _count(row: Row, data: bytes) -> None:
    row.frames += data.count(0)


def _stream(patient: Patient, device: Device, count: int, row: Row) -> tuple[str, int]:
    """Stream and compare; return how it ended, and how many answers were given."""
    answered = last = 0
    try:
        device.hello()
        device.check_identity(patient.identity)
        for answer in device.stream(islice(cycle(patient.samples), count)):
            right = patient.outputs[answer.index % len(patient.outputs)]
            if answer.output != right or answer.index < last:
                row.wrong += 1
                _remark(row, f"sample {answer.index}: {answer.output.hex()}, not {right.hex()}")
            answered, last = answered + 1, answer.index + 1
    except TinyProofError as error:
        _remark(row, f"{error.failure}: {error.sentence}")
        return error.failure, answered
    return COMPLETE, answered


def _remark(row: Row, text: str) -> None:
    if len(row.remarks) < 5 and text not in row.remarks:
        row.remarks.append(text)
