"""PlatformIO's process: its output told line by line, and no orphan however it ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mini_project import await_end

from tinyproof.errors import ToolchainError
from tinyproof.pio import child


def test_the_output_is_logged_and_told_line_by_line(tmp_path: Path) -> None:
    lines: list[str] = []
    code = child.run(
        ["sh", "-c", "echo one; echo two >&2; printf three; exit 7"],
        cwd=tmp_path,
        environment=os.environ,
        log=tmp_path / "log",
        on_line=lines.append,
    )
    assert code == 7
    assert lines == ["one", "two", "three"]
    assert (tmp_path / "log").read_text() == "one\ntwo\nthree"


def test_a_program_that_is_not_there_is_a_toolchain_error(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="Cannot start no-such-tool"):
        child.run(["no-such-tool"], cwd=tmp_path, environment=os.environ, log=tmp_path / "log")


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "], ids=["willing", "stubborn"])
def test_an_interruption_ends_the_whole_group(tmp_path: Path, trap: str) -> None:
    """The child starts a grandchild; both must be gone when the interruption is out."""
    script = f"{trap}sleep 600 & echo $! $$ > pids; echo ready; wait; sleep 600"

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        child.run(
            ["sh", "-c", script],
            cwd=tmp_path,
            environment=os.environ,
            log=tmp_path / "log",
            on_line=interrupt,
        )
    for pid in (tmp_path / "pids").read_text().split():
        await_end(int(pid))


def test_an_error_in_a_callback_ends_the_child_too(tmp_path: Path) -> None:
    def fail(line: str) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        child.run(
            ["sh", "-c", "echo $$; sleep 600"],
            cwd=tmp_path,
            environment=os.environ,
            log=tmp_path / "log",
            on_line=fail,
        )
    await_end(int((tmp_path / "log").read_text()))
