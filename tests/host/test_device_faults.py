"""A conversation that goes wrong gives every sample its own answer, or says where it ended."""

from __future__ import annotations

import dataclasses
import random

import pytest
from conversations import met, outputs, samples, until_error
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyproof.device import Device
from tinyproof.errors import (
    BootError,
    ClockError,
    DeviceSilentError,
    IdentityError,
    PortCause,
    PortError,
)
from tinyproof.simulators.fake import (
    FakeBoard,
    FakeCrashError,
    FakeFirmware,
    default_model,
    describe,
)
from tinyproof.simulators.faulty import Event, Faults, FaultyLink, disconnect, inject, stall


def test_a_board_that_restarts_is_met_again_and_nothing_is_missing() -> None:
    board = FakeBoard()
    events = tuple(Event(offset, lambda _: board.restart()) for offset in range(900, 9000, 2700))
    device = met(FaultyLink(board, to_board=Faults(events=events)))
    inputs = samples(200)
    assert [answer.output for answer in device.stream(inputs)] == outputs(inputs)
    assert device.events.restarts == len(events)
    assert device.events.hellos == 1 + len(events)


def test_a_board_that_restarts_without_a_word_is_met_again() -> None:
    board = FakeBoard()

    def restart(_: FaultyLink) -> None:
        board.firmware.start()

    device = met(FaultyLink(board, to_board=Faults(events=(Event(2000, restart),))))
    inputs = samples(100)
    assert [answer.output for answer in device.stream(inputs)] == outputs(inputs)
    assert device.events.hellos == 2


def test_poison_is_in_force_again_after_a_restart() -> None:
    def model(sample: bytes) -> bytes:
        assert board.firmware.poison == b"\2\x5a"
        return default_model(sample)

    board = FakeBoard(FakeFirmware(model=model))
    link = FaultyLink(board, to_board=Faults(events=(Event(3000, lambda _: board.restart()),)))
    device = met(link)
    device.poison(False, 0x5A, stack=True)
    inputs = samples(100)
    assert [answer.output for answer in device.stream(inputs)] == outputs(inputs)
    assert device.events.restarts == 1


def test_a_board_that_restarts_as_another_is_refused_and_nothing_is_lost() -> None:
    board = FakeBoard()

    def swap(_: FaultyLink) -> None:
        other = dataclasses.replace(board.firmware.hello.model, model_sha256=bytes(32))
        board.firmware.hello = dataclasses.replace(board.firmware.hello, model=other)
        board.firmware.model = bytes
        board.restart()

    device = met(FaultyLink(board, to_board=Faults(events=(Event(3000, swap),))))
    inputs = samples(100)
    got, error = until_error(device.stream(inputs))
    assert isinstance(error, IdentityError)
    assert [answer.output for answer in got] == outputs(inputs)[: len(got)]
    assert len(got) > 10


def test_a_board_that_restarts_with_another_clock_is_refused() -> None:
    """Its ticks would be taken for those of before, and a slow inference for a fast one."""
    board = FakeBoard(FakeFirmware(hello=describe()))

    def slow_down(link: FaultyLink) -> None:
        board.firmware.hello = dataclasses.replace(describe(), tick_rate=48_000_000)
        board.restart()

    device = met(FaultyLink(board, to_board=Faults(events=(Event(2000, slow_down),))))
    got, error = until_error(device.stream(samples(50)))
    assert isinstance(error, ClockError)
    assert "48,000,000 ticks a second, before 1,000,000" in str(error)
    assert [answer.output for answer in got] == outputs(samples(50))[: len(got)]


@pytest.mark.parametrize(("tick_rate", "is_given_up"), [(600_000_000, True), (16_000_000, False)])
def test_no_answer_is_waited_for_longer_than_the_boards_counter_turns(
    tick_rate: int, is_given_up: bool
) -> None:
    """A longer inference would be told as a short one: 600 MHz turn 32 bits in 7.2 s."""
    hello = dataclasses.replace(describe(window=128), tick_rate=tick_rate)
    faults = Faults(events=(Event(1000, stall(8.0)),))
    device = met(FaultyLink(FakeBoard(FakeFirmware(hello=hello)), to_board=faults))
    answers = device.stream(samples(50))
    if is_given_up:
        got, error = until_error(answers)
        assert isinstance(error, DeviceSilentError)
        assert 0 < len(got) < 50
    else:
        assert [answer.output for answer in answers] == outputs(samples(50))


def test_a_board_that_restarts_at_the_same_sample_again_and_again_is_given_up() -> None:
    def model(sample: bytes) -> bytes:
        if sample == inputs[5]:
            raise FakeCrashError
        return default_model(sample)

    inputs = samples(10)
    board = FakeBoard(FakeFirmware(model=model, hello=describe(window=80)))
    got, error = until_error(met(board).stream(inputs))
    assert isinstance(error, BootError)
    assert "watchdog" in error.sentence
    assert [answer.index for answer in got] == list(range(5))


def test_a_board_that_falls_silent_is_given_up_at_a_named_sample() -> None:
    board = FakeBoard()

    def deafen(_: FaultyLink) -> None:
        board.deaf = True

    device = met(FaultyLink(board, to_board=Faults(events=(Event(3000, deafen),))))
    got, error = until_error(device.stream(samples(100)))
    assert isinstance(error, DeviceSilentError)
    assert error.sample == len(got) > 10
    assert f"at sample {len(got)}" in error.sentence
    assert 10 <= board.clock() < 12


def test_a_port_that_another_program_took_in_mid_run_is_not_the_boards_fault() -> None:
    def take(_: FaultyLink) -> None:
        raise PortError("It is busy.", port="p", cause=PortCause.BUSY)

    link = FaultyLink(FakeBoard(), to_board=Faults(events=(Event(1000, take),)))
    _, error = until_error(met(link).stream(samples(100)))
    assert isinstance(error, PortError)
    assert (error.cause, error.sample > 0) == (PortCause.BUSY, True)


def test_a_board_that_is_unplugged_is_named_with_the_sample() -> None:
    link = FaultyLink(FakeBoard(), from_board=Faults(events=(Event(1000, disconnect),)))
    got, error = until_error(met(link).stream(samples(100)))
    assert isinstance(error, PortError)
    assert error.sample == len(got) > 10


def test_a_slow_board_computes_nothing_twice() -> None:
    board = FakeBoard(inference_seconds=3.0)
    device = met(board, answer_seconds=20.0)
    inputs = samples(30)
    assert [answer.output for answer in device.stream(inputs)] == outputs(inputs)
    assert board.firmware.inferences == 30
    assert device.events.retransmissions == 0


def test_a_stall_is_outlasted() -> None:
    link = FaultyLink(FakeBoard(), from_board=Faults(events=(Event(1000, stall(4.0)),)))
    inputs = samples(100)
    assert [answer.output for answer in met(link).stream(inputs)] == outputs(inputs)
    assert 4 <= link.clock() < 6


def test_a_pause_of_the_consumer_is_not_silence() -> None:
    board = FakeBoard()
    device = met(board)
    for answer in device.stream(samples(30)):
        board.wait(60.0 if answer.index % 10 == 0 else 0.0)
    assert device.events.hellos == 1


def test_text_amid_the_answers_costs_nothing() -> None:
    events = tuple(Event(offset, inject(b"I (42) app: hi\n")) for offset in range(200, 2000, 31))
    device = met(FaultyLink(FakeBoard(), from_board=Faults(events=events)))
    inputs = samples(100)
    assert [answer.output for answer in device.stream(inputs)] == outputs(inputs)


RATES: list[Faults] = [
    Faults(flip=1e-4),
    Faults(flip=1e-3),
    Faults(drop=2e-3),
    Faults(repeat=2e-3),
    Faults(swap=2e-3),
    Faults(garbage=5e-3),
    Faults(split=0.1),
    Faults(lose_frame=0.2),
    Faults(repeat_frame=0.3),
    Faults(latency=0.05),
    Faults(flip=1e-4, drop=1e-3, repeat=1e-3, swap=1e-3, split=0.05, garbage=2e-3, latency=1e-3),
]


@pytest.mark.parametrize("faults", RATES, ids=str)
@given(seed=st.integers(0, 1 << 32), window=st.sampled_from([100, 256, 1024, 8192]))
@settings(max_examples=6, deadline=None)
def test_a_bad_link_changes_no_answer(faults: Faults, seed: int, window: int) -> None:
    board = FakeBoard(FakeFirmware(hello=describe(window=window)), inference_seconds=0.001)
    link = FaultyLink(board, seed=seed, to_board=faults, from_board=faults)
    device = met(link, answer_seconds=120.0)
    inputs = samples(100)
    assert [answer.output for answer in device.stream(inputs)] == outputs(inputs)


@pytest.mark.parametrize("faults", [RATES[0], RATES[2], RATES[4], RATES[7], RATES[8]], ids=str)
@given(seed=st.integers(0, 1 << 32), window=st.sampled_from([128, 600, 4096]))
@settings(max_examples=6, deadline=None)
def test_a_bad_link_changes_no_answer_in_parts(faults: Faults, seed: int, window: int) -> None:
    hello = describe(700, 300, window=window, largest_frame=128)
    board = FakeBoard(FakeFirmware(hello=hello, model=lambda sample: sample[:300]))
    link = FaultyLink(board, seed=seed, to_board=faults, from_board=faults)
    inputs = samples(20, 700)
    got = [answer.output for answer in met(link, answer_seconds=120.0).stream(inputs)]
    assert got == [sample[:300] for sample in inputs]


@given(seed=st.integers(0, 1 << 32), data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_restart_or_cut_at_any_byte_loses_nothing(seed: int, data: st.DataObject) -> None:
    board = FakeBoard()
    happen = data.draw(st.sampled_from([lambda _: board.restart(), disconnect, stall(1.0)]))
    offset = data.draw(st.integers(0, 5000))
    faults = Faults(flip=1e-4, events=(Event(offset, happen),))
    link = FaultyLink(board, seed=seed, to_board=Faults(flip=1e-4), from_board=faults)
    inputs = samples(100)
    device = Device(link, nonces=random.Random(seed))
    try:
        device.hello()
    except PortError:
        return
    try:
        got = [answer.output for answer in device.stream(inputs)]
    except PortError as error:
        got, sample = [], error.sample
        assert 0 <= sample < 100
    assert got in ([], outputs(inputs))
