"""What this machine has, what it lacks, and the exact command that mends each."""

from __future__ import annotations

import grp
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports

from tinyproof import __version__


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


def _first_line(*command: str) -> str:
    """Return the first line a tool prints about its version; empty if it does not run."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if lines else ""


def _tool(
    name: str, needed_for: str, debian: str, *, required: bool = False, flag: str = "--version"
) -> Callable[[], Check]:
    def look() -> Check:
        found = _first_line(name, flag)
        return Check(name, needed_for, found, required, "" if found else _apt(debian))

    return look


def _file(name: str, path: str, needed_for: str, debian: str) -> Callable[[], Check]:
    def look() -> Check:
        found = path if Path(path).exists() else ""
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


def _ports() -> Check:
    names = [port.device for port in list_ports.comports()]
    fix = "" if names else "plug in a board with a data cable, or use --port sim"
    return Check("serial ports", "boards", ", ".join(names), False, fix)


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
    _dialout,
    _ports,
)


def examine() -> Iterator[Check]:
    """Look at everything, one after another."""
    for look in CHECKS:
        yield look()


def system() -> dict[str, str]:
    """Name the machine for a bug report: no user names, no paths."""
    return {
        "tinyproof": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": platform.machine(),
    }
