"""A bench's health: a retry for what a cable can cause, then quarantine; none for wrong answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from test_report import BAD, GOOD, judgement, result

from native_cli import assert_complains, call
from tinyproof import health
from tinyproof.errors import (
    BootError,
    BuildError,
    FlashError,
    IdentityError,
    PortError,
    StorageError,
    TinyProofError,
    UsageError,
)
from tinyproof.health import run_on_bench
from tinyproof.progress import Progress
from tinyproof.quarantine import Quarantine
from tinyproof.report import RunResult
from tinyproof.run import RunOptions

PORT = "/dev/ttyACM7"
GONE = PortError("It vanished.", port=PORT)
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
