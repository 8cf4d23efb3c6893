"""Which project a command works on."""

from __future__ import annotations

from pathlib import Path

import pytest
from mini_project import ROOT, add, make_project

from tinyproof import project as module
from tinyproof.errors import StorageError, ToolchainError, UsageError
from tinyproof.project import find_project, init_project


def test_the_nearest_project_upward_is_found(tmp_path: Path) -> None:
    made = make_project(tmp_path)
    deep = tmp_path / "firmware" / "lib"
    assert find_project(deep) == made
    assert made.state == tmp_path / ".tinyproof"


def test_any_other_platformio_project_is_not_ours(tmp_path: Path) -> None:
    add(tmp_path / "platformio.ini", "[env:x]\n")
    assert find_project(tmp_path).root == ROOT


def test_outside_of_projects_the_checkout_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_project().root == ROOT


def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend that the package is installed below ``tmp_path``."""
    package = tmp_path / "lib" / "python" / "site-packages" / "tinyproof"
    package.mkdir(parents=True)
    monkeypatch.setattr(module, "PACKAGE", package)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return package


def test_an_installed_package_keeps_its_state_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = installed(tmp_path, monkeypatch)
    (package / "_project").mkdir()
    make_project(package / "_project")
    found = find_project(tmp_path)
    assert found.root == package / "_project"
    assert found.state.is_relative_to(tmp_path / "cache")


def test_an_installation_without_firmware_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, monkeypatch)
    with pytest.raises(ToolchainError, match="carries no firmware"):
        find_project(tmp_path)


def test_init_lays_out_a_project_without_leftovers(tmp_path: Path) -> None:
    source = make_project(tmp_path / "source")
    add(source.fixtures / "digits" / "x.npz", "samples")
    add(source.fixtures / "golden" / "model.h", "kept")
    add(source.firmware / "include" / "model.h", "a manual build's")
    add(source.firmware / "__pycache__" / "prepare.pyc", "")
    add(source.state / "builds" / "x", "")
    dest = tmp_path / "deep" / "mine"
    made = init_project(dest, source=source)
    assert find_project(dest / "firmware") == made
    names = {path.relative_to(dest).as_posix() for path in dest.rglob("*") if path.is_file()}
    assert {"platformio.ini", ".gitignore", "firmware/prepare.py", "firmware/upload.py"} <= names
    assert {"fixtures/digits/x.npz", "fixtures/golden/model.h"} <= names
    assert "firmware/include/model.h" not in names
    assert not any("__pycache__" in name or ".tinyproof" in name for name in names)
    assert [path.name for path in dest.parent.iterdir()] == ["mine"]


def test_init_takes_an_empty_folder(tmp_path: Path) -> None:
    source = make_project(tmp_path / "source")
    (tmp_path / "mine").mkdir()
    assert init_project(tmp_path / "mine", source=source).platformio_ini.is_file()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_init_refuses_what_is_not_empty_and_leaves_it_alone(tmp_path: Path, kind: str) -> None:
    source = make_project(tmp_path / "source")
    dest = tmp_path / "mine"
    kept = dest / "kept" if kind == "folder" else dest
    add(kept, "kept")
    with pytest.raises(UsageError, match="not an empty folder"):
        init_project(dest, source=source)
    assert kept.read_text() == "kept"


def test_an_init_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_project(tmp_path / "source")

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copy2", fail)
    with pytest.raises(StorageError, match="disk is full"):
        init_project(tmp_path / "mine", source=source)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_init_in_the_current_folder_keeps_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    before = here.stat().st_ino
    init_project(Path())
    assert here.stat().st_ino == before
    assert find_project().root == here
