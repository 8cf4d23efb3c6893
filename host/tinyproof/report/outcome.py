"""Decides what a run's result amounts to: passed or the worst failure, and the exit code."""

from __future__ import annotations

import numpy as np

from tinyproof.errors import ClockError, RefusedError, TinyProofError
from tinyproof.report.parts import Budget, BudgetClass, Failure, Memory
from tinyproof.report.result import RunResult
from tinyproof.text import count
from tinyproof.verdict import Judgement, SampleVerdict, Task, Verdict

EXIT_PROVED = 0
EXIT_DISAGREES = 1
EXIT_NOTHING_PROVED = 4

LOOK = "Look at the samples that differ, in report.html."
"""The next step after wrong answers; that page itself leaves it out."""

_FAULTS = (Verdict.WRONG, Verdict.UNSTABLE, Verdict.TIE, Verdict.CLOSE)
"""Disagreements, worst first; the last two only where no tolerance excuses them."""


def decide(result: RunResult) -> tuple[Failure | None, int]:
    """Return the worst failure, None if the run passed, and the exit code.

    From worst to least: answers of unknown origin (refused), a stack that overwrote data, answers
    that differ, whatever ended the run early, samples without an answer, missed budgets. So wrong
    answers outrank missing ones.
    """
    error = result.error
    if isinstance(error, RefusedError) and not isinstance(error, ClockError):
        return Failure(error.failure, error.sentence, error.hint), error.exit_code
    if failure := _overrun(result.memory):
        return failure, EXIT_DISAGREES
    if result.judgement is not None and (failure := _disagreement(result.judgement)):
        return failure, EXIT_DISAGREES
    if error is not None:
        return Failure(error.failure, error.sentence, error.hint), error.exit_code
    if result.judgement is None or not len(result.judgement):
        internal = TinyProofError("The run ended without comparing a single answer.")
        return Failure(internal.failure, internal.sentence), internal.exit_code
    if failure := _incomplete(result.judgement, result.samples):
        return failure, EXIT_NOTHING_PROVED
    if failure := missed(result.budgets):
        return failure, EXIT_DISAGREES
    return None, EXIT_PROVED


def _overrun(memory: Memory) -> Failure | None:
    """Return why nothing that the board said can be trusted: its stack ran into its data."""
    if not memory.is_overrun:
        return None
    return Failure(
        "memory",
        f"The stack grew into static data: {memory.static_ram:,} bytes of data and "
        f"{memory.stack:,} of stack fill all {memory.ram_size:,} bytes of RAM.",
        "Take a smaller model or a board with more RAM: tinyproof check --target all.",
    )


def _disagreement(judgement: Judgement) -> Failure | None:
    for verdict in _FAULTS:
        indices = np.intersect1d(judgement.which(verdict), np.flatnonzero(judgement.failing))
        if len(indices):
            first = int(indices[0])
            found = f"{len(indices):,} of {count(len(judgement), 'answer')}"
            verb = "is" if len(indices) == 1 else "are"
            detail = describe(judgement[first], judgement.task)
            word = "tied" if verdict is Verdict.TIE else verdict.value
            sentence = f"{found} {verb} {word}, the first at sample {first} ({detail})."
            return Failure("numeric", sentence, _hint(verdict))
    return None


def describe(sample: SampleVerdict, task: Task) -> str:
    """Return a clause such as ``class 8 instead of 3, 12 LSB off``."""
    parts = []
    if task is Task.CLASSIFICATION and sample.got >= 0 and sample.got != sample.wanted:
        parts.append(f"class {sample.got} instead of {sample.wanted}")
    if sample.lsb_error > 0:
        parts.append(f"{sample.lsb_error} LSB off")
    if sample.relative_error > 0:
        parts.append(f"relative error {sample.relative_error:.2g}")
    if sample.lsb_error < 0:
        parts.append("the answer has the wrong length")
    return ", ".join(parts) or "the same input gave different answers"


def _hint(verdict: Verdict) -> str:
    if verdict is Verdict.UNSTABLE:
        return "Look for memory that is read before it is written."
    if verdict in (Verdict.TIE, Verdict.CLOSE):
        return "If such differences are acceptable, say how large with --tolerance-lsb."
    return LOOK


def _incomplete(judgement: Judgement, samples: int) -> Failure | None:
    missing = judgement.which(Verdict.MISSING)
    absent = len(missing) + samples - len(judgement)
    if not absent:
        return None
    first = int(missing[0]) if len(missing) else len(judgement)
    verb = "has" if absent == 1 else "have"
    return Failure(
        "port",
        f"{absent:,} of {count(samples, 'sample')} {verb} no answer, the first is sample {first}.",
        "Check cable and power, then run again.",
    )


def missed(budgets: tuple[Budget, ...]) -> Failure | None:
    """Return the first budget that is missed and how many more are; None if all are met."""
    found = [budget for budget in budgets if not budget.met]
    if not found:
        return None
    more = f" ({count(len(found) - 1, 'more budget')} missed)" if len(found) > 1 else ""
    sentence = f"{budget_clause(found[0])}{more}."
    return Failure(found[0].kind.value, sentence, _way_out(found[0]))


def _way_out(budget: Budget) -> str:
    if budget.measured is None:
        needs = "Accuracy needs labels, LSB needs integer outputs, stack a port that measures it"
        return f"{needs}; or do without this budget."
    if budget.kind is BudgetClass.NUMERIC:
        return "Mend the model, or change the budget."
    return "Make the model cheaper, or the budget larger."


def budget_clause(budget: Budget) -> str:
    """Return a clause such as ``The p99 latency is 120 us, the budget is at most 100 us``."""
    unit = f" {budget.unit}" if budget.unit else ""
    got = "unknown" if budget.measured is None else f"{budget.measured:,.6g}{unit}"
    side = "at least" if budget.at_least else "at most"
    return f"The {budget.name} is {got}, the budget is {side} {budget.limit:,.6g}{unit}"
