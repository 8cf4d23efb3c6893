"""Stopped at every stage: exit 130, no process left, no half-written file, and a good rerun."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from native_cli import (
    DIGITS_RUN,
    INT8,
    LONG_RUN,
    REPORT_FILES,
    SAMPLES,
    Command,
    forget_builds,
    report_of,
)
from tinyproof.project import Project

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
PAUSED = """
import importlib, sys, time

def pause(*_, **__):
    print("reached", file=sys.stderr, flush=True)
    time.sleep(600)

place, *arguments = sys.argv[1:]
module, _, name = place.partition(":")
owner = importlib.import_module(module)
*path, last = name.split(".")
for part in path:
    owner = getattr(owner, part)
setattr(owner, last, pause)

from tinyproof.cli import main
sys.exit(main(arguments))
"""
"""The command line, with one function that never returns."""

STAGES = {
    "train": "tinyproof.subject:train",
    "generate": "tinyproof.firmware:generate",
    "samples": "tinyproof.run:prepare",
    "start": "tinyproof.simulators.process:ProcessLink._wait_for_port",
    "connect": "tinyproof.device:Device.hello",
    "stream": "tinyproof.harness:Board.stream",
    "compare": "tinyproof.run:judge",
    "report": "tinyproof.storage:os.fsync",
    "show": "tinyproof.report:render",
}
"""By stage: a function that is at work in it."""


@pytest.fixture(scope="module")
def paused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that pauses."""
    program = tmp_path_factory.mktemp("paused") / "paused.py"
    program.write_text(PAUSED)
    return program


def assert_stopped(run: Command, out: Path, number: int) -> None:
    """End a command and hold what it leaves against the rules."""
    run.process.send_signal(number)
    ended = run.end()
    assert ended.code == 130, ended
    assert ended.err.strip().endswith("everything that was started has been ended.")
    assert "Traceback" not in ended.err
    assert run.descendants() == []
    assert {file.name for file in out.rglob("*")} <= REPORT_FILES


def assert_runs_again(project: Project, out: Path) -> None:
    with Command(*DIGITS_RUN, "--out", out, cwd=project.root) as run:
        ended = run.end()
    assert ended.code == 0, ended
    assert report_of(out)["verdicts"]["exact"] == 359
    assert not [file for file in project.state.rglob("*.tmp") if "report" in str(file)]


@pytest.mark.parametrize("number", SIGNALS[:2], ids=lambda number: number.name)
@pytest.mark.parametrize("stage", STAGES)
def test_a_run_stopped_at(
    stage: str, number: signal.Signals, project: Project, paused: Path, out: Path
) -> None:
    given = () if stage == "train" else DIGITS_RUN[1:]
    command = (STAGES[stage], "run", *given, "--out", out)
    with Command(*command, cwd=project.root, program=paused) as run:
        run.await_line("reached")
        assert_stopped(run, out, number)
    if stage == "report":
        assert_runs_again(project, out)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_run_stopped_while_the_board_answers(
    number: signal.Signals, project: Project, out: Path
) -> None:
    with Command(*LONG_RUN, "--out", out, cwd=project.root) as run:
        run.await_line("connect")
        assert run.descendants()  # The program, and LiteRT if it is still at work.
        assert_stopped(run, out, number)
    assert not (out / "report.json").exists()


SLOW_COMPILER = f"""#!{sys.executable}
import os, sys, time
from pathlib import Path
place = Path(__file__).parent
if "--version" not in sys.argv and not (place / "begun").exists():
    (place / "begun").touch()
    time.sleep(600)
name = Path(sys.argv[0]).name
os.execvp(name, [name, *sys.argv[1:]])
"""
"""The real compiler, behind a first call that never ends."""


@pytest.mark.parametrize("number", SIGNALS[:2], ids=lambda number: number.name)
def test_a_build_stopped_while_the_compiler_works(
    number: signal.Signals, project: Project, tmp_path: Path, out: Path
) -> None:
    forget_builds(project)  # This compiler calls itself by the version of the real one.
    compilers = {"CC": tmp_path / "gcc", "CXX": tmp_path / "g++"}
    for path in compilers.values():
        path.write_text(SLOW_COMPILER)
        path.chmod(0o755)
    command = ("run", "--model", INT8, "--samples", SAMPLES, "--out", out)
    environment = {name: str(path) for name, path in compilers.items()}
    with Command(*command, cwd=project.root, environment=environment) as run:
        run.await_line("generate")
        while not (tmp_path / "begun").exists():
            assert run.process.poll() is None
            time.sleep(0.01)
        assert len(run.descendants()) > 2  # PlatformIO, the compiler, LiteRT.
        assert_stopped(run, out, number)
    with Command(*command, cwd=project.root, environment=environment) as run:
        ended = run.end()
    assert ended.code == 0, ended
    assert report_of(out)["verdicts"]["exact"] == 359


def test_an_interrupt_on_the_terminal_reaches_all_and_ends_all_once(
    project: Project, out: Path
) -> None:
    # Ctrl-C signals the whole foreground group, the command and whatever is in its group.
    with Command(*LONG_RUN, "--out", out, cwd=project.root) as run:
        run.await_line("connect")
        os.killpg(run.process.pid, signal.SIGINT)
        ended = run.end()
        assert ended.code == 130, ended
        assert ended.err.count("interrupted: ") == 1
        assert run.descendants() == []


def test_a_run_that_is_killed_leaves_no_process_behind(project: Project, out: Path) -> None:
    with Command(*LONG_RUN, "--out", out, cwd=project.root) as run:
        run.await_line("connect")
        assert run.descendants()
        run.process.kill()
        run.end()
        while run.descendants():  # They notice by themselves; the test's time limit guards.
            time.sleep(0.01)
    assert_runs_again(project, out)


def test_an_interrupt_while_the_command_still_loads_shows_no_trace(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    loading = tmp_path / "loading.py"
    loading.write_text("import sys\nfrom tinyproof.__main__ import main\nsys.exit(main())\n")
    with Command("run", cwd=tmp_path, program=loading) as run:
        ended = run.end()
    assert (ended.code, ended.out) == (130, "")
    assert ended.err == "tinyproof: interrupted: Stopped before anything was started.\n"
