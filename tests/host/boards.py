"""What tests on simulated boards share: one copy of the project, each firmware built once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from native_cli import INT8, SAMPLES, lay_out
from tinyproof.harness import Board, open_session
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.subject import Subject
from tools import require_file, require_tool

AVR = ("uno", "megaatmega2560")


def require_avr() -> None:
    """Skip, or fail where tools are required, without all that a simulated Arduino needs."""
    for tool in ("avr-gcc", "avr-size", "avrdude", "cc"):
        require_tool(tool)
    require_file(Path("/usr/share/arduino/hardware/arduino/avr/platform.txt"))
    require_file(Path("/usr/include/simavr/sim_avr.h"))


def common_project(folder: Path) -> Project:
    """Return the project in ``folder``, laid out by whichever test process comes first."""
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            return lay_out(folder)
    return Project(folder, folder / ".tinyproof")


def digits() -> Subject:
    """Return the int8 digits model of the fixtures."""
    return Subject("digits/int8.tflite", INT8, INT8.read_bytes(), SAMPLES)


@contextmanager
def simulated(project: Project, target: str, *, baud: int | None = None) -> Iterator[Board]:
    """Build, start, flash and meet a simulated board that runs the digits model."""
    with open_session(project, digits(), Progress(), target=target, port="sim", baud=baud) as board:
        yield board
