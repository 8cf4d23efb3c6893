"""A project for the tests that run the command line; its path has a blank and foreign letters."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from boards import common_project

from native_cli import lay_out
from tinyproof.pio import core
from tinyproof.project import Project
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
