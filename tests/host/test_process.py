"""Boards that are programs: started, talked to, ended with us, and explained when they die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import echo_board
from tinyproof.device import Device, Identity
from tinyproof.errors import PortError, ToolchainError
from tinyproof.simulators.fake import default_model
from tinyproof.simulators.faulty import Event, Faults, FaultyLink
from tinyproof.simulators.process import ProcessLink
from tools import require_tool

SAMPLES = [index.to_bytes(2, "little") * 32 for index in range(500)]
PATIENCE_SECONDS = 20.0


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_tool("gcc")
    return echo_board.build(tmp_path_factory.mktemp("board"))


@pytest.fixture
def link(program: Path) -> Iterator[ProcessLink]:
    with ProcessLink([program]) as link:
        yield link


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid: int) -> bool:
    """Return whether the process ends before our patience does."""
    until = time.monotonic() + PATIENCE_SECONDS
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not is_running(pid)


def script(text: str) -> list[str]:
    return ["/bin/sh", "-c", text]


def test_the_real_firmware_answers_every_sample(link: ProcessLink) -> None:
    device = Device(link)
    assert device.hello().model == echo_board.DESCRIPTOR
    got = [answer.output for answer in device.stream(SAMPLES)]
    assert got == [default_model(sample) for sample in SAMPLES]
    assert device.status().inferences == len(SAMPLES)


def test_the_real_firmware_answers_over_a_bad_link(link: ProcessLink) -> None:
    bad = Faults(flip=2e-4, drop=5e-4, repeat=5e-4, swap=5e-4, garbage=1e-3, split=0.01)
    device = Device(FaultyLink(link, seed=5, to_board=bad, from_board=bad))
    device.hello()
    got = [answer.output for answer in device.stream(SAMPLES)]
    assert got == [default_model(sample) for sample in SAMPLES]
    assert device.events.retransmissions > 0
    assert device.status().dropped_frames > 0


def test_the_real_firmware_restarts_and_is_met_again(link: ProcessLink) -> None:
    device = Device(link)
    before = Identity.of(device.hello())
    device.infer(SAMPLES[0])
    assert Identity.of(device.reset()) == before
    assert device.status().inferences == 0
    assert device.infer(SAMPLES[1]).output == default_model(SAMPLES[1])


def test_a_program_that_is_killed_ends_the_stream_at_a_named_sample(link: ProcessLink) -> None:
    kill = Event(6000, lambda _: os.kill(link.pid, signal.SIGKILL))
    device = Device(FaultyLink(link, from_board=Faults(events=(kill,))))
    device.hello()
    got: list[bytes] = []
    killed = pytest.raises(PortError, match="ended by signal SIGKILL, at sample")
    with killed as caught:
        got.extend(answer.output for answer in device.stream(SAMPLES))
    assert caught.value.sample == len(got) > 0
    assert got == [default_model(sample) for sample in SAMPLES[: len(got)]]


def test_a_program_that_does_not_exist_is_a_missing_tool() -> None:
    with pytest.raises(ToolchainError, match="no-such-board does not start"):
        ProcessLink(["/no-such-board"])


def test_a_program_that_ends_at_once_tells_its_status_and_its_words() -> None:
    with pytest.raises(PortError, match="ended with exit status 3") as caught:
        ProcessLink(script("printf 'no \\033[1mport' >&2; exit 3"))
    assert caught.value.hint == r"It wrote: no \x1b[1mport"


def test_a_program_that_names_no_port_is_given_up() -> None:
    with pytest.raises(PortError, match=r"named no port within 0\.2 s"):
        ProcessLink(script("echo hello; exec sleep 60"), seconds=0.2)


def test_a_program_that_names_a_port_that_is_none_is_ended(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with pytest.raises(PortError, match="does not exist"):
        ProcessLink(script(f"echo $$ > {pid}; echo port /dev/ttyNONE; exec sleep 60"))
    assert ends(int(pid.read_text()))


def test_closing_ends_the_program(program: Path) -> None:
    with ProcessLink([program]) as link:
        assert is_running(link.pid)
    assert not is_running(link.pid)


def test_closing_ends_a_program_that_ignores_its_life_line_and_its_children(
    tmp_path: Path,
) -> None:
    pids = tmp_path / "pids"
    stubborn = f"trap '' TERM; sleep 60 & echo $$ $! > {pids}; echo port loop://; wait; wait"
    ProcessLink(script(stubborn)).close()
    assert all(ends(int(pid)) for pid in pids.read_text().split())


def test_a_link_that_is_forgotten_ends_its_program(program: Path) -> None:
    link = ProcessLink([program])
    pid = link.pid
    del link
    assert ends(pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_the_program_does_not_outlive_us(program: Path, number: int) -> None:
    code = (
        "import sys, time; from tinyproof.simulators.process import ProcessLink; "
        "link = ProcessLink([sys.argv[1]]); print(link.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(program)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as us:
        assert us.stdout
        pid = int(us.stdout.readline())
        assert is_running(pid)
        us.send_signal(number)
    assert ends(pid)
