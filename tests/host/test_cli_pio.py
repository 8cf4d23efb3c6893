"""``tinyproof pio``: plain PlatformIO commands on a fresh project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyproof.errors import ToolchainError
from tinyproof.pio import core, plain
from tinyproof.project import find_project, init_project
from tinyproof.subject import provide_header


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


def plain_project(folder: Path, platform: str = "native") -> Path:
    """Lay out a PlatformIO project of one line that is not TinyProof's."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.c").write_text("int main(void) { return 0; }\n")
    ini = f"[platformio]\ndefault_envs = own\n[env:own]\nplatform = {platform}\n"
    (folder / "platformio.ini").write_text(ini)
    return folder


@pytest.mark.parametrize("option", [[], ["-d", "mine"], ["--project-dir=mine"]])
def test_pio_run_builds_the_project_one_stands_in_or_names(
    option: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tinyproof.cli import main

    folder = plain_project(tmp_path / "mine")
    monkeypatch.chdir(tmp_path if option else folder)
    assert main(["pio", "run", "-e", "own", *option]) == 0
    assert (folder / ".pio" / "build" / "own" / "program").is_file()
    assert not list(folder.rglob("model.h"))


def test_only_a_folder_without_a_platformio_ini_stands_for_tinyproofs_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert plain.project_of(["run"]) == find_project()
    assert plain.project_of(["run", "-d."]) is None
    assert plain.project_of(["run", "-c", "other.ini"]) is None
    assert plain.project_of(["project", "init"]) is None
    fresh = init_project(tmp_path / "fresh")
    assert plain.project_of(["run", "-d", "fresh"]) == fresh
    assert plain.start_folder(fresh, ["run", "-d", "fresh"]) == tmp_path
    monkeypatch.chdir(fresh.firmware)
    assert plain.project_of(["run"]) == fresh
    assert plain.start_folder(fresh, ["run"]) == fresh.root
    monkeypatch.chdir(plain_project(fresh.root / "nested") / "src")
    assert plain.project_of(["run", "--", "-d", "fresh"]) is None


def test_a_plain_project_for_a_platform_of_the_registry_is_told_before_pio_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plain_project(tmp_path / "mine", "platformio/espressif32@6.13.0"))
    with pytest.raises(ToolchainError, match="espressif32 has no stand-in"):
        plain.check(core.standin_core(), None, ["run"])
