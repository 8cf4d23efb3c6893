"""The workflow that builds every board where PlatformIO is online: its scripts are run.

What GitHub does with them is played: the environment, the file of outputs, and a ``pio`` that only
writes down how it was called.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from mini_project import ROOT

from native_cli import lay_out
from tinyproof.project import Project, find_project
from tinyproof.targets import load_targets

WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "boards.yml").read_text())
PIO = """#!/bin/sh
echo "$TINYPROOF_ENGINE $*" > called
"""


def script(job: str, name: str) -> dict[str, Any]:
    """Return the step of this name."""
    steps = WORKFLOW["jobs"][job]["steps"]
    return next(step for step in steps if step.get("name", "").startswith(name))


def run(step: dict[str, Any], folder: Path, **environment: str) -> None:
    """Run a step as GitHub does where the shell is bash, in ``folder``."""
    tools = f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = os.environ | environment | {"PATH": tools}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(shell, cwd=folder, env=own, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = lay_out(tmp_path_factory.mktemp("boards") / "checkout")
    (project.root / "pio").write_text(PIO)
    (project.root / "pio").chmod(0o755)
    return project


def test_every_board_is_built_with_each_of_its_engines(checkout: Project, tmp_path: Path) -> None:
    assert WORKFLOW["defaults"]["run"]["shell"] == "bash"
    out = tmp_path / "output"
    run(script("list", "Every target"), checkout.root, GITHUB_OUTPUT=str(out))
    (line,) = out.read_text().splitlines()
    name, _, matrix = line.partition("=")
    listed = [(build["target"], build["engine"]) for build in json.loads(matrix)["include"]]
    boards = [board for board in load_targets(find_project(ROOT)).values() if not board.hosted]
    assert listed == [(board.name, engine) for board in boards for engine in board.engines]
    assert len(listed) > len(boards) >= 12
    assert WORKFLOW["jobs"]["list"]["outputs"]["matrix"] == f"${{{{ steps.list.outputs.{name} }}}}"
    assert WORKFLOW["jobs"]["build"]["strategy"]["matrix"] == (
        f"${{{{ fromJSON(needs.list.outputs.{name}) }}}}"
    )


@pytest.mark.parametrize("engine", ["aot", "tflm"])
def test_a_build_generates_its_model_and_calls_platformio(checkout: Project, engine: str) -> None:
    step = script("build", "Build")
    given = {"TARGET": "esp32dev", "TINYPROOF_ENGINE": engine}
    assert step["env"].keys() == given.keys()
    run(step, checkout.root, **given)
    assert (checkout.root / "called").read_text() == f"{engine} run -e esp32dev\n"
    header = (checkout.root / "firmware" / "include" / "model.h").read_text()
    assert ("is for engine tflm" in header) is (engine == "tflm")


def test_no_build_without_an_image_passes() -> None:
    (upload,) = (step for step in WORKFLOW["jobs"]["build"]["steps"] if "upload" in str(step))
    assert upload["with"]["if-no-files-found"] == "error"
    assert upload["with"]["include-hidden-files"] is True, "PlatformIO builds in .pio"
    assert all(path.startswith(".pio/build/") for path in upload["with"]["path"].splitlines())


def test_expressions_stay_out_of_scripts() -> None:
    """What a folder is named would be run as a command otherwise."""
    for job in WORKFLOW["jobs"].values():
        for step in job["steps"]:
            assert not re.search(r"\$\{\{", step.get("run", ""))
