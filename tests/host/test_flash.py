"""Flashing: what the uploader says, read as one sentence and one next step; and real failures."""

from __future__ import annotations

import os
import pty
import runpy
import signal
from pathlib import Path

import pytest
from boards import digits, require_avr

from tinyproof.access import Access, greet, meet
from tinyproof.build import Build
from tinyproof.device import Device
from tinyproof.errors import DeviceSilentError, EchoError, FlashError, PortError
from tinyproof.firmware import Firmware, generate_model, make_firmware
from tinyproof.flash import _plain, explain, upload
from tinyproof.link import open_link
from tinyproof.progress import Progress, Step
from tinyproof.project import Project
from tinyproof.simulators.avr import AvrSimulator, bootloader
from tinyproof.targets import find_target

PORT = "/dev/ttyACM7"


@pytest.fixture(scope="module")
def firmware(boards_project: Project) -> Firmware:
    require_avr()
    target, progress = find_target(boards_project, "uno"), Progress()
    model = digits().model
    return make_firmware(boards_project, target, model, generate_model(model, progress), progress)


@pytest.fixture(scope="module")
def built(firmware: Firmware) -> Build:
    return firmware.build


SAID = {
    # avrdude 7 and 8, then avrdude 6
    "avrdude warning: attempt 3 of 10: not in sync: resp=0x00": "No bootloader answers on /dev/tty",
    "avrdude: stk500_getsync() attempt 9 of 10: not in sync: resp=0xe0": "as that of Arduino Uno",
    "avrdude: stk500v2_ReceiveMessage(): timeout": "No bootloader answers on /dev/ttyACM7",
    "avrdude OS error: cannot open port /dev/ttyACM7: No such file or directory": "vanished before",
    'avrdude: ser_open(): can\'t open device "/dev/ttyACM7": Permission denied': "cannot open",
    "avrdude OS error: unable to write: Input/output error": "broke down in the upload",
    "avrdude: ser_send(): write error: Bad file descriptor": "broke down in the upload",
    "avrdude: Expected signature for ATmega328P is 1E 95 0F": "is not that of Arduino Uno",
    "avrdude: verification error, first mismatch at byte 0x0000": "does not keep",
    # esptool 5.6, as it spoke with a mock of the chip; then esptool 4
    "A fatal error occurred: This chip is ESP32, not ESP32-S3. Wrong chip argument?": "not th",
    "A fatal error occurred: This chip is ESP32-S3 not ESP32. Wrong --chip argument?": "is not",
    "A fatal error occurred: Failed to connect to ESP32: No serial data received.": "answers",
    "ERROR: A fatal error occurred: MD5 of file does not match data in flash!": "does not keep",
    "A fatal error occurred: Failed to write compressed data to flash after seq 0 "
    "(result was 0106: Message is ok, but the running result is wrong)": "refused a part",
    "Lost connection, retrying...": "broke down in the upload",
    "ERROR: A fatal error occurred: The chip stopped responding.": "No bootloader answers",
    "([Errno 2] could not open port /dev/ttyACM7: [Errno 2] No such file or directory)": "vanished",
    "A fatal error occurred: Could not open /dev/ttyACM7, the port is busy or doesn't exist.": "can"
    "not open",
    # PlatformIO after a 1200-baud touch
    "Error: Couldn't find a board on the selected port.": "No bootloader answers",
    "No DFU capable USB device available": "No bootloader answers",
    "Unable find Teensy Loader.  (p)  Is the Teensy Loader application running?": "does not start",
    "A fatal error occurred: no idea": "failed: A fatal error occurred: no idea",
    "": "the uploader said nothing",
}


@pytest.mark.parametrize(("line", "wanted"), SAID.items())
def test_what_the_uploader_says_becomes_a_sentence_with_its_own_words_and_a_next_step(
    built: Build, tmp_path: Path, line: str, wanted: str
) -> None:
    log = tmp_path / "log"
    noise = 'avrdude OS error: ioctl("TIOCMGET"): Inappropriate ioctl for device\n'
    log.write_text(f"{noise}{line}\n*** [upload] Error 1\n")
    error = explain(log, built, PORT)
    assert isinstance(error, FlashError)
    assert wanted in error.sentence
    assert line.rpartition("occurred: ")[2].strip(" .!?") in error.sentence
    assert error.exit_code == 4
    assert error.failure == "flash"
    assert error.hint.endswith(".")


def test_an_uploader_that_falls_silent_in_the_upload_has_lost_its_port(
    built: Build, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text("Writing | ######\n*** [upload] Error 1\n")
    error = explain(log, built, PORT, begun=True)
    assert "vanished or broke down in the upload, and the board holds a part" in error.sentence
    assert isinstance(error, FlashError)


class KillAt(Step):
    """A step that kills a process at a stage of the upload."""

    def __init__(self, stage: str, pid: int) -> None:
        self.seen: list[str] = []
        self._stage = stage
        self._pid = pid

    def update(self, done: int, total: int, note: str = "") -> None:
        self.seen.append(note)
        if note == self._stage:
            os.kill(self._pid, signal.SIGKILL)


def test_a_port_that_vanishes_in_the_upload_ends_it(boards_project: Project, built: Build) -> None:
    with AvrSimulator("atmega328p", bootloader=bootloader("atmega328p")) as board:
        step = KillAt("writing", board.pid)
        # Whether the port is gone or another process got its name meanwhile.
        with pytest.raises(FlashError, match=r"vanished .*in the upload"):
            upload(boards_project, built, board.port, step)
    assert "writing" in step.seen
    assert "verified" not in step.seen


def test_a_bootloader_of_another_speed_is_given_up_after_three_attempts(
    boards_project: Project, built: Build
) -> None:
    slow = bootloader("atmega328p", baud=57_600)
    with AvrSimulator("atmega328p", bootloader=slow) as board:
        with pytest.raises(FlashError, match=r"not in sync|not responding") as caught:
            upload(boards_project, built, board.port, Step())
        log = (built.folder / f"upload-{_plain(board.port)}.log").read_text()
    assert "115200 baud" in caught.value.hint
    assert "upload_speed" in caught.value.hint
    assert "attempt 3 of" in log
    assert "attempt 4 of" not in log


def test_a_board_that_may_not_be_flashed_is_refused_as_it_is(
    boards_project: Project, firmware: Firmware
) -> None:
    with AvrSimulator("atmega328p", bootloader=bootloader("atmega328p")) as board:
        access = Access(board.port, lambda: open_link(board.port, 115_200))
        with pytest.raises(DeviceSilentError):
            with meet(
                boards_project,
                firmware.build,
                firmware.identity,
                access,
                Progress(),
                flash=False,
            ):
                pass
        assert board.status().rx > 0


def test_a_board_whose_port_is_gone_is_not_flashed(
    boards_project: Project, firmware: Firmware
) -> None:
    access = Access("/dev/none", lambda: open_link("/dev/none", 115_200))
    meeting = meet(
        boards_project, firmware.build, firmware.identity, access, Progress(), flash=True
    )
    with pytest.raises(PortError, match="does not exist"):
        with meeting:
            pass


@pytest.mark.parametrize("despite_echo", [False, True])
def test_a_port_that_echoes_is_flashed_only_on_demand(
    boards_project: Project,
    firmware: Firmware,
    monkeypatch: pytest.MonkeyPatch,
    despite_echo: bool,
) -> None:
    monkeypatch.setattr("tinyproof.access.GLANCE_SECONDS", 0.1)
    flashed: list[str] = []

    def no_upload(_: Project, __: Build, port: str, ___: Step) -> None:
        flashed.append(port)
        raise FlashError("No board.")

    monkeypatch.setattr("tinyproof.access.upload", no_upload)
    meeting = meet(
        boards_project,
        firmware.build,
        firmware.identity,
        Access("loop://", lambda: open_link("loop://")),
        Progress(),
        flash=True,
        despite_echo=despite_echo,
    )
    with pytest.raises(FlashError if despite_echo else EchoError), meeting:
        pass
    assert bool(flashed) is despite_echo


def test_nothing_is_sent_while_a_bootloader_may_be_listening(firmware: Firmware) -> None:
    """A frame could pass for an upload: the Mega's bootloader would wait for the rest of it."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    try:
        with Device(open_link(os.ttyname(theirs), 115_200)) as device:
            with pytest.raises(DeviceSilentError):
                device.hello(device.link.deadline(0.2), quiet_seconds=0.3)
            with pytest.raises(BlockingIOError):
                os.read(ours, 1)
            with pytest.raises(DeviceSilentError):
                greet(device, firmware.target, seconds=0.2)
            assert os.read(ours, 1) == b"\0"
    finally:
        os.close(ours)
        os.close(theirs)


class Environment(dict[str, str]):
    """As much of SCons's as the script after PlatformIO's needs."""

    def subst(self, text: str) -> str:
        return self[text.removeprefix("$")]


@pytest.mark.parametrize(("protocol", "given"), [("sam-ba", True), ("nrfjprog", False)])
def test_bossac_gets_its_image_under_the_name_that_its_platform_looks_for(
    protocol: str, given: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PlatformIO's nordicnrf52 asks for firmware.hex where nothing is built, whoever uploads."""
    monkeypatch.setenv("TINYPROOF_IMAGES", str(tmp_path))
    (tmp_path / "firmware.bin").write_bytes(b"plain")
    env = Environment(BUILD_DIR=str(tmp_path), UPLOAD_PROTOCOL=protocol)
    script = Path(__file__).parents[2] / "firmware" / "upload.py"
    runpy.run_path(str(script), {"Import": lambda _: None, "env": env})
    named = tmp_path / "firmware.hex"
    assert named.exists() is given
    assert not given or named.read_bytes() == b"plain"
