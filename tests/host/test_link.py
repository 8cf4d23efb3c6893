"""Links: bytes pass both ways, and a port that fails says why."""

from __future__ import annotations

import errno
import os
import pty
import select
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial
from serial.tools import list_ports
from usb import Attached

from tinyproof import ports
from tinyproof.deadline import Deadline
from tinyproof.device import Device
from tinyproof.errors import BootError, PortError, UsageError
from tinyproof.link import DescriptorLink, Link, SerialLink, open_link
from tinyproof.simulators.faulty import Faults, FaultyLink

SOON = 10.0


class Terminal:
    """A pseudo-terminal: ``name`` is the port, ``master`` the board's end."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        self.name = os.ttyname(self._slave)
        tty.setraw(self._slave)

    def hang_up(self) -> None:
        for descriptor in (self.master, self._slave):
            if descriptor >= 0:
                os.close(descriptor)
        self.master = self._slave = -1


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.hang_up()


@contextmanager
def other_process(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run Python code that prints a line when it is ready, and end it afterwards."""
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.kill()


HOLD = "import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print(); sys.stdin.read()"
LOCK = (
    "import sys, serial; port = serial.Serial(sys.argv[1], exclusive=True); print(); "
    "sys.stdin.read()"
)


def read_all(link: Link, size: int) -> bytes:
    deadline = link.deadline(SOON)
    data = b""
    while len(data) < size and not deadline.expired:
        data += link.read(deadline)
    return data


def test_bytes_pass_both_ways(terminal: Terminal) -> None:
    with open_link(terminal.name) as link:
        link.write(b"to\0board\n\r\xff", Deadline(SOON))
        assert os.read(terminal.master, 100) == b"to\0board\n\r\xff"
        os.write(terminal.master, b"from\0board\n\x03")
        assert read_all(link, 12) == b"from\0board\n\x03"


def test_a_read_ends_at_its_deadline_with_nothing(terminal: Terminal) -> None:
    with open_link(terminal.name) as link:
        assert link.read(Deadline(0.01)) == b""


def test_pyserial_ports_without_a_descriptor_work_too() -> None:
    with open_link("loop://") as link:
        assert not isinstance(link, DescriptorLink)
        link.write(b"hello", Deadline(SOON))
        assert read_all(link, 5) == b"hello"
        assert link.read(Deadline(0.0)) == b""


def test_an_observer_hears_every_chunk() -> None:
    heard: list[tuple[str, bytes]] = []
    with open_link("loop://") as link:
        link.observer = lambda direction, data: heard.append((direction, data))
        link.write(b"ab", Deadline(SOON))
        read_all(link, 2)
    assert heard[0] == ("write", b"ab")
    assert b"".join(data for direction, data in heard if direction == "read") == b"ab"


def test_a_board_that_waits_for_us_to_read_does_not_stop_us_writing(terminal: Terminal) -> None:
    """The board sends back each byte before it reads on, and we send far more than fits."""
    sent = os.urandom(400_000)

    def echo() -> None:
        left = len(sent)
        while left:
            data = os.read(terminal.master, 4096)
            left -= len(data)
            while data:
                data = data[os.write(terminal.master, data) :]

    board = threading.Thread(target=echo)
    board.start()
    with open_link(terminal.name) as link:
        link.write(sent, Deadline(SOON))
        assert read_all(link, len(sent)) == sent
    board.join()


def test_a_board_that_takes_no_bytes_is_given_up(terminal: Terminal) -> None:
    stuck = pytest.raises(PortError, match=r"took no more bytes within 0\.1 s")
    with open_link(terminal.name) as link, stuck:
        link.write(bytes(1_000_000), Deadline(0.1))


def test_a_port_that_does_not_exist_is_named() -> None:
    with pytest.raises(PortError, match="/dev/ttyNONE does not exist") as caught:
        open_link("/dev/ttyNONE")
    assert caught.value.port == "/dev/ttyNONE"
    assert caught.value.hint


def test_a_missing_port_s_hint_lists_the_usb_ports_that_are_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attached = [
        Attached("/dev/ttyUSB1", None, 0x1A86),
        Attached("/dev/ttyS0", None),
        Attached("/dev/ttyACM0", "1", 0x2341),
    ]
    monkeypatch.setattr(list_ports, "comports", lambda: attached)
    with pytest.raises(PortError) as caught:
        open_link("/dev/ttyNONE")
    assert "Choose a board: /dev/ttyACM0, /dev/ttyUSB1;" in caught.value.hint


def test_a_pattern_that_is_none_is_a_wrong_usage() -> None:
    with pytest.raises(UsageError, match=r"hwgrep://\[ is not a port .* wrong pattern"):
        open_link("hwgrep://[")


def test_a_file_is_not_a_serial_port(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    for name in (str(path), str(tmp_path), "/dev/null"):
        with pytest.raises(PortError, match="is not a serial port"):
            open_link(name)


def test_an_unknown_kind_of_url_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="nonsense"):
        open_link("nonsense://x")


def test_a_socket_that_nobody_serves_says_so() -> None:
    with pytest.raises(PortError, match="does not open"):
        open_link("socket://localhost:1")


@pytest.mark.parametrize("code", [HOLD, LOCK], ids=["open", "locked"])
def test_a_busy_port_names_the_process_that_has_it(terminal: Terminal, code: str) -> None:
    busy = pytest.raises(PortError, match="is busy")
    with other_process(code, terminal.name) as process, busy as caught:
        open_link(terminal.name)
    assert f"process {process.pid}" in caught.value.sentence


def test_a_port_is_opened_only_once(terminal: Terminal) -> None:
    with open_link(terminal.name), pytest.raises(PortError, match=f"process {os.getpid()}"):
        open_link(terminal.name)
    open_link(terminal.name).close()


def test_a_port_that_one_may_not_open_tells_the_group_to_join(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "group", lambda self: "dialout")
    error = ports.explain(terminal.name, PermissionError(errno.EACCES, "no"))
    assert isinstance(error, PortError)
    assert "no permission" in error.sentence
    assert "usermod -aG dialout" in error.hint


def test_nobody_is_told_to_join_the_group_root(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "group", lambda self: "root")
    assert ports.permission_fix(terminal.name) == f"sudo chmod a+rw {terminal.name}"


def test_a_board_that_dies_midway_is_a_port_that_vanished(terminal: Terminal) -> None:
    with open_link(terminal.name) as link:
        terminal.hang_up()
        with pytest.raises(PortError, match="vanished"):
            read_all(link, 1)
        with pytest.raises(PortError, match="vanished"):
            link.write(b"x", Deadline(SOON))


def test_a_shell_on_a_port_is_not_disturbed() -> None:
    """A terminal that somebody works in belongs to that process, and is left alone."""
    child, master = pty.fork()
    if child == 0:
        os.execv("/bin/sh", ["sh", "-c", "echo ready; read line"])
    try:
        assert select.select([master], [], [], SOON)[0]
        name = str(Path(f"/proc/{child}/fd/0").readlink())
        with pytest.raises(PortError, match=f"process {child}"):
            open_link(name)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(master)


def test_a_terminal_with_something_else_on_it_is_no_board(terminal: Terminal) -> None:
    no_board = pytest.raises(BootError, match=r"x1b\[1mWelcome")
    with open_link(terminal.name) as link, no_board as caught:
        os.write(terminal.master, b"\x1b[1mWelcome\x1b[0m\r\nlogin: ")
        Device(link).hello(Deadline(0.3))
    assert "\x1b" not in caught.value.sentence


def test_added_latency_delays_both_ways(terminal: Terminal) -> None:
    late = Faults(latency=0.02)
    with FaultyLink(open_link(terminal.name), to_board=late, from_board=late) as link:
        before = link.clock()
        link.write(b"x", Deadline(SOON))
        assert link.read(Deadline(0.03)) == b""
        assert os.read(terminal.master, 10) == b"x"
        os.write(terminal.master, b"y")
        assert read_all(link, 1) == b"y"
        assert link.clock() - before >= 0.04


def test_the_base_class_says_what_a_wire_must_do() -> None:
    assert issubclass(SerialLink, Link)
    assert Link.__abstractmethods__ == {"_read", "_write", "_close"}


@pytest.mark.parametrize("released", [True, False])
def test_dtr_and_rts_are_set_before_the_port_opens(
    released: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pyserial sets on a closed port is in force from the first moment."""
    lines = []
    monkeypatch.setattr(serial.Serial, "open", lambda self: lines.append((self.dtr, self.rts)))
    ours, theirs = pty.openpty()
    try:
        open_link(os.ttyname(theirs), released=released)
    finally:
        os.close(ours)
        os.close(theirs)
    assert lines == [(not released, not released)]
