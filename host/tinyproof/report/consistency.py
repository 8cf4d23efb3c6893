"""Finds what in a report contradicts the rest of it: only an edited one says both yes and no."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from tinyproof.report.model import Report
from tinyproof.text import count
from tinyproof.verdict import Verdict

_AGAINST = (Verdict.WRONG, Verdict.UNSTABLE, Verdict.MISSING)
"""No run passes with one of these."""
_NEVER_NEGATIVE = {
    "samples", "count", "n", "bytes", "macs", "elements", "duration_s", "tick_hz", "baud",
    "flash", "static_ram", "arena", "stack", "arena_reserved", "free_ram", "flash_size",
    "ram_size", "min", "p50", "p90", "p99", "max", "quiet_latency_us", "samples_per_s",
    "limit_samples_per_s", "ticks", "ticks_min", "ticks_max",
}  # fmt: skip
"""Fields that are counts, bytes or times, in whatever part of the report."""


def contradictions(report: Report) -> Iterator[str]:
    """Yield a clause for each contradiction; none of a report as a run wrote it."""
    yield from _negative(report, "report")
    yield from _miscounted(report)
    if report.passed is not (report.failure is None):
        yield f"passed is {_json(report.passed)} {_with(report.failure)}"
    if report.passed is not (report.exit_code == 0):
        yield f"passed is {_json(report.passed)} with exit code {report.exit_code}"
    if report.passed:
        yield from _against(report)


def _negative(value: Any, where: str) -> Iterator[str]:
    """Yield figures below 0 that no measurement gives."""
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _negative(item, f"{where}[{index}]")
    if not dataclasses.is_dataclass(value):
        return
    for field in dataclasses.fields(value):
        inner, place = getattr(value, field.name), f"{where}.{field.name}"
        if field.name in _NEVER_NEGATIVE and isinstance(inner, int | float) and inner < 0:
            yield f"{place} is {inner}"
        yield from _negative(inner, place)


def _miscounted(report: Report) -> Iterator[str]:
    unknown = [verdict.value for verdict in Verdict if verdict.value not in report.verdicts]
    if unknown:
        yield f"the verdict {unknown[0]} is not counted"
    yield from (f"{n} answers are {name}" for name, n in report.verdicts.items() if n < 0)
    total = sum(report.verdicts.values())
    if total != report.samples:
        yield f"it has verdicts of {total:,} of {count(report.samples, 'sample')}"


def _against(report: Report) -> Iterator[str]:
    """Yield what a run that passed cannot have."""
    for verdict in _AGAINST:
        if n := report.verdicts.get(verdict.value, 0):
            yield f"passed is true with {count(n, f'{verdict.value} answer')}"
    if not report.samples:
        yield "passed is true with no sample"
    for budget in report.budgets:
        if not budget.met:
            yield f"passed is true, and the budget of {budget.name} is missed"


def _json(value: bool) -> str:
    return "true" if value else "false"


def _with(failure: object) -> str:
    return "with a failure" if failure else "without a failure"
