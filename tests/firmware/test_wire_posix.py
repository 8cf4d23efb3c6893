"""The POSIX port: a firmware with a tiny engine as a process, driven over its pseudo-terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from compiling import FIRMWARE, SANITIZERS, WIRE_SOURCES, WIRE_TESTS, compile_program

from tinyproof.deadline import Deadline
from tinyproof.frame import Decoder, Frame, encode
from tinyproof.protocol import ANSWER, MessageType, StartCause
from tools import missing

NONCE = 0x12345678
OTHER_NONCE = 0x31415926
BOARD_SOURCES = [
    FIRMWARE / "src" / "main.cpp",
    *(FIRMWARE / "lib" / "port_posix" / "src").glob("*.c"),
    WIRE_TESTS / "small_engine.c",
    *WIRE_SOURCES,
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("board") / "board"
    flags = (*SANITIZERS, "-DTP_RX_WINDOW=16384", "-x", "c")
    return compile_program("gcc", BOARD_SOURCES, path, *flags)


class Board:
    """One running program and its port's name."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen(
            [str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.port = self.process.stdout.readline().removeprefix("port ").rstrip("\n")

    def end(self) -> str:
        """Close its standard input; return what it printed after the first line."""
        rest, _ = self.process.communicate(timeout=10)
        return rest


@pytest.fixture
def board(program: Path) -> Iterator[Board]:
    board = Board(program)
    yield board
    board.process.kill()
    board.process.communicate()


class PatientSerial(serial.Serial):
    """A serial port that, once open, does not throw away what has come already."""

    def _reset_input_buffer(self) -> None:
        pass


class Client:
    """Sends requests and waits for answers."""

    def __init__(
        self, port: str, nonce: int = NONCE, kind: type[serial.Serial] = serial.Serial
    ) -> None:
        self.line = kind(port, 115200, timeout=0.05, write_timeout=10)
        self.nonce = nonce
        self.decoder = Decoder(nonce)
        self.frames: list[Frame] = []

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.close()

    def ask(self, type_: int, sequence: int = 1, payload: bytes = b"") -> None:
        seed = 0 if type_ == MessageType.HELLO else self.nonce
        self.line.write(encode(type_, sequence, payload, seed))

    def answers(self, type_: int, count: int = 1) -> list[Frame]:
        """Return the next ``count`` frames of this type; what follows them is kept."""
        found: list[Frame] = []
        deadline = Deadline(20)
        while len(found) < count:
            assert not deadline.expired, f"{len(found)} of {count} answers came"
            if self.frames:
                frame = self.frames.pop(0)
                found += [frame] if frame.type == type_ | ANSWER else []
            else:
                self.frames += self.decoder.feed(self.line.read(max(1, self.line.in_waiting)))
        return found

    def hello(self) -> Frame:
        self.ask(MessageType.HELLO, payload=self.nonce.to_bytes(4, "little"))
        return self.answers(MessageType.HELLO)[0]


def test_it_prints_its_port_and_answers(board: Board) -> None:
    with Client(board.port) as client:
        assert client.hello().payload[17:21] == bytes.fromhex("dec00d60")
    assert board.end() == ""
    assert board.process.returncode == 0


def test_it_says_that_it_started(board: Board) -> None:
    with Client(board.port, kind=PatientSerial) as client:
        client.line.write(b"\0")
        started = client.answers(MessageType.STARTED)[0]
    assert started.payload == bytes([StartCause.POWER_ON])


def test_clients_come_and_go(board: Board) -> None:
    for nonce in (NONCE, OTHER_NONCE, NONCE):
        with Client(board.port, nonce) as client:
            client.hello()
            client.ask(MessageType.TICKS, 5)
            assert client.answers(MessageType.TICKS)[0].sequence == 5


def test_a_stream_with_requests_in_flight_keeps_its_order(board: Board) -> None:
    samples = [bytes((i + j) % 251 for j in range(64)) for i in range(3000)]
    with Client(board.port) as client:
        client.hello()
        answers: list[Frame] = []
        for first in range(0, len(samples), 200):
            batch = samples[first : first + 200]
            frames = [encode(MessageType.INFER, first + i, x, NONCE) for i, x in enumerate(batch)]
            client.line.write(b"".join(frames))
            answers += client.answers(MessageType.INFER, len(batch))
    assert [frame.sequence for frame in answers] == list(range(len(samples)))
    for sample, frame in zip(samples, answers, strict=True):
        assert frame.payload[5:] == bytes((sample[i] + i) % 256 for i in range(10))


def test_output_that_nobody_reads_does_not_stop_it(board: Board) -> None:
    with Client(board.port) as client:
        client.hello()
        client.line.write(encode(MessageType.HELLO, 1, NONCE.to_bytes(4, "little"), 0) * 1000)
    with Client(board.port, OTHER_NONCE) as client:
        client.hello()


def test_a_reset_starts_it_anew_on_the_same_port(board: Board) -> None:
    with Client(board.port) as client:
        client.hello()
        client.ask(MessageType.RESET, 3)
        assert client.answers(MessageType.RESET)[0].sequence == 3
        started = client.answers(MessageType.STARTED)[0]
        assert started.payload == bytes([StartCause.SOFTWARE])
        client.ask(MessageType.TICKS, 4)  # belongs to a session that is forgotten
        client.hello()
        client.ask(MessageType.TICKS, 5)
        assert client.answers(MessageType.TICKS)[0].sequence == 5
    assert board.end() == ""
    assert board.process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(board: Board, number: signal.Signals) -> None:
    board.process.send_signal(number)
    assert board.process.wait(10) == 0


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_it_sleeps_while_nobody_talks(board: Board) -> None:
    with Client(board.port) as client:
        client.hello()
    before = processor_seconds(board.process.pid)
    time.sleep(0.5)
    assert processor_seconds(board.process.pid) - before <= 0.1


def test_it_survives_the_thread_that_started_it(program: Path) -> None:
    started: list[Board] = []
    thread = threading.Thread(target=lambda: started.append(Board(program)))
    thread.start()
    thread.join()
    with Client(started[0].port) as client:
        client.hello()
    started[0].end()
    assert started[0].process.returncode == 0


def test_it_dies_with_its_parent_although_its_input_stays_open(program: Path) -> None:
    if sys.platform != "linux":
        missing("Only Linux tells of a parent's death.")
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(sys.argv[1:], stdin=0, stdout=subprocess.PIPE)\n"
        "print(child.stdout.readline().decode().split()[1], flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout
    port = Path(parent.stdout.readline().decode().rstrip("\n"))
    assert port.exists()
    parent.kill()
    parent.wait(10)
    deadline = Deadline(10)
    while port.exists() and not deadline.expired:
        time.sleep(0.01)
    assert not port.exists()
    parent.communicate()
