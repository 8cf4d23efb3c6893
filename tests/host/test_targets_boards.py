"""Each board's target.ini: complete, in range, pinned, and unlike the others where it must be."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from mini_project import ROOT, add, make_project

from tinyproof.cli.targets import command
from tinyproof.errors import ToolchainError
from tinyproof.pio import packages
from tinyproof.platformio import core_for
from tinyproof.project import find_project
from tinyproof.targets import Target, load_targets, platform_name

OURS = load_targets(find_project(ROOT))
BOARDS = {name: target for name, target in OURS.items() if not target.hosted}
REAL_ONLY = {name: target for name, target in BOARDS.items() if not target.simulator}
ESP_CHIPS = ("", "esp32", "esp32s3", "esp32c3", "esp32c6")
ASKED_FOR = {
    *("esp32dev", "esp32-s3-devkitc-1", "esp32-c3-devkitm-1", "esp32-c6", "nano33ble"),
    *("nanorp2040connect", "pico", "portenta_h7_m7", "uno_r4_minima", "teensy41"),
    *("uno", "megaatmega2560"),
}
every_board = pytest.mark.parametrize("target", BOARDS.values(), ids=BOARDS)


def test_the_boards_that_were_promised_are_there() -> None:
    assert set(BOARDS) >= ASKED_FOR


@every_board
def test_figures_are_in_the_ranges_of_their_units(target: Target) -> None:
    assert 1_000_000 <= target.clock_hz <= 1_000_000_000, "Hz"
    assert 8 * 1024 <= target.flash_bytes <= 16 * 1024 * 1024, "bytes"
    assert 1024 <= target.ram_bytes <= 1024 * 1024, "bytes"
    assert target.ram_bytes < target.flash_bytes
    assert 9600 <= target.baud <= 2_000_000, "bits per second"
    assert 0 <= target.boot_ms <= 5000, "milliseconds"


@every_board
def test_discovery_and_flashing_find_what_they_need(target: Target) -> None:
    assert target.usb_ids
    assert target.esp_chip in ESP_CHIPS
    assert (target.reset == "esp") == bool(target.esp_chip)
    ways = {"bridge": ("dtr", "esp"), "usb_cdc": ("touch_1200", "dfu", "teensy")}
    assert target.reset in ways[target.serial]
    if target.serial == "bridge":
        assert target.boot_ms > 0, "opening the port may reset it"


@every_board
def test_clock_and_quirks_are_told_with_their_sources(target: Target) -> None:
    assert "cycles" in target.tick_source
    assert target.quirks
    for quirk in target.quirks:
        assert re.fullmatch(r"[A-Z0-9].+[.:)a-z0-9] \[[^\[\]]{4,}\]", quirk), quirk
        assert "%" not in quirk, "PlatformIO takes it for an interpolation"


@every_board
def test_what_comes_from_the_registry_is_pinned(target: Target) -> None:
    if target.platform in packages.platforms():
        return  # has a stand-in, whose version is its own
    pinned = re.search(r"@\d+\.\d+\.\d+$|/\d+\.\d+\.\d+/", target.platform_spec)
    assert pinned, target.platform_spec


@every_board
def test_the_window_holds_a_frame_and_floats_are_rounded_as_in_the_reference(
    target: Target,
) -> None:
    flags = target.options["build_flags"].split()
    sizes = dict(flag[2:].split("=") for flag in flags if flag.startswith("-DTP_") and "=" in flag)
    frame = int(sizes.get("TP_MAX_FRAME", 256))
    assert 64 <= frame <= int(sizes.get("TP_RX_WINDOW", frame)) <= target.ram_bytes // 8
    if target.platform != "atmelavr":  # which has no instruction that multiplies and adds
        assert "-ffp-contract=off" in flags


@pytest.mark.parametrize("target", REAL_ONLY.values(), ids=REAL_ONLY)
def test_a_board_without_a_simulator_is_built_by_the_users_platformio(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(tmp_path))
    with pytest.raises(ToolchainError, match=f"{target.platform} .*is not installed") as caught:
        core_for(target)
    spec = target.platform_spec
    assert caught.value.hint == f"pio pkg install --global --platform {spec}"
    version = spec.partition("@")[2] or "1.0.0"
    came = {"spec": {"uri": spec if "://" in spec else None}}
    note = json.dumps({"type": "platform", "name": target.platform, "version": version} | came)
    add(tmp_path / "platforms" / target.platform / ".piopm", note)
    assert core_for(target).path == core_for(target, simulated=False).path == tmp_path


def test_no_two_targets_have_the_same_title() -> None:
    titles = [target.title for target in OURS.values()]
    assert len(set(titles)) == len(titles)


def test_boards_with_a_usb_port_of_their_own_are_told_apart_by_it() -> None:
    own = [target for target in BOARDS.values() if target.serial == "usb_cdc"]
    for one, two in itertools.combinations(own, 2):
        assert not set(one.usb_ids) & set(two.usb_ids), (one.name, two.name)
    bridges = {i for target in BOARDS.values() if target.serial == "bridge" for i in target.usb_ids}
    assert not any(set(target.usb_ids) & bridges for target in own)


@pytest.mark.parametrize(
    "spec",
    [
        "espressif32",
        "platformio/espressif32",
        "platformio/espressif32@6.13.0",
        "espressif32 @ ^6",
        "https://host/owner/platform-espressif32.git#develop",
        "https://host/owner/platform-espressif32/releases/download/1.2.3/platform-espressif32.zip",
    ],
)
def test_every_way_to_write_a_platform_has_its_name(spec: str) -> None:
    assert platform_name(spec) == "espressif32"


def test_the_list_tells_each_boards_port_and_clock() -> None:
    text = CliRunner().invoke(command, []).output
    rows = {line.split()[0]: line for line in text.splitlines()}
    assert set(OURS) <= set(rows)
    assert "native USB" in rows["pico"]
    assert "USB bridge" in rows["esp32dev"]
    assert re.search(r" 240 +1,310,720 +327,680 ", rows["esp32dev"])


def test_the_json_list_has_usb_ids_as_people_write_them() -> None:
    listed = json.loads(CliRunner().invoke(command, ["--json"]).output)
    pico = next(target for target in listed if target["name"] == "pico")
    assert pico["usb_ids"] == ["2e8a:00c0"]
    assert pico["quirks"]


@every_board
def test_the_page_on_boards_tells_of_each(target: Target) -> None:
    assert f"`{target.name}`" in (ROOT / "docs" / "boards.md").read_text()


def test_the_target_that_the_page_shows_is_a_sound_one(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "boards.md").read_text()
    project = make_project(tmp_path)
    ini = page.split("```ini\n")[1].split("```")[0]
    add(project.firmware / "targets" / "my_board" / "target.ini", ini)
    target = load_targets(project)["my_board"]
    assert target.usb_ids == ((0x1234, 0x5678),)
    test_what_comes_from_the_registry_is_pinned(target)
    test_clock_and_quirks_are_told_with_their_sources(target)
