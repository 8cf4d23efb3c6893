"""What this machine has, what it lacks, and the exact command that mends each."""

from __future__ import annotations

import grp
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tinyproof import __version__, discovery, ports
from tinyproof.benchmap import BenchMap
from tinyproof.discovery import Attached
from tinyproof.errors import TinyProofError
from tinyproof.pio import core, packages
from tinyproof.project import find_project
from tinyproof.targets import Target, load_targets, platform_name
from tinyproof.text import printable


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        name: what was looked for.
        needed_for: what it serves, a few words.
        found: version, path or figure; empty if it is missing.
        required: whether the main job on ``native`` needs it.
        fix: the next command for the user; empty if nothing is missing.
    """

    name: str
    needed_for: str
    found: str
    required: bool
    fix: str

    @property
    def ok(self) -> bool:
        """Whether it is there."""
        return bool(self.found)

    @property
    def state(self) -> str:
        """``ok``; ``missing`` if the main job cannot do without it; else ``absent``."""
        return "ok" if self.ok else "missing" if self.required else "absent"


def _version_line(*command: str) -> str:
    """Return the line a tool prints about its version; empty if it does not run."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout or done.stderr).strip().splitlines()
    first = lines[0].strip() if lines else ""
    return next((line.strip() for line in lines if re.search(r"version v?\d", line)), first)


def _tool(
    name: str, needed_for: str, debian: str, *, required: bool = False, flag: str = "--version"
) -> Callable[[], Check]:
    def look() -> Check:
        found = _version_line(name, flag)
        return Check(name, needed_for, found, required, "" if found else _apt(debian))

    return look


def _file(name: str, path: str, needed_for: str, debian: str) -> Callable[[], Check]:
    def look() -> Check:
        found = path if Path(path).exists() else ""
        return Check(name, needed_for, found, False, "" if found else _apt(debian))

    return look


def _program(name: str, needed_for: str, debian: str) -> Callable[[], Check]:
    """Look for a program that takes too long to say its version."""

    def look() -> Check:
        found = shutil.which(name) or ""
        return Check(name, needed_for, found, False, "" if found else _apt(debian))

    return look


def _package(
    name: str, needed_for: str, extra: str, *, required: bool = False
) -> Callable[[], Check]:
    def look() -> Check:
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = ""
        wanted = f"tinyproof[{extra}]" if extra else "tinyproof"
        return Check(name, needed_for, found, required, "" if found else f"pip install '{wanted}'")

    return look


def _apt(packages: str) -> str:
    return f"sudo apt-get install {packages}"


def _python() -> Check:
    found = platform.python_version() if sys.version_info >= (3, 11) else ""
    return Check("Python 3.11+", "everything", found, True, "" if found else _apt("python3"))


def _dialout() -> Check:
    """Look whether this user may open serial ports: root, or in the group that owns them."""
    needed_for = "boards on /dev/tty*"
    if os.geteuid() == 0:
        return Check("serial permission", needed_for, "root", False, "")
    try:
        group = grp.getgrnam("dialout")
    except KeyError:
        return Check("serial permission", needed_for, "no dialout group here", False, "")
    if group.gr_gid in os.getgroups():
        return Check("serial permission", needed_for, "in group dialout", False, "")
    fix = "sudo usermod -aG dialout $USER, then log in again"
    return Check("serial permission", needed_for, "", False, fix)


def _own_core() -> Check:
    """Look which PlatformIO core folder serves native and simulated runs."""
    what, needed_for = "PlatformIO, TinyProof's own", "native, --port sim, AVR boards"
    try:
        return Check(what, needed_for, str(core.standin_core().path), False, "")
    except TinyProofError as error:
        return Check(what, needed_for, "", False, error.hint)


def _user_core() -> Check:
    """Look for the user's own PlatformIO: a board is built with its platform if it has it."""
    path = core.user_core().path
    found = str(path) if path.is_dir() else f"none yet; it would be {path}"
    return Check("PlatformIO, yours", "real boards", found, False, "")


def examine_platforms() -> Iterator[Check]:
    """Look for the platforms that only the user's PlatformIO can have."""
    wanted: dict[str, list[Target]] = {}
    for target in _targets():
        if target.platform not in packages.platforms():
            wanted.setdefault(target.platform_spec, []).append(target)
    for spec, targets in wanted.items():
        try:
            found = core.user_core().platform(spec)
        except (OSError, ValueError, KeyError):
            found = ""
        fix = "" if found else core.install_command(spec)
        boards = ", ".join(target.name for target in targets)
        yield Check(f"platform {_platform_title(spec)}", boards, found, False, fix)


def _platform_title(spec: str) -> str:
    """Return a platform's name, a fork's with its owner."""
    owner = urlsplit(spec).path.strip("/").partition("/")[0] if "://" in spec else ""
    return f"{platform_name(spec)} of {owner}" if owner else platform_name(spec)


def examine_ports() -> Iterator[Check]:
    """Look at every port that is attached, without opening it."""
    boards = discovery.attached(_targets(), BenchMap())
    if not boards:
        fix = "plug in a board with a data cable, or use --port sim"
        yield Check("serial ports", "boards", "", False, fix)
    for board in boards:
        yield _port(board)


def _targets() -> list[Target]:
    try:
        return list(load_targets(find_project()).values())
    except TinyProofError:
        return []  # The ports are told all the same.


def _port(board: Attached) -> Check:
    name, needed_for = printable(board.port), ", ".join(board.targets) or "an unknown board"
    held = ports.foreign_holders(board.port)
    if held:
        names = ", ".join(f"{holder.name} (process {holder.pid})" for holder in held)
        return Check(name, needed_for, "", False, f"it is busy: end {names}")
    if not os.access(board.port, os.R_OK | os.W_OK):
        return Check(name, needed_for, "", False, ports.permission_fix(board.port))
    words = [board.usb_text, printable(board.product)]
    return Check(name, needed_for, " ".join(filter(None, words)) or "there", False, "")


_ENSUREPIP = str(Path(os.__file__).with_name("ensurepip"))

CHECKS: tuple[Callable[[], Check], ...] = (
    _python,
    _tool("g++", "builds for native", "g++", required=True),
    _tool("git", "the commit in reports", "git"),
    _package("platformio", "builds", "", required=True),
    _package("scons", "builds without a registry", "", required=True),
    _package("ai-edge-litert", "the reference", "", required=True),
    _package("tensorflow", "tinyproof train, convert", "train"),
    _package("scikit-learn", "tinyproof train", "train"),
    _package("pytest", "the pytest plugin", "pytest"),
    _own_core,
    _user_core,
    _tool("avr-gcc", "uno, megaatmega2560", "gcc-avr avr-libc binutils-avr"),
    _tool("avrdude", "flashing AVR boards", "avrdude", flag="-?"),
    _file(
        "Arduino AVR core",
        "/usr/share/arduino/hardware/arduino/avr/cores/arduino/Arduino.h",
        "uno, megaatmega2560",
        "arduino-core-avr",
    ),
    _file(
        "libsimavr",
        "/usr/include/simavr/sim_avr.h",
        "--port sim for uno, megaatmega2560",
        "libsimavr-dev libelf-dev",
    ),
    _tool("qemu-system-arm", "emulated ARM boards, tests", "qemu-system-arm"),
    _tool("qemu-system-riscv32", "emulated RISC-V boards, tests", "qemu-system-misc"),
    _tool("arm-none-eabi-gcc", "ARM, tests", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
    _tool(
        "riscv64-unknown-elf-gcc",
        "RISC-V, tests",
        "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
    ),
    _tool("xtensa-lx106-elf-gcc", "tests", "gcc-xtensa-lx106"),
    _tool("clang", "tests: fuzzing, sanitizers", "clang libclang-rt-14-dev"),
    _tool("valgrind", "tests", "valgrind"),
    _tool("xxd", "tests", "xxd", flag="-v"),
    _program("chromium", "tests of the HTML report", "chromium"),
    _file("python venv", _ENSUREPIP, "installing the checkout", "python3-venv"),
    _package("tflite-micro", "the reference of engine tflm", "tflm"),
    _package("esptool", "tests of flashing ESP32", "test"),
    _package("esp32-mock-bootloader", "tests of flashing ESP32", "test"),
    _dialout,
)


def examine() -> Iterator[Check]:
    """Look at everything, one after another."""
    for look in CHECKS:
        yield look()
    yield from examine_platforms()
    yield from examine_ports()


def system() -> dict[str, str]:
    """Name the machine for a bug report: no user names, no paths."""
    return {
        "tinyproof": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": platform.machine(),
    }
