"""Espressif boards without a chip: images of our firmware, PlatformIO's upload, a mock to flash."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from native_cli import INT8, lay_out
from tinyproof.firmware import Firmware, generate_model, make_firmware
from tinyproof.pio import packages
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.targets import find_target
from tools import require_file, require_tool

HERE = Path(__file__).with_name("esp")
BOARDS = {"esp32dev": "esp32", "esp32-s3-devkitc-1": "esp32s3", "esp32-c3-devkitm-1": "esp32c3"}
"""Target to chip."""
BOOTLOADER_AT = {"esp32": "0x1000", "esp32s3": "0x0", "esp32c3": "0x0"}
APPLICATION_AT = 0x10000


def require_compilers() -> None:
    """Skip, or fail where tools are required, without the compilers that make the images."""
    for name in ("riscv64-unknown-elf-g++", "xtensa-lx106-elf-g++"):
        require_tool(name)
    require_file(Path("/usr/lib/picolibc/riscv64-unknown-elf/include/string.h"))


def common_esp(folder: Path) -> tuple[Project, Path]:
    """Return a project and a PlatformIO core in ``folder``, made by whichever process is first."""
    project, core = folder / "project", folder / "core"
    with FileLock(folder.with_suffix(".lock")):
        if not core.exists():
            _silence_port(lay_out(project))
            _make_core(core, Project(project, project / ".tinyproof"))
    return Project(project, project / ".tinyproof"), core


def _make_core(folder: Path, project: Project) -> None:
    """Lay out a PlatformIO core with the stand-in of the platform ``espressif32``."""
    spec = find_target(project, "esp32dev").platform_spec
    version = spec.rpartition("@")[2] if "@" in spec else "0.0.0"
    platform = folder / "platforms" / "espressif32"
    shutil.copytree(HERE / "espressif32", platform)
    manifest = json.loads((platform / "platform.json").read_text())
    (platform / "platform.json").write_text(json.dumps(manifest | {"version": version}))
    (platform / ".piopm").write_text(packages.piopm("platform", "espressif32", version))
    (platform / "boards").mkdir()
    for name, chip in BOARDS.items():
        (platform / "boards" / f"{name}.json").write_text(json.dumps(_board(name, chip)))
    packages.lay_out(packages.scons(), folder / "packages" / "tool-scons")
    (folder / "appstate.json").write_text("{}")


def _board(name: str, chip: str) -> dict[str, object]:
    return {
        "build": {"mcu": chip, "f_cpu": "160000000L", "core": "esp32"},
        "frameworks": ["arduino"],
        "name": name,
        "upload": {
            "maximum_ram_size": 327680,
            "maximum_size": 4194304,
            "speed": 460800,
            "bootloader_offset": BOOTLOADER_AT[chip],
        },
        "url": "",
        "vendor": "stand-in",
    }


def _silence_port(project: Project) -> None:
    """Replace the Arduino port, whose core is not at hand, with one that does nothing."""
    library = project.firmware / "lib" / "port_arduino"
    shutil.rmtree(library / "src")
    shutil.copytree(HERE / "port", library / "src")
    (library / "library.json").write_text('{"name": "port_arduino", "version": "1.0.0"}')


def build(project: Project, target: str) -> Firmware:
    """Build the firmware of the digits model for a board."""
    content, quiet = INT8.read_bytes(), Progress()
    generated = generate_model(content, quiet)
    found = find_target(project, target)
    return make_firmware(project, found, content, generated, quiet, simulated=False)


@dataclass
class Mock:
    """A chip's bootloader.

    Attributes:
        port: a pseudo-terminal or a socket.
        pid: of its process.
        dump: where its flash is written when it ends.
    """

    port: str
    pid: int
    dump: Path


@contextmanager
def mock(chip: str, wire: str, folder: Path, fault: str = "") -> Iterator[Mock]:
    """Start the bootloader of ``chip`` behind a ``pty`` or ``tcp``."""
    dump = folder / "flash.bin"
    start = [sys.executable, str(HERE / "mock.py"), chip, wire, str(dump)]
    command = [*start, fault] if fault else start
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdin
        try:
            line = next(line for line in process.stdout if line.startswith("port "))
            yield Mock(line.split()[1], process.pid, dump)
        finally:
            process.stdin.close()
