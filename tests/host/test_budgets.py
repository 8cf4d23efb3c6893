"""Budgets: where they come from, which wins, and what a missed one says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_cli import DIGITS_RUN, INT8, ROOT, SAMPLES, assert_complains, call, report_of
from tinyproof.budgets import (
    NAMES,
    Budgets,
    Measured,
    judge_budgets,
    measured,
    target_budgets,
    valid,
)
from tinyproof.cli.job import _BUDGETS
from tinyproof.errors import UsageError
from tinyproof.harness import open_session
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.report import BudgetClass, Memory
from tinyproof.report.outcome import missed
from tinyproof.samples import load_samples
from tinyproof.stats import Latency
from tinyproof.subject import given_or_fixture
from tinyproof.targets import _OWN_KEYS, Target, find_target
from tinyproof.tensors import TensorDescription
from tinyproof.verdict import Task, judge

LATENCY = Latency(100, 10.0, 20.0, 30.0, 40.0, 50.0, 5.0)
MEMORY = Memory(flash=12_000, static_ram=800, arena=172, stack=255)
FOUND = Measured(latency=LATENCY, memory=MEMORY, accuracy=0.95, max_lsb=2)
FIGURES = {
    "latency_p50_us": 20.0,
    "latency_p99_us": 40.0,
    "flash_bytes": 12_000,
    "static_ram_bytes": 800,
    "arena_bytes": 172,
    "stack_bytes": 255,
    "accuracy": 0.95,
    "max_lsb": 2,
}


def native(**options: str) -> Target:
    target = find_target(Project(ROOT, ROOT / ".tinyproof"), "native")
    named = {f"custom_tp_budget_{name}": value for name, value in options.items()}
    return replace(target, options={**target.options, **named})


@pytest.mark.parametrize("name", NAMES)
def test_a_budget_that_is_just_kept_is_met(name: str) -> None:
    (budget,) = judge_budgets(Budgets(**{name: FIGURES[name]}), FOUND)
    assert budget.met
    assert budget.measured == budget.limit == FIGURES[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_budget_that_is_passed_by_a_little_is_missed(name: str) -> None:
    by = 1e-6 if name == "accuracy" else -1e-6
    (budget,) = judge_budgets(Budgets(**{name: FIGURES[name] + by}), FOUND)
    assert not budget.met


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_that_is_not_known_misses_its_budget(name: str) -> None:
    (budget,) = judge_budgets(Budgets(**{name: 1}), Measured())
    assert budget.measured is None
    assert not budget.met


@pytest.mark.parametrize(
    ("name", "found", "hint"),
    [
        ("flash_bytes", FOUND, "Make the model cheaper"),
        ("accuracy", FOUND, "Mend the model"),
        ("accuracy", Measured(), "Accuracy needs labels"),
    ],
)
def test_the_next_step_suits_the_budget_that_is_missed(
    name: str, found: Measured, hint: str
) -> None:
    failure = missed(judge_budgets(Budgets(**{name: 1.0}), found))
    assert failure
    assert failure.hint.startswith(hint)


def test_each_budget_has_its_class() -> None:
    kinds = {b.name: b.kind for b in judge_budgets(Budgets(**FIGURES), FOUND)}
    assert kinds == {
        "p50 latency": BudgetClass.LATENCY,
        "p99 latency": BudgetClass.LATENCY,
        "flash": BudgetClass.MEMORY,
        "static RAM": BudgetClass.MEMORY,
        "arena": BudgetClass.MEMORY,
        "stack": BudgetClass.MEMORY,
        "accuracy": BudgetClass.NUMERIC,
        "largest error": BudgetClass.NUMERIC,
    }


def test_the_command_line_wins_over_the_target_budget_by_budget() -> None:
    ours = Budgets(flash_bytes=100)
    theirs = target_budgets(native(flash_bytes="200", accuracy="0.9"))
    assert ours.over(theirs) == Budgets(flash_bytes=100, accuracy=0.9)


def test_every_budget_has_its_option_and_its_key() -> None:
    assert {name for _, name, *_ in _BUDGETS} == set(NAMES)
    assert {key.removeprefix("budget_") for key in _OWN_KEYS if key.startswith("budget_")} == set(
        NAMES
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("flash_bytes", "many"),
        ("flash_bytes", "0"),
        ("latency_p99_us", "-1"),
        ("latency_p50_us", "nan"),
        ("accuracy", "95"),
        ("max_lsb", "inf"),
    ],
)
def test_a_target_cannot_set_nonsense(name: str, text: str) -> None:
    with pytest.raises(UsageError, match=f"custom_tp_budget_{name} is '{text}'"):
        target_budgets(native(**{name: text}))


@pytest.mark.parametrize("limit", [True, "1", None, float("nan"), 10**400, -1, [1]])
def test_what_is_no_limit_is_not_valid(limit: object) -> None:
    assert not valid("max_lsb", limit)
    assert not valid("nothing", 1)


def test_float_outputs_have_no_lsb_and_tensors_no_accuracy() -> None:
    outputs = [TensorDescription("out", np.dtype(np.float32), (1, 2))]
    one = np.array([1, 2], np.float32).tobytes()
    found = measured(judge(outputs, [one], [one], task=Task.TENSOR), np.array([1]), outputs, None)
    assert (found.max_lsb, found.accuracy) == (None, None)


def test_labels_give_an_accuracy_and_integers_an_lsb() -> None:
    outputs = [TensorDescription("out", np.dtype(np.int8), (1, 2), 0.5, 0)]
    judgement = judge(
        outputs, [b"\1\2"] * 2, [b"\1\2", b"\1\4"], task=Task.CLASSIFICATION, tolerance_lsb=2
    )
    found = measured(judgement, np.array([1, 0]), outputs, LATENCY, MEMORY)
    assert (found.max_lsb, found.accuracy) == (2, 0.5)


def test_a_run_keeps_to_the_budgets_of_its_target(
    project: Project, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = native(flash_bytes="1000", arena_bytes="1000")
    monkeypatch.setattr("tinyproof.run.find_target", lambda *_: found)
    ended = call(*DIGITS_RUN, "--out", out)
    report = report_of(out)
    assert ended.code == report["exit_code"] == 1
    assert [(b["name"], b["limit"]) for b in report["budgets"]] == [
        ("flash", 1000),
        ("arena", 1000),
    ]
    assert report["failure"]["class"] == "memory"
    assert call(*DIGITS_RUN, "--out", out, "--max-flash", "10000000").code == 0


def test_verify_judges_the_budgets_that_need_no_sample_and_names_the_others(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = native(flash_bytes="1000", latency_p99_us="1000")
    monkeypatch.setattr("tinyproof.targets.find_target", lambda *_: found)
    ended = call("verify", "--model", INT8)
    assert_complains(ended, 1, "memory: The flash is", "the budget is at most 1,000 bytes")
    assert "Not judged without samples: p99 latency." in ended.out


def test_a_stream_of_the_plugins_board_is_held_to_the_budgets_of_its_target(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = native(flash_bytes="1000", stack_bytes="60000", latency_p99_us="0.001")
    monkeypatch.setattr("tinyproof.harness.find_target", lambda *_: found)
    subject = given_or_fixture(project, INT8, SAMPLES)
    given = Budgets(latency_p99_us=1e9)
    with open_session(project, subject, Progress(), target="native", budgets=given) as board:
        samples = board.prepare(load_samples(SAMPLES))
        held = board.verify(samples)
        free = replace(board, budgets=Budgets()).verify(samples)
    assert held.counts() == free.counts()
    assert [budget.name for budget in held.budgets] == ["p99 latency", "flash", "stack"]
    (clause,) = held.missed
    assert "the budget is at most 1,000 bytes" in clause
    assert repr(held) == f"<359 exact. {clause}>"
    assert (held.passed, free.passed) == (False, True)


@pytest.mark.parametrize("option", ["--max-latency-us", "--max-p50-us", "--min-accuracy"])
@pytest.mark.parametrize("limit", ["nan", "inf"])
def test_a_limit_that_is_no_number_is_refused(option: str, limit: str) -> None:
    ended = call(*DIGITS_RUN, option, limit)
    assert ended.code == 2, ended
    assert option in ended.err


def test_missed_budgets_end_a_proved_run_with_1_and_the_figure(project: Project, out: Path) -> None:
    limits = ("--max-flash", "1000", "--max-arena", "171", "--min-accuracy", "0.94")
    ended = call(*DIGITS_RUN, "--out", out, *limits, "--max-lsb", "0")
    report = report_of(out)
    assert ended.code == report["exit_code"] == 1
    assert report["failure"]["class"] == "memory"
    assert [b["name"] for b in report["budgets"]] == [
        "flash", "arena", "accuracy", "largest error"
    ]  # fmt: skip
    assert f"flash is {report['memory']['flash']:,} bytes" in ended.err
    assert "at most 1,000 bytes (1 more budget missed)" in ended.err
