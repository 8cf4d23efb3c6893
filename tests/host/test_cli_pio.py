"""``tinyproof pio``: plain PlatformIO commands on a fresh project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyproof.harness import provide_header
from tinyproof.project import init_project


def test_a_fresh_project_gets_a_header_for_a_manual_build(tmp_path: Path) -> None:
    project = init_project(tmp_path / "fresh")
    assert provide_header(project)
    assert "TP_MODEL_FORMAT" in (project.firmware / "include" / "model.h").read_text()


def test_a_header_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    project = init_project(tmp_path / "fresh")
    header = project.firmware / "include" / "model.h"
    header.write_text("mine")
    assert not provide_header(project)
    assert header.read_text() == "mine"


def test_pio_run_builds_a_fresh_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from tinyproof.cli import main

    monkeypatch.chdir(init_project(tmp_path / "fresh").root)
    assert main(["pio", "run", "-e", "native"]) == 0
    assert "SUCCESS" in capfd.readouterr().out
