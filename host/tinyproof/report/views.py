"""What each section of the page says: words and shares made of a report. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinyproof.report.charts import Bars, columns, histogram
from tinyproof.report.evidence import Evidence
from tinyproof.report.figures import Section
from tinyproof.report.model import Report
from tinyproof.report.outcome import budget_clause
from tinyproof.report.parts import Provenance
from tinyproof.report.pictures import data_uri
from tinyproof.report.render import clock_text
from tinyproof.report.words import (
    DASH,
    distance_text,
    microseconds,
    percent,
    regression_text,
    short,
    whole,
)
from tinyproof.text import count

MAX_TABLE_CLASSES = 12
"""Larger confusion matrices are drawn instead of written."""
LEAST_REACH = 4
"""LSB on either side of 0 that a chart of differences shows at least: few bars are no blocks."""
TIGHT = 0.9
"""Share of a memory beyond which its bar warns."""
WORTH = {
    Provenance.BOARD: "Measured on a real board.",
    Provenance.CYCLE_EXACT: "Measured on a cycle-exact simulator: cycles are those of the chip.",
    Provenance.EMULATOR: "Run behind a URL or pseudo-terminal, perhaps by a program: "
    "answers count, times may not.",
    Provenance.HOST: "Run as a program on a computer: answers count, times and sizes are its own.",
}

PLACES = {
    Provenance.BOARD: "real board",
    Provenance.CYCLE_EXACT: "cycle-exact simulator",
    Provenance.EMULATOR: "URL or pseudo-terminal: perhaps a program, not a board",
    Provenance.HOST: "computer, not a board",
}


@dataclass(frozen=True)
class Tile:
    """A key figure: the figure itself, its unit or context, what it is."""

    figure: str
    more: str
    name: str


@dataclass(frozen=True)
class Meter:
    """Memory in use: share of what there is, None where not known, and whether little is left."""

    name: str
    used: str
    share: float | None
    tight: bool = False


@dataclass(frozen=True)
class Share:
    """A row with a bar: name, figure, share of the longest."""

    name: str
    figure: str
    share: float
    more: str = ""


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: rows of (count, share of its row) or else a picture."""

    name: str
    rows: tuple[tuple[tuple[int, float], ...], ...]
    picture: str
    right: int
    total: int
    worst: tuple[str, ...]


def lead(report: Report) -> str:
    """Return the verdict in a sentence."""
    if report.failure:
        return report.failure.sentence
    verdicts = report.verdicts
    answers = count(report.samples, "answer")
    where = f"{report.reference.interpreter}'s reference kernels"
    if verdicts["exact"] == report.samples:
        return f"All {answers} of the board equal those of {where}."
    rest = ", ".join(f"{n:,} {name}" for name, n in verdicts.items() if n)
    return f"All {answers} agree with {where} within {report.tolerance_lsb} LSB: {rest}."


def tiles(report: Report) -> Iterator[Tile]:
    """Yield the key figures that are known."""
    exact = report.verdicts["exact"]
    yield Tile(f"{exact:,}", f"of {report.samples:,}", "exact answers")
    if report.accuracy:
        reference = percent(report.accuracy.reference)
        yield Tile(percent(report.accuracy.device), f"ref. {reference}", "accuracy")
    if (error := report.regression) and error.rmse_device is not None:
        yield Tile(short(error.rmse_device), f"ref. {short(error.rmse_reference)}", "RMSE")
    if latency := report.latency_us:
        yield Tile(microseconds(latency.p50), f"µs, p99 {microseconds(latency.p99)}", "latency")
    if report.throughput:
        yield Tile(whole(report.throughput.samples_per_s), "samples/s", "throughput")
    for name, value in (("flash", report.memory.flash), ("static RAM", report.memory.static_ram)):
        if value is not None:
            yield Tile(f"{value:,}", "bytes", name)


def verdict_rows(report: Report) -> list[Share]:
    """Return how many samples got each verdict."""
    total = max(1, report.samples)
    return [Share(name, f"{n:,}", n / total) for name, n in report.verdicts.items()]


def matrices(report: Report) -> list[Matrix]:
    """Return the confusion matrices of device and reference."""
    if report.confusion is None:
        return []
    pairs = (("Device", report.confusion.device), ("Reference", report.confusion.reference))
    return [_matrix(report, name, rows) for name, rows in pairs]


def _matrix(report: Report, name: str, rows: tuple[tuple[int, ...], ...]) -> Matrix:
    cells = np.array(rows, np.float64)
    shares = cells / np.maximum(1, cells.sum(axis=1, keepdims=True))
    wrong = np.where(np.eye(len(cells), dtype=bool), 0, cells)
    order = np.argsort(-wrong, axis=None, kind="stable")[:5]
    places = [(int(i) // len(cells), int(i) % len(cells)) for i in order]
    small = len(cells) <= MAX_TABLE_CLASSES
    return Matrix(
        name,
        tuple(tuple(zip(row, s, strict=True)) for row, s in zip(rows, shares.tolist(), strict=True))
        if small
        else (),
        "" if small else data_uri(np.sqrt(shares), 0.0, 1.0),
        int(np.trace(cells)),
        int(cells.sum()),
        tuple(
            f"{report.class_name(a)} for {report.class_name(b)} ({rows[a][b]:,}×)"
            for a, b in places
            if wrong[a, b]
        ),
    )


def latency_chart(report: Report, evidence: Evidence | None) -> Bars | None:
    """Return how often each latency occurred, in ticks; None where that is not known."""
    if evidence is None or report.latency_us is None or report.tick_hz <= 0:
        return None
    us = report.tick_hz / 1e6
    return histogram(evidence.ticks, [report.latency_us.p50 * us, report.latency_us.p99 * us])


def in_microseconds(report: Report, ticks: float) -> str:
    """Return ticks as microseconds, in words."""
    return microseconds(ticks * 1e6 / report.tick_hz) if report.tick_hz > 0 else DASH


def difference_chart(report: Report) -> Bars | None:
    """Return how many elements differ by how many LSB, those that do not left out; 0 is amid."""
    difference = report.first_difference
    bins = [b for b in difference.histogram if b.lsb] if difference else []
    if not bins:
        return None
    reach = max(LEAST_REACH, *(abs(b.lsb) for b in bins))
    places = (-reach, *(b.lsb for b in bins), reach)
    return columns(places, (0, *(b.count for b in bins), 0))


def time_rows(report: Report) -> list[Share]:
    """Return where the time of one sample goes."""
    bench = report.bench
    if bench is None:
        return []
    parts = (
        ("inference on the board", bench.device_us),
        ("on the wire", bench.wire_us),
        ("in this program", bench.host_us),
    )
    whole_time = max(sum(us for _, us in parts), 1e-9)
    return [
        Share(name, microseconds(us), us / whole_time, percent(us / whole_time))
        for name, us in parts
    ]


def rate_rows(report: Report) -> list[Share]:
    """Return the rates of streaming, and what line and processor allow."""
    bench, throughput = report.bench, report.throughput
    rates: list[tuple[str, float | None]] = []
    if bench:
        rates.append(("several requests in flight", bench.windowed_samples_per_s))
        rates.append(("one request at a time", bench.stop_and_wait_samples_per_s))
    elif throughput:
        rates.append(("this run", throughput.samples_per_s))
    if throughput and throughput.limit:
        rates.append((f"what {throughput.limit.words}", throughput.limit_samples_per_s))
    known = [(name, rate) for name, rate in rates if rate is not None]
    largest = max([rate for _, rate in known], default=0.0) or 1.0
    return [Share(name, f"{rate:,.0f}", rate / largest) for name, rate in known]


def meters(report: Report) -> list[Meter]:
    """Return the memory in use against what the board has."""
    m = report.memory
    deepest = None if m.stack is None else (m.static_ram or 0) + m.stack
    parts = (
        ("Flash", m.flash, m.flash_size),
        ("Static RAM", m.static_ram, m.ram_size),
        ("Static RAM and deepest stack", deepest if m.ram_size else None, m.ram_size),
        ("Arena", m.arena, m.arena_reserved),
        ("Stack, high-water mark", m.stack, None),
        ("RAM left at the deepest point", m.free_ram, None),
    )
    return [_meter(name, used, size) for name, used, size in parts if used is not None]


def _meter(name: str, used: int, size: int | None) -> Meter:
    if not size:
        return Meter(name, f"{used:,} bytes", None)
    # An arena is cut to measure: being full is what it is for.
    tight = name != "Arena" and used > TIGHT * size
    return Meter(name, f"{used:,} of {size:,} bytes, {percent(used / size)}", used / size, tight)


def section_rows(report: Report) -> list[tuple[Section, float]]:
    """Return the image's sections with their share of the largest."""
    sections = report.image.sections if report.image else ()
    largest = max((section.bytes for section in sections), default=0) or 1
    return [(section, section.bytes / largest) for section in sections]


def symbol_rows(report: Report) -> dict[str, list[Share]]:
    """Return the largest symbols of flash and of RAM."""
    symbols = report.image.symbols if report.image else ()
    return {
        memory: [
            Share(s.name, f"{s.bytes:,}", s.bytes / (max(x.bytes for x in found) or 1))
            for s in found
        ]
        for memory in ("flash", "ram")
        if (found := [s for s in symbols if s.memory == memory])
    }


def budget_rows(report: Report) -> list[tuple[str, bool]]:
    """Return each budget in words, and whether it is met."""
    return [(budget_clause(budget) + ".", budget.met) for budget in report.budgets]


def provenance_rows(report: Report) -> Iterator[tuple[str, str, bool]]:
    """Yield name, value, and whether the value is code."""
    reference, git = report.reference, report.git
    rows = (
        ("Measured on a", PLACES[report.provenance], False),
        ("Target", report.target, False),
        ("Port", report.port, True),
        ("Line speed", f"{report.baud:,} baud" if report.baud else "", False),
        ("Date", report.date, False),
        ("Duration", f"{report.duration_s:.1f} s", False),
        ("Engine", f"{report.engine} {report.engine_version}".strip(), False),
        (
            "Reference",
            f"{reference.interpreter} ({reference.package} {reference.version}), "
            f"{reference.kernels} kernels",
            False,
        ),
        ("Its distance", distance_text(report.reference_distance), False),
        ("Error in real units", regression_text(report.regression), False),
        ("Clock", _clock(report), False),
        ("Model", f"{report.model.name}, {report.model.bytes:,} bytes", False),
        ("Model SHA-256", report.model.sha256, True),
        ("Samples", f"{report.samples:,} from {report.samples_source or 'nowhere'}", False),
        ("Samples SHA-256", report.samples_sha256, True),
        ("Firmware build", report.build.id, True),
        ("Compiler", report.build.compiler, False),
        ("Flags", " ".join(report.build.flags), True),
        ("Commit", f"{git.commit}{', with changes' * git.dirty}" if git else "", True),
        ("Versions", ", ".join(f"{name} {v}" for name, v in report.versions.items()), False),
    )
    return (row for row in rows if row[1])


def _clock(report: Report) -> str:
    said = clock_text(report.clock) if report.clock else "not known"
    return f"{report.tick_hz:,.0f} ticks a second, {said}" if report.tick_hz else said


def when(report: Report) -> str:
    """Return the date to the minute with its zone: ``2026-11-22 10:30 UTC``."""
    day, clock, zone = report.date[:10], report.date[11:16], report.date[19:]
    return f"{day} {clock} {'UTC' if zone in ('Z', '+00:00') else zone}"


def error_text(lsb: int | None, relative: float | None) -> str:
    """Return a sample's error in words."""
    if lsb:
        return f"{lsb} LSB"
    return DASH if relative is None else short(relative)
