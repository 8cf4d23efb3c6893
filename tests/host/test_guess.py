"""A board that only a common USB chip speaks for is not flashed, unless it says what it is."""

from __future__ import annotations

import os
import pty
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from serial.tools import list_ports
from usb import Attached

from native_cli import INT8, ROOT, assert_complains, call
from tinyproof import access, benchmap, discovery, health
from tinyproof.access import hold_board, meet
from tinyproof.build import Build
from tinyproof.cli.main import COMMANDS
from tinyproof.device import Identity
from tinyproof.errors import FlashError, PortError, RefusedError
from tinyproof.firmware import Firmware, generate_model, make_firmware
from tinyproof.progress import Progress, Step
from tinyproof.project import Project
from tinyproof.quarantine import Quarantine
from tinyproof.run import RunOptions
from tinyproof.simulators.process import ProcessLink
from tinyproof.targets import Target, find_target, load_targets

pytestmark = pytest.mark.usefixtures("own_bench")

CP2102 = (0x10C4, 0xEA60)
COMMON = (CP2102, (0x1A86, 0x7523), (0x0403, 0x6001), (0x16C0, 0x0483), (0x303A, 0x1001))
OWN = ((0x2341, 0x0043), (0x2E8A, 0x00C0))


@pytest.fixture
def attach(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Attach one board with this USB id on this port, and nothing else."""

    def attach(usb_id: tuple[int, int] | None, port: str, number: str | None = "A1") -> None:
        vid, pid = usb_id or (None, None)
        board = Attached(port, number, vid, pid, "Board")
        monkeypatch.setattr(list_ports, "comports", lambda: [board])

    return attach


@pytest.fixture
def firmware(project: Project) -> Firmware:
    """The digits for a board that runs a program of this machine, and has common USB ids."""
    content, quiet = INT8.read_bytes(), Progress()
    native = find_target(project, "native")
    made = make_firmware(project, native, content, generate_model(content, quiet), quiet)
    board = replace(native, simulator="", usb_ids=(*COMMON, *OWN))
    return replace(made, target=board, build=replace(made.build, target=board))


@pytest.fixture
def port(firmware: Firmware) -> Iterator[str]:
    """The port of a board that runs our firmware."""
    with ProcessLink([firmware.build.program]) as link:
        link._link.close()
        yield link.port


class FlashedError(Exception):
    """The board would have been overwritten."""


@pytest.fixture(autouse=True)
def uploads(monkeypatch: pytest.MonkeyPatch) -> None:
    def upload(_project: Project, _built: Build, _port: str, _step: Step) -> None:
        raise FlashedError

    monkeypatch.setattr(access, "upload", upload)


def connect(project: Project, firmware: Firmware, identity: Identity, port: str | None) -> None:
    quiet = Progress()
    with (
        hold_board(project, firmware.target, firmware.build, port) as held,
        meet(project, firmware.build, identity, held, quiet, flash=True),
    ):
        pass


def of_another_target(firmware: Firmware) -> Firmware:
    board: Target = replace(firmware.target, name="esp32dev")
    return replace(firmware, target=board, build=replace(firmware.build, target=board))


@pytest.mark.parametrize("usb_id", COMMON, ids=lambda usb_id: f"{usb_id[0]:04x}")
def test_a_board_of_which_only_the_usb_chip_is_known_is_not_overwritten(
    usb_id: tuple[int, int],
    project: Project,
    firmware: Firmware,
    port: str,
    attach: Callable[..., None],
) -> None:
    attach(usb_id, port)
    wanted = of_another_target(firmware)
    with pytest.raises(RefusedError, match="does not answer as esp32dev") as caught:
        connect(project, wanted, wanted.identity, None)
    assert caught.value.exit_code == 3
    assert port in caught.value.sentence
    assert "its port has to be named before it is flashed" in caught.value.sentence
    assert "{:04x}:{:04x}".format(*usb_id) in caught.value.sentence
    assert f"--port {port};" in caught.value.hint
    assert f"tinyproof ports --save bench.toml --as {port}=esp32dev" in caught.value.hint


def test_a_silent_one_is_not_overwritten_either(
    project: Project,
    firmware: Firmware,
    attach: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tinyproof import device

    monkeypatch.setattr(device, "HELLO_SECONDS", 0.1)
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    attach(CP2102, name, None)
    try:
        with pytest.raises(RefusedError, match="no serial number of its own") as caught:
            connect(project, firmware, firmware.identity, None)
    finally:
        os.close(ours)
        os.close(theirs)
    assert caught.value.hint.endswith(f"--port {name}"), "it cannot be given a name"


def test_one_that_answers_as_the_target_goes_on(
    project: Project, firmware: Firmware, port: str, attach: Callable[..., None]
) -> None:
    attach(CP2102, port)
    connect(project, firmware, firmware.identity, None)
    with pytest.raises(FlashedError):
        connect(project, firmware, replace(firmware.identity, build_id=b"\1" * 16), None)


@pytest.mark.parametrize("known_by", ["its port", "the bench map", "its own USB id"])
def test_one_that_is_known_is_flashed_whatever_it_runs(
    known_by: str,
    project: Project,
    firmware: Firmware,
    port: str,
    attach: Callable[..., None],
    own_bench: Path,
) -> None:
    attach(OWN[0] if known_by == "its own USB id" else CP2102, port)
    wanted = of_another_target(firmware)
    if known_by == "the bench map":
        benchmap.save(own_bench, [("A1", "esp32dev")])
    with pytest.raises(FlashedError):
        connect(project, wanted, wanted.identity, port if known_by == "its port" else None)


def test_quarantine_does_not_turn_a_guess_into_the_users_word(
    project: Project,
    firmware: Firmware,
    attach: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    given: list[str | None] = []

    def run(_project: Project, options: RunOptions, _progress: Progress) -> object:
        given.append(options.port)
        raise PortError("It vanished.", port="")

    monkeypatch.setattr(health, "run", run)
    monkeypatch.setattr(health, "find_target", lambda *_: firmware.target)
    for usb_id in (CP2102, OWN[0]):
        attach(usb_id, "/dev/ttyUSB0")
        with pytest.raises(PortError, match="vanished"):
            health.run_on_bench(
                project, RunOptions(target="x"), Progress(), Quarantine(tmp_path / "q.json")
            )
    assert given == [None, "/dev/ttyUSB0"]


def test_the_only_target_that_a_common_chip_fits_is_a_guess_too(
    firmware: Firmware, attach: Callable[..., None]
) -> None:
    attach((0x16C0, 0x0483), "/dev/ttyACM0")
    (teensy,) = discovery.attached([firmware.target], benchmap.BenchMap())
    assert (teensy.targets, teensy.is_guess) == (("native",), True)
    ended = call("ports", "--save", "bench.toml")
    assert_complains(ended, 4, "Nothing to save")
    assert "left out, say what it is: --as /dev/ttyACM0=TARGET" in ended.out
    assert call("ports", "--save", "bench.toml", "--as", "/dev/ttyACM0=teensy41").code == 0
    attach(None, "/dev/ttyS0")
    (plain,) = discovery.attached([firmware.target], benchmap.BenchMap())
    assert not plain.is_guess


@pytest.mark.parametrize(("reset", "flashed"), [("teensy", False), ("dfu", False), ("dtr", True)])
def test_an_uploader_that_takes_no_port_flashes_no_board_besides_another_one(
    reset: str,
    flashed: bool,
    project: Project,
    firmware: Firmware,
    port: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board = replace(firmware.target, reset=reset)
    made = replace(firmware, target=board, build=replace(firmware.build, target=board))
    both = [Attached(port, "A1", *OWN[0]), Attached("/dev/ttyACM9", "B2", *OWN[0])]
    monkeypatch.setattr(list_ports, "comports", lambda: both)
    expected = FlashedError if flashed else FlashError
    identity = replace(firmware.identity, build_id=b"\1" * 16)
    with pytest.raises(expected) as caught:
        connect(project, made, identity, port)
    if not flashed:
        assert "/dev/ttyACM9 (serial number B2)" in str(caught.value)
        both.pop()
        with pytest.raises(FlashedError):
            connect(project, made, identity, port)


@pytest.mark.parametrize(("name", "told"), [("pico", True), ("uno", False)])
def test_a_new_board_that_shows_no_port_yet_is_told_of(
    name: str, told: bool, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_ports, "comports", list)
    with pytest.raises(PortError) as caught:
        access.is_simulated(find_target(project, name), None)
    assert ("a new board may have none before its first upload" in caught.value.hint) is told


def test_examples_for_boards_that_may_be_guesses_name_a_port(project: Project) -> None:
    """Without it they end with 3 on the new board that they are meant for."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    texts = [page.read_text() for page in pages] + [call(name, "--help").out for name in COMMANDS]
    examples = re.findall(r"(tinyproof (?:run|bench|flash|verify) .*)", "\n".join(texts))
    guesses = {target.name for target in load_targets(project).values() if may_be_a_guess(target)}
    assert {"uno", "esp32dev", "teensy41"} <= guesses
    assert "pico" not in guesses
    for example in examples:
        named = re.search(r"--target ([\w,-]+)", example)
        if named and guesses.intersection(named[1].split(",")):
            assert "--port " in example


def may_be_a_guess(target: Target) -> bool:
    boards = [discovery.Attached("", usb_id, "", "", "", ()) for usb_id in target.usb_ids]
    return any(board.is_guess for board in boards)
