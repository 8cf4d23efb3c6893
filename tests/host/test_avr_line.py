"""The simulated Arduino boards' serial line, and what resets them."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

import pytest
from avr_clients import client, echo, wait_for
from avr_programs import build

from tinyproof.simulators.avr import AvrSimulator

pytestmark = pytest.mark.usefixtures("libsimavr")

LINE_BYTES_PER_SECOND = {115_200: 16e6 / 8 / 17 / 10, 1_000_000: 100_000.0}
"""What the chip's divider makes of the speeds: 117,647 and 1,000,000 bit/s, 10 bits a byte."""


# --- the serial line ---


@pytest.mark.parametrize("mcu", ["atmega328p", "atmega2560"])
@pytest.mark.parametrize("baud", [115_200, 1_000_000])
def test_full_duplex_traffic_loses_nothing_and_runs_at_line_speed(
    tmp_path: Path, mcu: str, baud: int
) -> None:
    image = build(tmp_path, "echo", mcu=mcu, baud=baud)
    data = secrets.token_bytes(40_000)
    with AvrSimulator(mcu, firmware=image) as board, client(board.port, baud) as link:
        assert link.read(5) == b"echo\n"
        board.status()
        assert echo(link, data) == data
        status = board.status()
    assert (status.rx, status.lost) == (len(data), 0)
    rate = len(data) / status.exchange_seconds
    assert rate == pytest.approx(LINE_BYTES_PER_SECOND[baud], rel=0.02)
    assert rate < LINE_BYTES_PER_SECOND[baud]


@pytest.mark.parametrize("mcu", ["atmega328p", "atmega2560"])
def test_a_poisoned_stack_is_full_of_the_pattern_and_keeps_its_mark(
    tmp_path: Path, mcu: str
) -> None:
    image = build(tmp_path, "stack", mcu=mcu)
    with AvrSimulator(mcu, firmware=image) as board, client(board.port) as link:
        mark = int(link.read_until())
        assert mark > 220
        told = [tuple(map(int, link.read_until().split())) for _ in range(4)]
    assert told == [(200, mark)] * 4, "one of the patterns is the paint itself"


def test_a_program_that_does_not_read_loses_what_the_chip_would_lose(tmp_path: Path) -> None:
    with (
        AvrSimulator("atmega328p", firmware=build(tmp_path, "overrun")) as board,
        client(board.port) as link,
    ):
        assert link.read_until() == b"ready\n"
        link.write(b"abcdefghijklmnopqrst")
        # Two receive buffers keep the first bytes, the shift register the last; '!' is DOR0.
        assert link.read_until() == b"!abt\n"
        assert board.status().overrun == 17


def test_bytes_for_a_receiver_that_is_off_are_lost(tmp_path: Path) -> None:
    with (
        AvrSimulator("atmega328p", firmware=build(tmp_path, "cycles")) as board,
        client(board.port) as link,
    ):
        link.write(b"xyz")
        link.read_until(b"end\n")
        status = board.status()
    assert status.rx == 3
    assert status.overrun + status.ignored <= 3


def test_a_client_at_another_speed_reads_garbage(tmp_path: Path) -> None:
    with (
        AvrSimulator("atmega328p", firmware=build(tmp_path, "echo")) as board,
        client(board.port, 57_600) as link,
    ):
        assert link.read(5) != b"echo\n"
        assert board.status().garbled == 5


def test_a_client_that_sets_no_speed_gets_the_boards(tmp_path: Path) -> None:
    with AvrSimulator("atmega328p", firmware=build(tmp_path, "echo")) as board:
        with client(board.port, 57_600):
            pass  # its speed must not outlive it
        assert wait_for(lambda: "close" in board.events)
        port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
        try:
            assert os.read(port, 5) in (b"e", b"ec", b"ech", b"echo", b"echo\n")
        finally:
            os.close(port)


def test_tcp_carries_the_same_line_and_one_client_at_a_time(tmp_path: Path) -> None:
    image = build(tmp_path, "echo")
    with AvrSimulator("atmega328p", firmware=image, tcp_port=0) as board:
        scheme, address = board.port.split("://")
        assert scheme == "socket"
        host, number = address.split(":")
        with (
            socket.create_connection((host, int(number)), 20) as first,
            socket.create_connection((host, int(number)), 20) as second,
            first.makefile("rb") as answers,
        ):
            assert answers.readline() == b"echo\n"
            first.sendall(b"0123456789\n")
            assert answers.readline() == b"0123456789\n"
            assert second.recv(1) == b""
            board.status()  # comes after all events so far
        assert board.events.count("open") == 1


# --- resets ---


def test_every_open_resets_the_board_even_right_after_a_close(tmp_path: Path) -> None:
    with AvrSimulator("atmega328p", firmware=build(tmp_path, "echo")) as board:
        for _ in range(20):
            with client(board.port) as link:
                assert link.read(5) == b"echo\n"
        assert wait_for(lambda: board.events.count("close") == 20)
        assert sum(event.startswith("reset open") for event in board.events) == 20


def test_a_second_client_on_an_open_port_does_not_reset_it(tmp_path: Path) -> None:
    with (
        AvrSimulator("atmega328p", firmware=build(tmp_path, "echo")) as board,
        client(board.port) as link,
    ):
        assert link.read(5) == b"echo\n"
        with client(board.port):
            assert echo(link, b"still here") == b"still here"
        assert echo(link, b"and now") == b"and now"
        assert board.status().resets == 2


def test_what_one_client_did_not_read_is_not_told_to_the_next(tmp_path: Path) -> None:
    with AvrSimulator("atmega328p", firmware=build(tmp_path, "echo")) as board:
        port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
        os.write(port, b"secret")
        assert wait_for(lambda: board.status().tx >= 5)
        os.close(port)
        assert wait_for(lambda: "close" in board.events)
        port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
        try:
            assert b"echo\n".startswith(os.read(port, 5))
        finally:
            os.close(port)


@pytest.mark.parametrize("command", [b"w", b"p"])
def test_a_watchdog_reset_comes_in_time_and_is_told(tmp_path: Path, command: bytes) -> None:
    with (
        AvrSimulator("atmega328p", firmware=build(tmp_path, "faults")) as board,
        client(board.port) as link,
    ):
        assert link.read_until() == b"ready\n"
        link.write(command)
        assert link.read_until() == b"ready\n"
        start = board.status().first_rx  # the status comes after all events so far
        resets = [event.split() for event in board.events if event.startswith("reset watchdog")]
    assert len(resets) == 1
    # 2,048 cycles of its 128 kHz oscillator are 16 ms.
    assert int(resets[0][-1]) - start == pytest.approx(16e6 * 0.016, rel=0.1)


@pytest.mark.parametrize(("command", "word"), [(b"c", "crash 0x"), (b"s", "halt 0x")])
def test_a_crash_or_halt_is_told_and_a_reset_mends_it(
    tmp_path: Path, command: bytes, word: str
) -> None:
    with (
        AvrSimulator("atmega328p", firmware=build(tmp_path, "faults")) as board,
        client(board.port) as link,
    ):
        assert link.read_until() == b"ready\n"
        link.write(command)
        assert wait_for(lambda: any(event.startswith(word) for event in board.events))
        board.reset()
        assert link.read_until() == b"ready\n"
