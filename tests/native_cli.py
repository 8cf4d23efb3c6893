"""The command line on a project of the tests' own: in this process, or as a process to be ended."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyproof.cli import main
from tinyproof.project import Project, init_project

ROOT = Path(__file__).resolve().parents[1]
DIGITS = ROOT / "fixtures" / "digits"
INT8 = DIGITS / "int8.tflite"
FLOAT32 = DIGITS / "float32.tflite"
SAMPLES = DIGITS / "test.npz"
DIGITS_RUN = ("run", "--model", str(INT8), "--samples", str(SAMPLES))
"""The main job without a training."""
LONG_RUN = ("run", "--model", str(INT8), "--random", "50000")
"""A run that streams for seconds."""
REPORT_FILES = {"report.json", "evidence.npz", "report.html", "report.md", "junit.xml"}
"""What a run leaves in the folder that --out names."""


def lay_out(folder: Path) -> Project:
    """Lay out a copy of the project that tests may change."""
    return init_project(folder, source=Project(ROOT, ROOT / ".tinyproof"))


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def call(*arguments: str | Path) -> Ended:
    """Run ``tinyproof ARGUMENTS`` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Ended(code, out.getvalue(), err.getvalue())


def assert_complains(ended: Ended, code: int, *words: str) -> None:
    """Hold an error against the rules: its exit code, one sentence and one next step on stderr."""
    assert ended.code == code, ended
    lines = ended.err.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("tinyproof: "))
    assert [line[:8] for line in lines[at:]] == ["tinyproo", "  next: "], ended.err
    assert "Traceback" not in ended.err
    for word in words:
        assert word in "\n".join(lines[at:])


def report_of(folder: Path) -> dict[str, Any]:
    """Return what ``report.json`` in ``folder`` says."""
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report


class Command:
    """``tinyproof`` as a process; a mark in the environment tells all its descendants.

    Attributes:
        process: leads a session of its own.
    """

    def __init__(
        self,
        *arguments: str | Path,
        cwd: Path,
        program: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it; ``program`` is a Python file to run in place of the package."""
        self._mark = f"TINYPROOF_TEST_MARK={os.urandom(8).hex()}"
        name, _, value = self._mark.partition("=")
        start = [str(program)] if program else ["-m", "tinyproof"]
        self.process = subprocess.Popen(
            [sys.executable, *start, *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, **(environment or {}), name: value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def await_line(self, beginning: str) -> None:
        """Wait until it has written such a line on stderr."""
        assert self.process.stderr
        said = []
        for line in self.process.stderr:
            if line.startswith(beginning):
                return
            said.append(line)
        raise AssertionError(f"It ended without saying {beginning!r}, but: {said}")

    def end(self) -> Ended:
        """Wait for its end; everything read before is left out."""
        out, err = self.process.communicate()
        return Ended(self.process.returncode, out, err)

    def descendants(self) -> list[int]:
        """Return the processes alive that it started, directly or not, itself excluded."""
        return [pid for pid in self._marked() if pid != self.process.pid]

    def _marked(self) -> Iterator[int]:
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    yield int(folder.name)
            except OSError:
                continue  # Not ours, or just gone.

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave nothing behind, whatever the test found."""
        for pid in list(self._marked()):
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
        self.process.communicate()


def forget_builds(project: Project) -> None:
    """Have the next run build anew."""
    shutil.rmtree(project.state / "builds", ignore_errors=True)
