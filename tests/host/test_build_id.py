"""The build id: everything that a build is made of is in it, and nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from mini_project import ENGINE, HEADER, add, library, make_project

from tinyproof.build import build_header, build_id
from tinyproof.project import Project
from tinyproof.targets import find_target
from tools import require_tool

Change = Callable[[Project], object]
CHANGES: dict[str, Change] = {
    "source": lambda p: add(p.firmware / "src" / "more.c", "typedef int more;\n"),
    "library": lambda p: library(p.root, "engine_aot", "engine.c", ENGINE % 3),
    "header": lambda p: add(p.firmware / "include" / "port.h", "#define PORT_H 8\n"),
    "configuration": lambda p: p.platformio_ini.write_text(p.platformio_ini.read_text() + "; x\n"),
    "target": lambda p: add(p.firmware / "targets" / "native" / "notes.txt", "x"),
    "name": lambda p: (p.firmware / "src" / "main.cpp").rename(p.firmware / "src" / "start.cpp"),
}


def identity(project: Project, **changed: str) -> bytes:
    values = {"target": "native", "engine": "aot", "header": HEADER, "tools": "gcc 12"} | changed
    target = find_target(project, values.pop("target"))
    return build_id(project, target, **values)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_change_of_an_ingredient_changes_the_id(tmp_path: Path, change: Change) -> None:
    project = make_project(tmp_path)
    before = identity(project)
    assert identity(project) == before
    change(project)
    assert identity(project) != before


@pytest.mark.parametrize(
    "changed", [{"engine": "tflm"}, {"header": ""}, {"tools": "gcc 13"}, {"target": "native_asan"}]
)
def test_engine_model_compiler_and_target_are_part_of_the_id(
    tmp_path: Path, changed: dict[str, str]
) -> None:
    project = make_project(tmp_path)
    assert identity(project, **changed) != identity(project)


def test_what_is_not_built_from_is_not_part_of_the_id(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    before = identity(project)
    add(project.firmware / "include" / "model.h", "a manual build's")
    add(project.firmware / "__pycache__" / "prepare.pyc", "x")
    add(project.firmware / "src" / ".main.cpp.swp", "x")
    add(project.root / "README.md", "x")
    assert identity(project) == before


def test_what_a_link_leads_to_is_part_of_the_id(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    source = tmp_path / "shared" / "deep" / "more.c"
    add(source, "typedef int more;\n")
    (project.firmware / "lib" / "shared").symlink_to(tmp_path / "shared")
    before = identity(project)
    source.write_text("typedef long more;\n")
    assert identity(project) != before


def test_links_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    before = identity(project)
    (project.firmware / "lib" / "circle").symlink_to(project.firmware)
    (project.firmware / "src" / "nowhere").symlink_to(tmp_path / "nowhere")
    assert identity(project) == before


def test_the_id_does_not_depend_on_where_the_project_lies(tmp_path: Path) -> None:
    one, two = make_project(tmp_path / "one"), make_project(tmp_path / "two deep" / "x")
    assert identity(one) == identity(two)


def test_parts_do_not_run_into_each_other(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert identity(project, header="ab", tools="c") != identity(project, header="a", tools="bc")


def test_the_generated_header_is_c(tmp_path: Path) -> None:
    require_tool("gcc")
    number = bytes(range(240, 256))
    text = build_header(number) + "const unsigned char id[16] = TP_BUILD_ID;\n"
    done = subprocess.run(["gcc", "-x", "c", "-S", "-o", "-", "-"], input=text.encode(), check=True)
    assert done.returncode == 0
    assert ", ".join(f"0x{byte:02x}" for byte in number) in text
