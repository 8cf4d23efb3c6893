"""Whether two runs can be compared at all: only what a change of the build can cause may differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tinyproof.compare.model import figure
from tinyproof.errors import IncomparableError
from tinyproof.report import ClockStatus, Limit, ModelInfo, Provenance, Report

SAME_LINE = 0.01
"""Limits of the line that differ by more than this share belong to different speeds."""


def check_comparable(old: Report, new: Report) -> None:
    """Check that both runs put the same to the test, in the same way.

    Raises:
        IncomparableError: they do not; names everything that differs.
    """
    for name, report in (("older", old), ("newer", new)):
        if not report.samples_sha256 or report.tick_hz <= 0:
            why = f": {report.failure.sentence}" if report.failure else "."
            raise IncomparableError(
                f"The {name} run ended before it measured anything{why}",
                hint="Run it again, then compare.",
            )
        if report.clock and report.clock.status is ClockStatus.OFF:
            raise IncomparableError(
                f"The clock of the board in the {name} run was off, so its latencies mean nothing.",
                hint="Run it on a board whose clock is right, then compare.",
            )
    _check_equal(_conditions(old, new))


def check_planned(
    old: Report, *, model: ModelInfo, target: str, engine: str, provenance: Provenance
) -> None:
    """Check what is known of a run before it begins.

    Raises:
        IncomparableError: it cannot be compared with ``old``, whatever comes of it.
    """
    _check_equal(
        [
            *_models(old.model, model),
            ("target", old.target, target),
            ("engine", old.engine, engine),
            ("provenance", old.provenance.value, provenance.value),
        ]
    )


def _check_equal(conditions: Iterable[tuple[str, ...]]) -> None:
    differing = [
        f"{name} {before or '(none)'} and {after or '(none)'}"
        for name, before, after in conditions
        if before != after
    ]
    if differing:
        raise IncomparableError(
            f"The runs cannot be compared: {'; '.join(differing)}.",
            hint="Compare runs of one model and one set of samples on one target, built alike.",
        )


def _conditions(old: Report, new: Report) -> Iterator[tuple[str, ...]]:
    """Yield what must be equal: its name, and what both runs say, in words."""
    yield from _models(old.model, new.model)
    yield "target", old.target, new.target
    yield "engine", old.engine, new.engine
    yield "provenance", old.provenance.value, new.provenance.value
    yield "tick rate", *(f"{figure(r.tick_hz)} Hz" for r in (old, new))
    yield "compiler flags", " ".join(old.build.flags), " ".join(new.build.flags)
    yield "samples", *(f"{r.samples:,} ({r.samples_sha256[:12]})" for r in (old, new))
    yield "task", *(r.task.value if r.task else "" for r in (old, new))
    yield "tolerance in LSB", *(str(r.tolerance_lsb) for r in (old, new))
    yield "line speed", *_line(old, new)


def _models(old: ModelInfo, new: ModelInfo) -> Iterator[tuple[str, ...]]:
    if old.sha256 != new.sha256:
        yield "model", *(f"{model.name} ({model.sha256[:12]})" for model in (old, new))


def _line(old: Report, new: Report) -> tuple[str, str]:
    """Return the line's speed, or what it allowed, in both runs; equal words for equal speeds."""
    if old.baud and new.baud:
        return f"{old.baud:,} baud", f"{new.baud:,} baud"
    limits = [
        report.throughput.limit_samples_per_s
        for report in (old, new)
        if report.throughput and report.throughput.limit is Limit.LINE
    ]
    if len(limits) < 2 or limits[0] is None or limits[1] is None:
        return "", ""
    if abs(limits[1] - limits[0]) <= SAME_LINE * limits[0]:
        return "", ""
    return f"{figure(limits[0])} samples/s", f"{figure(limits[1])} samples/s"
