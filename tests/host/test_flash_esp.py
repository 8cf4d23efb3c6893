"""Espressif boards are flashed by the real esptool, into a mock of the chips' bootloader.

What is written is TinyProof's firmware in images of the chips' own form; see the SCons script in
``esp/espressif32`` for what is in them. No application starts in the mock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from esp_boards import (
    APPLICATION_AT,
    BOARDS,
    BOOTLOADER_AT,
    build,
    common_esp,
    mock,
    require_compilers,
)

from native_cli import INT8, assert_complains, call
from tinyproof import access, flash
from tinyproof.errors import FlashError
from tinyproof.firmware import Firmware
from tinyproof.flash import upload
from tinyproof.progress import Step
from tinyproof.project import Project
from tinyproof.targets import find_target
from tinyproof.uploader import Follower


@pytest.fixture(scope="module")
def esp_project(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Project]:
    """A project for a user whose PlatformIO has the platform ``espressif32``: the stand-in."""
    require_compilers()
    base = tmp_path_factory.getbasetemp()
    project, core = common_esp((base if worker_id == "master" else base.parent) / "esp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLATFORMIO_CORE_DIR", str(core))
        yield project


@pytest.fixture(scope="module")
def firmware_for(esp_project: Project) -> Callable[[str], Firmware]:
    """Build for a board, once."""
    made: dict[str, Firmware] = {}

    def firmware_for(target: str) -> Firmware:
        if target not in made:
            made[target] = build(esp_project, target)
        return made[target]

    return firmware_for


class Watch(Step):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int, str]] = []

    def update(self, done: int, total: int, note: str = "") -> None:
        self.seen.append((done, total, note))


def images_of(firmware: Firmware, chip: str) -> dict[int, bytes]:
    """Return what must be in the flash: address to bytes."""
    folder = firmware.build.program.parent
    places = {"bootloader": int(BOOTLOADER_AT[chip], 16), "partitions": 0x8000}
    places |= {"boot_app0": 0xE000, "firmware": APPLICATION_AT}
    return {place: (folder / f"{name}.bin").read_bytes() for name, place in places.items()}


@pytest.mark.parametrize("wire", ["pty", "tcp"])
@pytest.mark.parametrize(("target", "chip"), BOARDS.items())
def test_every_byte_arrives_in_the_chips_flash(
    esp_project: Project,
    firmware_for: Callable[[str], Firmware],
    tmp_path: Path,
    target: str,
    chip: str,
    wire: str,
) -> None:
    firmware, watch = firmware_for(target), Watch()
    images = images_of(firmware, chip)
    assert firmware.build.id in images[APPLICATION_AT]
    with mock(chip, wire, tmp_path) as board:
        upload(esp_project, firmware.build, board.port, watch)
    kept = board.dump.read_bytes()
    for place, image in images.items():
        assert kept[place : place + len(image)] == image, hex(place)
    assert [done for done, total, _ in watch.seen if total == 100][-1] == 100
    assert {note for _, _, note in watch.seen} >= {"writing", "verified"}
    assert not list(firmware.build.folder.glob("upload-*"))


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("corrupt", "does not keep what was written: MD5 of file does not match"),
        ("refuse", "refused a part of the firmware, and holds the part before it: Failed to write"),
        # Whether the port is gone or another process got its name meanwhile.
        ("vanish", "in the upload, and the board holds a part of the firmware"),
    ],
)
def test_an_upload_that_fails_is_a_failure_of_the_flash(
    esp_project: Project,
    firmware_for: Callable[[str], Firmware],
    tmp_path: Path,
    fault: str,
    what: str,
) -> None:
    with mock("esp32", "pty", tmp_path, fault) as board:
        with pytest.raises(FlashError) as caught:
            upload(esp_project, firmware_for("esp32dev").build, board.port, Step())
    assert what in caught.value.sentence
    assert caught.value.hint.endswith(".")
    assert (caught.value.failure, caught.value.exit_code) == ("flash", 4)


def test_the_wrong_chip_ends_the_command_with_one_sentence(
    esp_project: Project,
    firmware_for: Callable[[str], Firmware],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    firmware_for("esp32dev")
    monkeypatch.chdir(esp_project.root)
    monkeypatch.setattr(access, "GLANCE_SECONDS", 0.1)
    with mock("esp32s3", "pty", tmp_path) as board:
        ended = call("flash", "--target", "esp32dev", "--port", board.port, "--model", INT8)
    assert_complains(ended, 4, "flash: ", "is not that of ESP32 Dev Module", "--target")


def test_what_was_flashed_is_asked_who_it_is(
    esp_project: Project,
    firmware_for: Callable[[str], Firmware],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The upload succeeds, but no application starts in the mock: that is not taken for success."""
    firmware_for("esp32dev")
    monkeypatch.chdir(esp_project.root)
    monkeypatch.setattr(access, "GLANCE_SECONDS", 0.1)
    monkeypatch.setattr("tinyproof.device.HELLO_SECONDS", 0.1)
    with mock("esp32", "pty", tmp_path) as board:
        ended = call("flash", "--target", "esp32dev", "--port", board.port, "--model", INT8)
    assert "flash     " in ended.err
    assert ended.code == 4
    assert "No answer from" in ended.err


class _Hangs:
    """An uploader that says something and never ends."""

    def __init__(self) -> None:
        self.gave_up = False

    def __call__(self, *_: object, **named: object) -> int:
        give_up = named["give_up"]
        assert callable(give_up)
        while not give_up():
            time.sleep(0.01)
        self.gave_up = True
        Path(str(named["log"])).write_text("Connected to ESP32\n")
        return -9


def test_an_upload_that_does_not_end_is_ended(
    esp_project: Project,
    firmware_for: Callable[[str], Firmware],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hangs = _Hangs()
    monkeypatch.setattr("tinyproof.platformio.run", hangs)
    monkeypatch.setattr(flash, "UPLOAD_SECONDS", 0.1)
    with pytest.raises(FlashError, match=r"did not end within 0\.1 s") as caught:
        upload(esp_project, firmware_for("esp32dev").build, os.ttyname(os.openpty()[1]), Step())
    assert hangs.gave_up
    assert "upload-" in caught.value.hint


@pytest.mark.parametrize(("serial", "ends"), [("bridge", True), ("usb_cdc", False)])
def test_only_a_port_that_may_not_vanish_ends_an_upload_when_it_does(
    esp_project: Project, serial: str, ends: bool
) -> None:
    """The chip's own USB goes away when its bootloader starts, and comes back."""
    from dataclasses import replace
    from unittest.mock import Mock

    target = replace(find_target(esp_project, "esp32dev"), serial=serial)
    patience = flash._Patience(Mock(target=target), "/dev/none")
    assert patience.is_out() is ends


def test_percentages_are_followed_through_all_images() -> None:
    follower, told = Follower(), []
    for line in (
        "Connecting....",
        "Connected to ESP32 on /dev/ttyUSB0:",
        "Writing at 0x00001000... (50 %)",
        "Hash of data verified.",
        "Writing at 0x00014000 ━━  8.2% 16.00kB/195.31kB [0s]",
        "Writing at 0x00014000 ━━  8.4% 16.00kB/195.31kB [0s]",
        "Writing at 0x00040d40 ━━━ 100.0% 195.31kB/195.31kB [1s]",
        "Hash of data verified.",
    ):
        if follower.see(line):
            told.append((follower.STAGES[follower.stage], follower.percent))
    assert told == [
        ("connected", 0),
        ("writing", 50),
        ("verified", 50),
        ("writing", 8),
        ("writing", 100),
        ("verified", 100),
    ]
