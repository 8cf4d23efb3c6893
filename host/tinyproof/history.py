"""Many reports as one page: a table, and how each figure moved, by target, engine and model.

A model is what its SHA-256 says, not its file's name: models of one name are no series.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tinyproof import __version__
from tinyproof.compare.figures import is_bench
from tinyproof.compare.model import figure
from tinyproof.errors import TinyProofError, UsageError
from tinyproof.report import FILE_NAME, Report, load_report
from tinyproof.report.html import environment
from tinyproof.text import printable

MAX_REPORTS = 10_000
"""More are refused: no page of so many is read."""
SHORT_HASH = 8
"""Digits of a model's SHA-256 that tell it from others of its name."""
_WIDTH, _HEIGHT = 600.0, 100.0

FIGURES: tuple[tuple[str, str, Callable[[Report], float | None]], ...] = (
    ("p50 latency", "µs", lambda r: r.latency_us.p50 if r.latency_us else None),
    ("p99 latency", "µs", lambda r: r.latency_us.p99 if r.latency_us else None),
    ("flash", "bytes", lambda r: r.memory.flash),
    ("static RAM", "bytes", lambda r: r.memory.static_ram),
    ("arena", "bytes", lambda r: r.memory.arena),
    ("accuracy", "%", lambda r: 100 * r.accuracy.device if r.accuracy else None),
)
"""What a history shows of each report: name, unit, value."""


@dataclass(frozen=True)
class Chart:
    """One figure over time, as a line.

    Attributes:
        name: of the figure.
        unit: of its values.
        lines: points of an SVG polyline each, x and y in a box of 600 x 100; a report without the
            figure interrupts the line.
        dots: the same points one by one.
        span: smallest and largest value, as shown.
    """

    name: str
    unit: str
    lines: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    span: str


@dataclass(frozen=True)
class Entry:
    """One report in the table; ``date`` to the minute, as the report gives it."""

    date: str
    commit: str
    passed: bool
    sentence: str
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Series:
    """All reports of one command, of one model on one target with one engine, oldest first.

    ``model`` is the file's name, with the head of its hash where other models share that.
    """

    target: str
    engine: str
    model: str
    command: str
    provenance: str
    entries: tuple[Entry, ...]
    charts: tuple[Chart, ...]


def find_reports(paths: Iterable[Path]) -> list[Path]:
    """Return the report files that ``paths`` name: files, or folders searched to any depth.

    Raises:
        UsageError: there is none, or there are far too many.
    """
    found: list[Path] = []
    for path in paths:
        found += sorted(path.rglob(FILE_NAME)) if path.is_dir() else [path]
    found = list(dict.fromkeys(found))
    if not found:
        raise UsageError(
            f"There is no {FILE_NAME} in what was named.", hint="Give the folders that --out named."
        )
    if len(found) > MAX_REPORTS:
        raise UsageError(
            f"{len(found):,} reports are more than the {MAX_REPORTS:,} that a page holds.",
            hint="Name fewer of them.",
        )
    return found


def load_all(paths: Iterable[Path]) -> tuple[list[Report], list[str]]:
    """Return the reports that can be read, and a sentence for each that cannot."""
    reports, skipped = [], []
    for path in paths:
        try:
            reports.append(load_report(path))
        except TinyProofError as error:
            skipped.append(f"{printable(str(path))} was left out: {error.sentence}")
    return reports, skipped


def series_of(reports: Iterable[Report]) -> list[Series]:
    """Return the reports in groups that belong together, each by date."""
    by_date = sorted(reports, key=lambda report: report.date)
    names = _model_names(by_date)

    def key(report: Report) -> tuple[str, ...]:
        model = report.model.sha256
        where = (report.target, report.engine, report.provenance.value)
        return (*where, names[model], model, _command(report))

    ordered = sorted(by_date, key=key)
    return [_series(names, list(group)) for _, group in groupby(ordered, key)]


def _command(report: Report) -> str:
    """Return what made a report: the latencies of ``run`` and ``bench`` are different things."""
    return "bench" if is_bench(report) else "run"


def _model_names(by_date: Sequence[Report]) -> dict[str, str]:
    """Return each model's name by SHA-256: the latest, with a hash where several share it."""
    latest = {report.model.sha256: report.model.name for report in by_date}
    uses = Counter(latest.values())
    return {
        sha256: name if uses[name] == 1 else f"{name} ({sha256[:SHORT_HASH]})"
        for sha256, name in latest.items()
    }


def render_history(series: Sequence[Series], skipped: Sequence[str] = ()) -> str:
    """Return the page; all text of the reports is escaped."""
    return (
        environment()
        .get_template("history.html")
        .render(
            version=__version__,
            title="History",
            series=series,
            skipped=skipped,
            headings=[(name, unit) for name, unit, _ in FIGURES],
            runs=sum(len(one.entries) for one in series),
        )
    )


def _series(names: Mapping[str, str], reports: Sequence[Report]) -> Series:
    first = reports[0]
    charts = (_chart(name, unit, [value(r) for r in reports]) for name, unit, value in FIGURES)
    return Series(
        first.target,
        first.engine,
        names[first.model.sha256],
        _command(first),
        first.provenance.value,
        tuple(_entry(report) for report in reports),
        tuple(chart for chart in charts if chart is not None),
    )


def _entry(report: Report) -> Entry:
    commit = ""
    if report.git:
        commit = report.git.commit[:12] + ("+" if report.git.dirty else "")
    return Entry(
        report.date[:16].replace("T", " "),
        commit,
        report.passed,
        report.failure.sentence if report.failure else "",
        tuple(figure(value(report)) for _, _, value in FIGURES),
    )


def _chart(name: str, unit: str, values: Sequence[float | None]) -> Chart | None:
    """Return the line of a figure; None if fewer than two reports have it."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    low, high = min(known), max(known)
    points = [
        None if value is None else (_x(index, len(values)), _y(value, low, high))
        for index, value in enumerate(values)
    ]
    runs = [list(run) for there, run in groupby(points, lambda point: point is not None) if there]
    lines = tuple(" ".join(f"{p[0]:g},{p[1]:g}" for p in run if p) for run in runs)
    dots = tuple(point for point in points if point is not None)
    span = figure(low) if low == high else f"{figure(low)} to {figure(high)}"
    return Chart(name, unit, lines, dots, span)


def _x(index: int, count: int) -> float:
    return round(_WIDTH * index / max(1, count - 1), 1)


def _y(value: float, low: float, high: float) -> float:
    """Return the height of a value, counted from above; what never changed lies in the middle."""
    if high == low:
        return _HEIGHT / 2
    return round(_HEIGHT * (high - value) / (high - low), 1)
