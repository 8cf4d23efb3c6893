"""Holds a run against an earlier one: what got slower, larger or wrong, beyond noise. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tinyproof.compare.figures import is_bench, rows
from tinyproof.compare.model import Change, Comparison, Row
from tinyproof.compare.refuse import check_comparable
from tinyproof.errors import UsageError
from tinyproof.report import Report

__all__ = ["Change", "Comparison", "Row", "compare"]


def compare(old: Report, new: Report, *, allow_percent: float = 0.0) -> Comparison:
    """Return what became of each figure from ``old`` to ``new``.

    Args:
        old: the baseline.
        new: the run to judge.
        allow_percent: how much worse, in per cent of the old value, times, sizes and throughput
            may be before that counts; verdicts and accuracy get no such allowance.

    Raises:
        IncomparableError: they differ in what must be equal for that to mean anything.
        UsageError: an allowance that would excuse everything.
    """
    if not math.isfinite(allow_percent):
        raise UsageError(
            f"An allowance of {allow_percent} per cent is no limit.", hint="Give a number."
        )
    check_comparable(old, new)
    found = tuple(rows(old, new, allow_percent / 100))
    return Comparison(
        target=new.target,
        engine=new.engine,
        model=new.model.name,
        old=_label(old),
        new=_label(new),
        rows=found,
        notes=(*_notes(old, new), *_lost(found)),
    )


def _label(report: Report) -> str:
    if report.git is None:
        return report.date
    return f"{report.date}, {report.git.commit[:12]}{'+' if report.git.dirty else ''}"


def _lost(found: Sequence[Row]) -> Iterator[str]:
    """Yield what the older run knew and the newer does not: nobody watches it any more."""
    names = [row.name for row in found if row.old is not None and row.new is None]
    if names:
        yield f"Not measured any more, so not judged: {', '.join(names)}."


def _notes(old: Report, new: Report) -> Iterator[str]:
    """Yield what differs without making the runs incomparable."""
    if old.build.compiler != new.build.compiler:
        yield f"Another compiler: {old.build.compiler} before, {new.build.compiler} now."
    if old.engine_version != new.engine_version:
        yield f"Another engine version: {old.engine_version} before, {new.engine_version} now."
    if is_bench(old) != is_bench(new):
        yield (
            "One report is of run, the other of bench, whose p50 and p99 are measured otherwise: "
            "they are not judged, the quiet latency is."
        )
    if not old.passed:
        yield "The older run was not proved: it is no good baseline."
    if new.failure and not new.passed:
        yield f"The newer run was not proved: {new.failure.sentence}"
