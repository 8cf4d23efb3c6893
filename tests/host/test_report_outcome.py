"""What a run comes to: the failure that decides, its sentence and the exit code."""

from __future__ import annotations

import dataclasses

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import BAD, GOOD, NEAR, OTHER, SILENT, SLOW, SMALL, full_result, judgement, result

from tinyproof.errors import ClockError, StorageError, TinyProofError, UsageError
from tinyproof.report import (
    Budget,
    BudgetClass,
    Memory,
    RunResult,
    decide,
    make_report,
    schema,
    to_dict,
)
from tinyproof.report.consistency import contradictions


@pytest.mark.parametrize(
    ("run", "kind", "code"),
    [
        (result(), None, 0),
        (result(judgement(GOOD, NEAR, k=1)), None, 0),
        (result(judgement(GOOD, NEAR)), "numeric", 1),
        (result(judgement(GOOD, BAD, k=1)), "numeric", 1),
        (result(judgement(GOOD, BAD, k=5)), None, 0),
        (result(judgement(GOOD, unstable={0})), "numeric", 1),
        (result(judgement(GOOD, None)), "port", 4),
        (result(judgement(GOOD), samples=2), "port", 4),
        (result(judgement(GOOD, None), error=SILENT), "port", 4),
        (result(judgement(BAD, None), error=SILENT), "numeric", 1),
        (result(judgement(BAD, None), error=OTHER), "identity", 3),
        (result(error=OTHER), "identity", 3),
        (result(error=UsageError("No.")), "usage", 2),
        (result(error=StorageError("Full.")), "storage", 4),
        (result(error=TinyProofError("Oh.")), "internal", 70),
        (result(judgement(), error=None), "internal", 70),
        (result(budgets=(SMALL,)), None, 0),
        (result(budgets=(SMALL, SLOW)), "latency", 1),
        (result(judgement(GOOD, None), budgets=(SLOW,)), "port", 4),
        (result(judgement(BAD), budgets=(SLOW,)), "numeric", 1),
        (result(budgets=(SLOW,), error=ClockError("Off.")), "clock", 3),
        (result(judgement(BAD), error=ClockError("Off.")), "numeric", 1),
    ],
)
def test_the_worst_failure_decides(run: RunResult, kind: str | None, code: int) -> None:
    failure, exit_code = decide(run)
    assert (failure.kind if failure else None, exit_code) == (kind, code)
    report = make_report(run)
    assert report.passed is (code == 0)
    jsonschema.validate(to_dict(report), schema())


ANSWERS = st.lists(st.sampled_from([GOOD, NEAR, BAD, None]), max_size=5)


@given(ANSWERS, st.none() | st.integers(0, 6), st.booleans(), st.booleans())
def test_nothing_passes_but_a_complete_and_right_run(
    answers: list[bytes | None], k: int | None, slow: bool, silent: bool
) -> None:
    judged = judgement(*answers, k=k)
    run = result(judged, budgets=(SLOW,) * slow, error=SILENT if silent else None)
    failure, code = decide(run)
    assert (failure is None) is (judged.passed and not slow and not silent)
    assert (code == 0) is (failure is None)
    assert not list(contradictions(make_report(run)))


def test_the_sentence_names_the_first_sample_and_what_it_got() -> None:
    failure, _ = decide(result(judgement(GOOD, NEAR, BAD)))
    assert failure is not None
    assert failure.sentence == ("2 of 3 answers are wrong, the first at sample 1 (1 LSB off).")
    failure, _ = decide(result(judgement(BAD, GOOD)))
    assert failure is not None
    assert failure.sentence == (
        "1 of 2 answers is wrong, the first at sample 0 (class 1 instead of 0, 5 LSB off)."
    )


def test_a_budget_is_met_at_its_limit_and_missed_when_unknown() -> None:
    most = Budget("flash", "bytes", 100, 100, BudgetClass.MEMORY)
    least = dataclasses.replace(most, at_least=True)
    assert most.met
    assert least.met
    assert not dataclasses.replace(most, measured=100.5).met
    assert not dataclasses.replace(least, measured=99.5).met
    assert not dataclasses.replace(most, measured=None).met


@pytest.mark.parametrize(("stack", "overrun"), [(285, False), (286, True), (None, False)])
def test_a_stack_that_grew_into_the_data_is_told_before_the_wrong_answers(
    stack: int | None, overrun: bool
) -> None:
    memory = Memory(static_ram=1762, stack=stack, ram_size=2048)
    report = make_report(dataclasses.replace(full_result(), memory=memory))
    assert report.exit_code == 1
    assert report.failure is not None
    assert report.failure.kind == ("memory" if overrun else "numeric")
    assert (report.latency_us is None) == overrun
    if overrun:
        assert "1,762 bytes of data and 286 of stack fill all 2,048" in report.failure.sentence
