"""The bad link: it does what is ordered, as often as ordered, and the same for the same seed."""

from __future__ import annotations

import dataclasses
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyproof.deadline import Deadline
from tinyproof.device import Device
from tinyproof.errors import IdentityError, PortError
from tinyproof.link import Link
from tinyproof.simulators.fake import FakeBoard, FakeFirmware, default_model, describe
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


class Tap(Link):
    """A link that keeps what it is given, gives what it holds, and has its own time."""

    def __init__(self, holds: bytes = b"") -> None:
        super().__init__("tap")
        self.now = 0.0
        self.given = b""
        self.holds = holds

    def clock(self) -> float:
        return self.now

    def _read(self, deadline: Deadline) -> bytes:
        if not self.holds:
            self.now += deadline.remaining
        data, self.holds = self.holds, b""
        return data

    def _write(self, data: bytes, deadline: Deadline) -> None:
        self.given += data

    def _close(self) -> None:
        self.holds = b""


DATA = random.Random(1).randbytes(20_000)


def written(faults: Faults, data: bytes = DATA, seed: int = 0, chunk: int = 1 << 20) -> bytes:
    tap = Tap()
    link = FaultyLink(tap, seed=seed, to_board=faults)
    for at in range(0, len(data), chunk):
        link.write(data[at : at + chunk], link.deadline(1))
    return tap.given


def flipped_bits(sent: bytes, got: bytes) -> int:
    return sum((a ^ b).bit_count() for a, b in zip(sent, got, strict=True))


def test_a_good_link_passes_everything() -> None:
    assert written(Faults()) == DATA


@pytest.mark.parametrize("rate", [1e-4, 1e-3, 1e-2])
def test_bits_flip_at_the_rate_that_was_ordered(rate: float) -> None:
    expected = rate * 8 * len(DATA)
    flips = flipped_bits(DATA, written(Faults(flip=rate)))
    assert abs(flips - expected) < 5 * expected**0.5


def test_bytes_are_dropped_repeated_and_added() -> None:
    assert 100 < len(DATA) - len(written(Faults(drop=0.01))) < 300
    assert 100 < len(written(Faults(repeat=0.01))) - len(DATA) < 300
    assert 1000 < len(written(Faults(garbage=0.01))) - len(DATA) < 3000


def test_swapped_bytes_are_the_same_bytes() -> None:
    got = written(Faults(swap=0.01))
    assert got != DATA
    assert sorted(got) == sorted(DATA)


def test_everything_can_be_lost() -> None:
    assert written(Faults(drop=1.0)) == b""
    assert written(Faults(lose_frame=1.0), b"ab\0cd\0") == b""


def test_whole_frames_are_lost_or_come_twice() -> None:
    frames = [b"%d\0" % index for index in range(1000)]
    lost = written(Faults(lose_frame=0.1), b"".join(frames)).split(b"\0")
    assert 50 < 1000 - len(lost) < 150
    assert set(lost) <= {frame[:-1] for frame in frames} | {b""}
    twice = written(Faults(repeat_frame=0.1), b"".join(frames))
    assert 50 < twice.count(b"\0") - 1000 < 150
    assert twice.split(b"\0")[:-1] == sorted(twice.split(b"\0")[:-1], key=int)


ALL = Faults(
    flip=1e-3, drop=1e-2, repeat=1e-2, swap=1e-2, garbage=1e-2, lose_frame=0.1, repeat_frame=0.1
)


@given(seed=st.integers(0, 1 << 64), chunk=st.integers(1, 5000))
def test_the_damage_depends_on_the_seed_and_not_on_the_chunks(seed: int, chunk: int) -> None:
    data = DATA[:2000]
    whole = written(ALL, data, seed)
    assert written(ALL, data, seed, chunk) == whole
    assert written(ALL, data, seed + 1) != whole


def test_the_two_directions_are_damaged_differently() -> None:
    faults = Faults(flip=1e-2)
    link = FaultyLink(Tap(DATA), to_board=faults, from_board=faults)
    assert link.read(link.deadline(1)) != written(faults)


def test_reads_are_split() -> None:
    link = FaultyLink(Tap(DATA), from_board=Faults(split=0.01))
    chunks = []
    while chunk := link.read(link.deadline(1)):
        chunks.append(chunk)
    assert b"".join(chunks) == DATA
    assert 100 < len(chunks) < 300


def test_latency_is_exact() -> None:
    tap = Tap()
    link = FaultyLink(tap, to_board=Faults(latency=0.001), from_board=Faults(latency=0.002))
    link.write(b"x", link.deadline(1))
    link.read(link.deadline(0.0009))
    assert tap.given == b""
    link.read(link.deadline(0.0002))
    assert tap.given == b"x"
    tap.holds = b"y"
    before = tap.now
    assert link.read(link.deadline(1)) == b"y"
    assert tap.now - before == pytest.approx(0.002)


def test_events_happen_at_their_byte() -> None:
    events = (Event(5, inject(b"<five>")), Event(0, inject(b"<start>")), Event(99, inject(b"no")))
    assert written(Faults(events=events), b"0123456789") == b"<start>01234<five>56789"


def test_a_disconnected_link_is_a_port_error_from_then_on() -> None:
    link = FaultyLink(Tap(DATA), from_board=Faults(events=(Event(3, disconnect),)))
    for _ in range(2):
        with pytest.raises(PortError, match="vanished"):
            link.read(link.deadline(1))
    with pytest.raises(PortError, match="vanished"):
        link.write(b"x", link.deadline(1))


def test_a_stall_holds_everything_back_and_loses_nothing() -> None:
    link = FaultyLink(Tap(DATA), from_board=Faults(events=(Event(0, stall(2.0)),)))
    assert link.read(link.deadline(1.9)) == b""
    assert link.read(link.deadline(1.0)) == DATA


def test_closing_closes_the_link_beneath() -> None:
    tap = Tap(DATA)
    FaultyLink(tap).close()
    assert tap.holds == b""


def test_the_example_in_the_documentation_works() -> None:
    page = Path(__file__).parents[2] / "docs" / "bad-links.md"
    (example,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(example, str(page), "exec"), {})


def test_every_fault_is_off_unless_it_is_ordered() -> None:
    assert not any(getattr(Faults(), field.name) for field in dataclasses.fields(Faults))


def test_another_board_takes_the_place_of_one_and_is_refused() -> None:
    other = replace(describe(), build_id=bytes(16))
    event = Event(2000, swap(lambda: FakeBoard(FakeFirmware(hello=other))))
    first = FakeBoard()
    device = Device(FaultyLink(first, to_board=Faults(events=(event,))))
    device.hello()
    given: list[bytes] = []
    answers = device.stream([bytes([n]) * 64 for n in range(100)])
    with pytest.raises(IdentityError, match="build id"):
        given.extend(answer.output for answer in answers)
    assert given == [default_model(bytes([n]) * 64) for n in range(len(given))]
    assert 0 < len(given) < 100
    assert first.gone


def test_a_board_is_reset_by_the_link_and_the_run_goes_on() -> None:
    link = FaultyLink(FakeBoard(), to_board=Faults(events=(Event(2000, reset(lambda: nonce())),)))
    device = Device(link)
    assert device.nonce == 0

    def nonce() -> int:
        return device.nonce

    device.hello()
    samples = [bytes([n]) * 64 for n in range(100)]
    assert [a.output for a in device.stream(samples)] == [default_model(s) for s in samples]
    assert device.events.restarts == 1
