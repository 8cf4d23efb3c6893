"""Firmware for boards: the Arduino core, avrdude, and the real firmware for every target."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import serial
from mini_project import HEADER, ROOT, library, make_project

from tinyproof import platformio
from tinyproof.build import build
from tinyproof.codegen import Generated, generate
from tinyproof.device import Device
from tinyproof.errors import BuildError
from tinyproof.identity import Identity
from tinyproof.project import Project
from tinyproof.simulators.avr import AvrSimulator, bootloader
from tinyproof.simulators.process import ProcessLink
from tinyproof.targets import Target, find_target, load_targets
from tools import require_file, require_tool

ALL = load_targets(Project(ROOT, ROOT / ".tinyproof"))
OURS = {name: target for name, target in ALL.items() if target.simulator}
"""Those that build here; the others need platforms of PlatformIO's registry."""


@pytest.fixture(scope="session", autouse=True)
def one_core(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let all these tests share a core folder that is not the user's."""
    os.environ["TINYPROOF_CORE_DIR"] = str(tmp_path_factory.mktemp("cores"))


@pytest.fixture(scope="module")
def avr(tmp_path_factory: pytest.TempPathFactory) -> Project:
    for tool in ("avr-gcc", "avr-size", "avrdude"):
        require_tool(tool)
    require_file(Path("/usr/share/arduino/hardware/arduino/avr/platform.txt"))
    return make_project(tmp_path_factory.mktemp("avr"))


@pytest.mark.parametrize(("name", "flash"), [("uno", 32256), ("megaatmega2560", 253952)])
def test_an_arduino_board_builds_with_the_real_core(avr: Project, name: str, flash: int) -> None:
    made = build(avr, find_target(avr, name), "aot", HEADER)
    assert made.program.name == "firmware.elf"
    assert made.program.with_suffix(".hex").is_file()
    assert 1000 < made.sizes.flash < flash
    assert 349 <= made.sizes.static_ram < 800, "the core's Serial, its buffer enlarged to 256 bytes"
    assert made.id in made.program.read_bytes()
    assert "stand-in" in made.log.read_text()
    assert "toolchain-atmelavr" in made.toolchain


def test_two_builds_of_an_arduino_board_are_the_same_program(avr: Project, tmp_path: Path) -> None:
    target = find_target(avr, "uno")
    one = build(avr, target, "aot", HEADER)
    two = build(Project(avr.root, tmp_path / "elsewhere"), target, "aot", HEADER)
    assert one.program != two.program
    images = {made.program.with_suffix(".hex").read_bytes() for made in (one, two)}
    assert len(images) == 1


@pytest.mark.parametrize(
    ("memory", "code"),
    [
        ("flash", "static const __flash char a[20000] = {1}, b[20000] = {2};"),
        ("RAM", "static char a[1500], b[1500];"),
    ],
)
def test_an_image_too_large_is_told_by_memory_section_and_excess(
    tmp_path: Path, memory: str, code: str
) -> None:
    require_tool("avr-gcc")
    project = make_project(tmp_path)
    text = f"{code}\nint tp_engine(void);\nvolatile int at;\n"
    text += "int tp_engine(void) { return (int)&a[at] + a[at] + (int)&b[at] + b[at]; }\n"
    library(project.root, "engine_aot", "engine.c", text)
    wanted = rf"section \.\w+ (ends|is) [\d,]+ bytes (behind the|too large for) {memory}"
    with pytest.raises(BuildError, match=wanted):
        build(project, find_target(project, "uno"), "aot", HEADER)


@pytest.mark.parametrize("name", ["uno", "megaatmega2560"])
def test_platformio_uploads_with_avrdude_through_the_bootloader(
    avr: Project, name: str, tmp_path: Path
) -> None:
    """The program that was built is flashed, not built again, and answers on the same port."""
    require_file(Path("/usr/include/simavr/sim_avr.h"))
    target = find_target(avr, name)
    made = build(avr, target, "aot", HEADER)
    upload = ["run", "-e", name, "-t", "nobuild", "-t", "upload", "--upload-port"]
    log = tmp_path / "log"
    with AvrSimulator(target.mcu, bootloader=bootloader(target.mcu)) as board:
        arguments = [*upload, board.port]
        code = platformio.run(avr, made.core, arguments, log=log, settings=made.settings)
        assert code == 0, log.read_text()
        with serial.Serial(board.port, target.baud, timeout=60) as port:
            # The id may hold any byte, a line feed too.
            said = port.read_until(b" one1\r\n")
    assert said == made.id + f" {name} one1\r\n".encode()
    assert "Compiling" not in log.read_text()


@pytest.fixture(scope="module")
def digits() -> Generated:
    return generate((ROOT / "fixtures" / "digits" / "int8.tflite").read_bytes())


@pytest.mark.parametrize("target", OURS.values(), ids=OURS)
def test_the_real_firmware_builds_for_every_simulated_target(
    target: Target, digits: Generated, tmp_path: Path
) -> None:
    require_tool("g++")
    if not target.hosted:
        require_tool("avr-gcc")
    made = build(Project(ROOT, tmp_path), target, "aot", digits.header)
    assert made.sizes.static_ram >= digits.arena_bytes
    assert made.sizes.flash >= digits.weight_bytes
    if not target.hosted:
        return
    expected = Identity(
        model_sha256=bytes.fromhex(digits.sha256),
        build_id=made.id,
        weights_crc32=digits.weights_crc32,
        target=target.name,
        engine="aot",
    )
    with ProcessLink([made.program]) as link, Device(link) as device:
        device.hello()
        device.check_identity(expected)


def test_the_plain_command_builds_the_real_firmware(digits: Generated, tmp_path: Path) -> None:
    """What a user of PlatformIO does by hand, with the model.h of a manual build."""
    require_tool("g++")
    (tmp_path / "model.h").write_text(digits.header)
    core = platformio.standin_core()
    settings = {
        "PLATFORMIO_INCLUDE_DIR": str(tmp_path),
        "PLATFORMIO_WORKSPACE_DIR": str(tmp_path / "pio"),
    }
    log = tmp_path / "log"
    program = tmp_path / "pio" / "build" / "native" / "program"

    def built() -> bytes:
        code = platformio.run(Project(ROOT, tmp_path), core, ["run"], log=log, settings=settings)
        assert code == 0, log.read_text()
        return program.read_bytes()

    first = built()
    other = (ROOT / "fixtures" / "digits" / "float32.tflite").read_bytes()
    (tmp_path / "model.h").write_text(generate(other).header)
    assert built() != first, "another model.h must be noticed"
    size = subprocess.run([require_tool("size"), program])
    assert size.returncode == 0
