"""A bench's health: a retry for what a cable can cause, then quarantine; none for wrong answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from runs import BAD, GOOD, judgement, result

from native_cli import INT8, assert_complains, call
from tinyproof import health, ports
from tinyproof.access import warn_of_quarantine
from tinyproof.errors import (
    BootError,
    BuildError,
    FlashError,
    IdentityError,
    PortCause,
    PortError,
    StorageError,
    TinyProofError,
    UsageError,
)
from tinyproof.health import run_on_bench
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.quarantine import Quarantine
from tinyproof.report import RunResult, decide
from tinyproof.run import RunOptions

PORT = "/dev/ttyACM7"
GONE = PortError("It vanished.", port=PORT)
BUSY = PortError("It is busy.", port=PORT, cause=PortCause.BUSY)
ABSENT = PortError("It does not exist.", port=PORT, cause=PortCause.ABSENT)
FORBIDDEN = PortError("No permission.", port=PORT, cause=PortCause.FORBIDDEN)
Bench = Callable[[Sequence[RunResult]], RunResult]


@pytest.fixture
def quarantine(tmp_path: Path) -> Quarantine:
    return Quarantine(tmp_path / "state" / "quarantine.json")


@pytest.fixture
def bench(quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Returns what a bench makes of runs that come to these results; all must be used."""

    def bench(results: Sequence[RunResult]) -> RunResult:
        left = list(results)
        monkeypatch.setattr(health, "run", lambda *_: left.pop(0))
        project: Any = None
        made = run_on_bench(project, RunOptions(port=PORT), Progress(), quarantine)
        assert not left
        return made

    return bench


def test_what_passes_is_not_tried_again(bench: Bench, quarantine: Quarantine) -> None:
    assert bench([result()]).events == ()
    assert quarantine.entries() == {}


@pytest.mark.parametrize("error", [GONE, BootError("It boots."), FlashError("It failed.")])
def test_a_failure_of_the_bench_is_tried_once_more_and_told(
    error: TinyProofError, bench: Bench, quarantine: Quarantine
) -> None:
    made = bench([result(error=error), result()])
    assert [event.kind for event in made.events] == ["retry"]
    assert error.sentence in made.events[0].text
    assert quarantine.entries() == {}


def test_a_board_that_fails_twice_goes_into_quarantine(
    bench: Bench, quarantine: Quarantine
) -> None:
    made = bench([result(error=GONE)] * 2)
    assert [event.kind for event in made.events] == ["retry", "quarantine"]
    assert quarantine.entries()[PORT].sentence == "It vanished."
    with pytest.raises(PortError, match="in quarantine since"):
        bench([])
    quarantine.release(PORT)
    assert bench([result()]).error is None


@pytest.mark.parametrize("error", [ABSENT, FORBIDDEN])
def test_a_port_that_is_not_there_or_not_ours_is_the_users_affair(
    error: PortError, bench: Bench, quarantine: Quarantine
) -> None:
    assert bench([result(error=error)]).events == ()
    assert quarantine.entries() == {}


@pytest.mark.parametrize("tries", [(BUSY, BUSY), (BUSY, GONE), (GONE, BUSY), (GONE, FORBIDDEN)])
def test_what_others_do_to_a_port_puts_no_board_into_quarantine(
    tries: tuple[PortError, ...], bench: Bench, quarantine: Quarantine
) -> None:
    made = bench([result(error=error) for error in tries])
    assert [event.kind for event in made.events] == ["retry"]
    assert quarantine.entries() == {}


def test_a_board_that_vanished_and_is_gone_is_told_by_what_it_did(
    bench: Bench, quarantine: Quarantine
) -> None:
    made = bench([result(judgement(GOOD, GOOD, None), error=GONE), result(error=ABSENT)])
    assert made.judgement is not None
    assert made.error is GONE
    retry, fenced = made.events
    assert "It vanished. (2 of 3 samples proved)" in retry.text
    assert "It does not exist. (0 of 3 samples proved)" in retry.text
    assert fenced.kind == "quarantine"
    assert quarantine.entries()[PORT].sentence == "It vanished."


def test_the_try_that_proved_more_is_reported(bench: Bench) -> None:
    few, more = judgement(GOOD, None, None), judgement(GOOD, GOOD, None)
    assert bench([result(more, error=GONE), result(few, error=GONE)]).judgement is more


def test_a_wrong_answer_in_the_second_try_outranks_whatever_the_first_proved(
    bench: Bench, quarantine: Quarantine
) -> None:
    wrong = judgement(BAD, None, None)
    made = bench([result(judgement(GOOD, GOOD, None), error=GONE), result(wrong, error=GONE)])
    assert made.judgement is wrong
    assert decide(made)[1] == 1
    assert quarantine.entries() == {}


def test_an_error_instead_of_a_second_try_takes_nothing_away(
    quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = result(judgement(GOOD, None), error=GONE)
    left = [first]

    def run(*_: object) -> RunResult:
        if left:
            return left.pop()
        raise UsageError("The model is gone.")

    monkeypatch.setattr(health, "run", run)
    project: Any = None
    made = run_on_bench(project, RunOptions(port=PORT), Progress(), quarantine)
    assert made.judgement is first.judgement
    assert "The model is gone." in made.events[0].text


def test_the_second_try_and_the_quarantine_are_told(
    quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    known: list[int] = []

    def run(*_: object) -> RunResult:
        known.append(len(told))
        return result(error=GONE)

    monkeypatch.setattr(health, "run", run)
    project: Any = None
    run_on_bench(project, RunOptions(port=PORT), Progress(), quarantine, told.append)
    assert known == [0, 1]
    assert told == [
        "tried once more after: It vanished.",
        f"the board {PORT} is now in quarantine; tinyproof boards --release {PORT}",
    ]


def test_a_board_that_left_is_known_by_its_number_and_tried_where_it_is(
    quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    attached = {PORT: "A1"}
    monkeypatch.setattr(ports, "serial_number", attached.get)
    monkeypatch.setattr(ports, "with_serial_number", {"A1": "/dev/ttyACM8"}.get)
    asked = []

    def run(_: object, options: RunOptions, __: object) -> RunResult:
        asked.append(options.port)
        attached.clear()
        return result(error=GONE)

    monkeypatch.setattr(health, "run", run)
    project: Any = None
    run_on_bench(project, RunOptions(port=PORT), Progress(), quarantine)
    assert asked == [PORT, "/dev/ttyACM8"]
    assert set(quarantine.entries()) == {"A1"}


@pytest.mark.parametrize("kept", ["first", "second"])
def test_the_wire_log_is_that_of_the_try_that_is_reported(
    kept: str, quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / "run.log"
    few, more = judgement(GOOD, None, None), judgement(GOOD, GOOD, None)
    left = [("first", more), ("second", few if kept == "first" else more)]

    def run(_: object, options: RunOptions, __: object) -> RunResult:
        name, judged = left.pop(0)
        assert options.wire_log
        options.wire_log.write_text(name)
        return result(judged, error=GONE)

    monkeypatch.setattr(health, "run", run)
    project: Any = None
    run_on_bench(project, RunOptions(port=PORT, wire_log=log), Progress(), quarantine)
    assert log.read_text() == kept


def test_everything_else_warns_of_a_board_in_quarantine_and_uses_it(
    quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinyproof.quarantine.default_file", lambda: quarantine.file)
    access: Any = SimpleNamespace(port=PORT, simulator=None)
    told: list[str] = []
    progress = Progress()
    monkeypatch.setattr(progress, "note", told.append)
    warn_of_quarantine(access, progress)
    assert told == []
    quarantine.add(PORT, "port", "It vanished.")
    warn_of_quarantine(access, progress)
    (line,) = told
    assert line.startswith(f"the board on {PORT} is in quarantine since ")
    assert "It vanished." in line
    quarantine.file.write_text("no list")
    warn_of_quarantine(access, progress)
    assert "cannot be read" in told[1]


@pytest.mark.parametrize(
    "failed",
    [
        result(judgement(GOOD, BAD)),
        result(judgement(GOOD, BAD), error=GONE),
        result(judgement(GOOD, BAD, None), error=GONE),
        result(error=IdentityError("model", wanted="a", got="b")),
        result(error=BuildError("no")),
        result(error=StorageError("full")),
    ],
    ids=["wrong", "wrong, then gone", "wrong and missing", "identity", "build", "disk"],
)
def test_nothing_else_is_ever_tried_away(failed: RunResult, bench: Bench) -> None:
    assert bench([failed]) is failed


def test_a_damaged_list_lets_no_board_pass(quarantine: Quarantine) -> None:
    quarantine.file.parent.mkdir()
    for content in ("", "[]", '{"a": 1}', '{"a": {}}', "[" * 100_000):
        quarantine.file.write_text(content)
        with pytest.raises(UsageError):
            quarantine.demand_free(PORT)


def test_words_of_a_board_are_kept_harmless(quarantine: Quarantine) -> None:
    quarantine.add(PORT, "boot", "\x1b[31m" + "x" * 10_000)
    kept = json.loads(quarantine.file.read_text())[PORT]["sentence"]
    assert "\x1b" not in kept
    assert len(kept) < 600


def test_boards_lists_and_releases(quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinyproof.quarantine.default_file", lambda: quarantine.file)
    assert "No board" in call("boards").out
    quarantine.add(PORT, "port", "It vanished.")
    assert PORT in call("boards").out
    assert_complains(call("run", "--port", PORT, "--quarantine"), 4, "in quarantine")
    assert call("boards", "--release", PORT).code == 0
    assert_complains(call("boards", "--release", PORT), 2, "not in quarantine")
    assert_complains(call("run", "--quarantine"), 2, "on a port")


@pytest.mark.parametrize("command", ["run", "verify"])
def test_commands_warn_on_stderr_before_they_use_the_board(
    command: str, project: Project, quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinyproof.quarantine.default_file", lambda: quarantine.file)
    quarantine.add(PORT, "port", "It vanished.")
    ended = call(
        command, "--model", INT8, "--port", PORT, *(["--random", "3"] * (command == "run"))
    )
    lines = [line for line in ended.err.splitlines() if line.startswith("tinyproof: ")]
    assert lines[0].startswith(f"tinyproof: the board on {PORT} is in quarantine since ")
    assert lines[1:] == [f"tinyproof: port: The port {PORT} does not exist."]
    assert ended.code == 4
