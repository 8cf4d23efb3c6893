"""A project for the tests that run the command line; its path has a blank and foreign letters."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from boards import common_project
from serial.tools import list_ports
from usb import Attached, Usb

from native_cli import INT8, lay_out
from tinyproof import asking, benchmap, recovery
from tinyproof.firmware import generate_model, make_firmware
from tinyproof.pio import core
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.targets import Target, find_target
from tools import require_file, require_tool

collect_ignore = [] if os.environ.get("TINYPROOF_TFLM") else ["test_tflm_real.py"]
"""Tests made by hand: they need TFLM's sources, which no registry has (docs/tflm.md)."""


@pytest.fixture(scope="session")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One copy of the project for all tests, so that each firmware is built once."""
    return lay_out(tmp_path_factory.mktemp("shared") / "my pröject 板")


@pytest.fixture
def project(shared_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The shared project, with the current folder in it."""
    monkeypatch.chdir(shared_project.root)
    return shared_project


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder for reports that does not exist yet."""
    return tmp_path / "report"


@pytest.fixture(scope="session")
def boards_project(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Project:
    """One copy of the project for all tests on simulated boards, in whichever process they run."""
    base = tmp_path_factory.getbasetemp()
    return common_project((base if worker_id == "master" else base.parent) / "boards")


@pytest.fixture(scope="session")
def libsimavr() -> None:
    """What the simulated Arduino boards are compiled with; without it skip or fail."""
    require_tool("avr-gcc")
    require_file(Path("/usr/include/simavr/sim_avr.h"))


@pytest.fixture
def own_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of the test's own for core folders, which does not exist yet."""
    monkeypatch.setenv(core.CORE_DIR_VARIABLE, str(tmp_path / "cores"))
    return tmp_path / "cores"


@pytest.fixture
def own_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without bench maps, in an empty folder; returns where the user's own would be."""
    monkeypatch.delenv(benchmap.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return benchmap.user_file()


@pytest.fixture
def attach(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replaces the computer's ports."""

    def attach(*found: Attached) -> None:
        monkeypatch.setattr(list_ports, "comports", lambda *_: list(found))

    return attach


@pytest.fixture
def uno(shared_project: Project) -> Target:
    """The target uno."""
    return find_target(shared_project, "uno")


@pytest.fixture
def usb(shared_project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Usb]:
    """A computer whose boards run the digits."""
    content, quiet = INT8.read_bytes(), Progress()
    native = find_target(shared_project, "native")
    generated = generate_model(content, quiet)
    made = make_firmware(shared_project, native, content, generated, quiet)
    with ExitStack() as stack:
        usb = Usb(made.build.program, stack)
        monkeypatch.setattr(list_ports, "comports", usb.comports)
        monkeypatch.setattr(recovery, "RETURN_SECONDS", 2.0)
        monkeypatch.setattr(asking, "UNKNOWN_BOOT_SECONDS", 0.0)
        yield usb
