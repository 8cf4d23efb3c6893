"""USB boards that vanish and come back under another name, with real terminals and programs."""

from __future__ import annotations

import os
import pty
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from serial.tools import list_ports
from usb import Attached, Usb

from native_cli import DIGITS_RUN, INT8, call, report_of
from tinyproof import access, ports, recovery
from tinyproof.build import Build
from tinyproof.device import Answer
from tinyproof.errors import PortCause, PortError
from tinyproof.firmware import generate_model, make_firmware
from tinyproof.harness import Board
from tinyproof.link import open_link
from tinyproof.progress import Progress, Step
from tinyproof.project import Project
from tinyproof.recovery import BoardPort, RecoveringLink, open_board
from tinyproof.simulators.process import ProcessLink
from tinyproof.targets import find_target

pytestmark = pytest.mark.usefixtures("project")


def at_sample(index: int, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Board.stream

    def stream_and_act(board: Board, samples: Iterable[bytes]) -> Iterator[Answer]:
        for answer in stream(board, samples):
            if answer.index == index:
                act()
            yield answer

    monkeypatch.setattr(Board, "stream", stream_and_act)


def test_a_board_that_comes_back_under_another_name_is_found_by_its_number(
    usb: Usb, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = usb.plug("A1")
    usb.plug("B2")
    new = []

    def change() -> None:
        usb.unplug("A1")
        new.append(usb.plug("A1"))

    at_sample(100, change, monkeypatch)
    ended = call(*DIGITS_RUN, "--out", out, "--port", port)
    assert ended.code == 0, ended
    report = report_of(out)
    assert report["verdicts"]["exact"] == 359
    (event,) = [event for event in report["events"] if event["kind"] == "port-return"]
    assert event["text"] == f"{port} came back as {new[0]}"


def test_a_board_that_does_not_come_back_keeps_what_was_proved(
    usb: Usb, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = usb.plug("A1")
    usb.plug("B2")
    at_sample(100, lambda: usb.unplug("A1"), monkeypatch)
    run = ("run", "--model", INT8, "--random", "2000", "--out", out, "--port", port)
    ended = call(*run)
    assert ended.code == 4
    report = report_of(out)
    assert report["failure"]["class"] == "port"
    assert "serial number A1" in report["failure"]["sentence"]
    verdicts = report["verdicts"]
    assert verdicts["exact"] > 100
    assert verdicts["exact"] + verdicts["missing"] == 2000


def test_a_board_without_a_number_of_its_own_is_not_looked_for(
    usb: Usb, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = usb.plug("A1")
    with open_board(port) as link:
        assert isinstance(link, RecoveringLink)
    assert ports.serial_number("socket://localhost:1") is None
    twin = usb.boards["A1"].port
    twins = [Attached(twin, "A1"), Attached("/dev/null", "A1")]
    monkeypatch.setattr(list_ports, "comports", lambda: twins)
    assert ports.serial_number(port) is None
    assert ports.with_serial_number("A1") is None


def test_a_port_that_is_not_ready_yet_is_tried_again(usb: Usb) -> None:
    first, second = usb.plug("A1"), usb.plug("A1")
    tries = []

    def opener(url: str) -> ProcessLink:
        tries.append(url)
        if len(tries) == 2:
            raise PortError("not yet", port=url)
        return ProcessLink([usb.program])

    with RecoveringLink(first, "A1", opener) as link:
        link._link._process.kill()  # type: ignore[attr-defined]
        assert link.read(link.deadline(1)) == b""
        assert tries == [first, second, second]
        assert link.returns == [f"{first} came back as {second}"]


SILENT = """import os, pty, sys
ours, theirs = pty.openpty()
print("port", os.ttyname(theirs), flush=True)
sys.stdin.read()
"""


def test_a_board_that_comes_back_under_another_name_after_the_upload_is_met_there(
    usb: Usb, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a board does whose serial port is its chip's own USB; the upload itself is left out."""
    content, quiet = INT8.read_bytes(), Progress()
    native = find_target(project, "native")
    firmware = make_firmware(project, native, content, generate_model(content, quiet), quiet)
    board = replace(native, simulator="", serial="usb_cdc", reset="touch_1200")
    built = replace(firmware.build, target=board)
    other = tmp_path / "other"
    other.write_text(f"#!{sys.executable}\n{SILENT}")
    other.chmod(0o755)
    usb.program = other
    first = usb.plug("A1")
    usb.program = firmware.build.program
    ports_used = []

    def swap(_project: Project, _built: Build, port: str, _step: Step) -> None:
        ports_used.append(port)
        usb.unplug("A1")
        usb.plug("B2")  # A twin, which most likely gets the old name.
        threading.Timer(0.3, lambda: ports_used.append(usb.plug("A1"))).start()

    monkeypatch.setattr(access, "upload", swap)
    monkeypatch.setattr(access, "GLANCE_SECONDS", 0.1)
    with access.hold_board(project, board, built, first) as held:
        meeting = access.meet(project, built, firmware.identity, held, quiet, flash=True)
        with meeting as device:
            assert device.description.target == "native"
            assert ports_used == [first, device.link.port]
            assert device.link.port == usb.boards["A1"].port


def test_a_port_that_was_open_is_waited_for_under_its_new_name(usb: Usb) -> None:
    first = usb.plug("A1")
    usb.plug("B2")
    seen = []

    def opener(url: str) -> object:
        seen.append(url)
        if len(seen) == 2:
            raise PortError("not permitted yet", port=url)
        return open_link(url)

    board = BoardPort(first, opener)  # type: ignore[arg-type]
    board.open().close()
    usb.unplug("A1")
    second = usb.plug("A1")
    board.open().close()
    assert seen == [first, second, second]
    assert board.url == second


def test_a_port_that_was_never_open_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "RETURN_SECONDS", 1000.0)
    with pytest.raises(PortError, match="does not exist") as caught:
        BoardPort("/dev/none", open_link).open()
    assert caught.value.cause is PortCause.ABSENT


def test_a_port_that_was_open_and_does_not_come_back_is_its_boards_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(recovery, "RETURN_SECONDS", 0.0)
    ours, theirs = pty.openpty()
    port = tmp_path / "port"
    port.symlink_to(os.ttyname(theirs))
    try:
        board = BoardPort(str(port), open_link)
        board.open().close()
        port.unlink()
        with pytest.raises(PortError, match="does not exist") as caught:
            board.open()
    finally:
        os.close(ours)
        os.close(theirs)
    assert caught.value.cause is PortCause.BOARD
