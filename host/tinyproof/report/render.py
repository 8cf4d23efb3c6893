"""A report for the terminal: one readable table, the samples that differ, one line of verdict.

Everything is plain text first: it reads the same without colour, in a log, and 40 columns wide.
Text that came from files or boards is escaped and never taken as markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tinyproof.report.model import DifferingSample, Report
from tinyproof.report.outcome import budget_clause
from tinyproof.report.parts import Clock, ClockStatus, Memory, Throughput
from tinyproof.report.render_figures import figure_rows
from tinyproof.report.words import distance_text, regression_text
from tinyproof.text import count, printable
from tinyproof.verdict import Verdict

SHOWN_SAMPLES = 5
TABLE_WIDTH = 60
"""Columns that the table of samples needs; narrower terminals get sentences."""


def render(report: Report, console: Console) -> None:
    """Print the whole report to ``console``; no colour or control code unless it is a terminal."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(report):
        table.add_row(Text(name, "dim"), Text(printable(value)))
    _print(console, table)
    if report.differing:
        console.print()
        _print_differing(report, console)
    console.print()
    console.print(
        Text(verdict_line(report), "bold green" if report.passed else "bold red"), soft_wrap=True
    )


def verdict_line(report: Report) -> str:
    """Return the run's outcome in one line."""
    if report.failure:
        return printable(f"NOT PROVED ({report.failure.kind}): {report.failure.sentence}")
    agreed = ", ".join(f"{n:,} {name}" for name, n in report.verdicts.items() if n)
    return printable(
        f"PROVED: {agreed} of {count(report.samples, 'sample')} on {report.target} "
        f"({report.engine}, {provenance_text(report)})."
    )


def _rows(report: Report) -> Iterator[tuple[str, str]]:
    yield "target", f"{report.target} ({provenance_text(report)})" + _prefixed(", ", report.port)
    yield "engine", f"{report.engine} {report.engine_version}".strip()
    yield "model", f"{report.model.name}, {report.model.bytes:,} bytes, {report.model.sha256[:16]}"
    if report.build.id or report.build.compiler:
        yield "build", _list(report.build.id[:16], report.build.compiler, *report.build.flags)
    reference = report.reference
    yield "reference", f"{reference.interpreter} {reference.version}, {reference.kernels} kernels"
    if report.reference_distance:
        yield "distance", distance_text(report.reference_distance)
    yield "samples", _list(count(report.samples, "sample"), report.samples_source)
    yield "verdicts", ", ".join(f"{n:,} {name}" for name, n in report.verdicts.items())
    yield from _figures(report)
    yield from figure_rows(report)
    for event in report.events:
        yield "event", f"{event.kind}, {count(event.count, 'time')}" + _prefixed(": ", event.text)
    for budget in report.budgets:
        yield "budget", f"{budget_clause(budget)}: {'met' if budget.met else 'MISSED'}"


def _figures(report: Report) -> Iterator[tuple[str, str]]:
    if report.accuracy:
        yield (
            "accuracy",
            f"device {report.accuracy.device:.2%}, reference {report.accuracy.reference:.2%}",
        )
    if report.regression:
        yield "error", regression_text(report.regression)
    if latency := report.latency_us:
        names = ("min", "p50", "p90", "p99", "max")
        figures = ", ".join(f"{name} {_microseconds(getattr(latency, name))}" for name in names)
        quiet = report.quiet_latency_us
        alone = "" if quiet is None else f"; {_microseconds(quiet)} us with the line idle"
        yield "latency", f"{figures} us (n = {latency.n:,}){alone}"
    if report.clock:
        yield "clock", clock_text(report.clock)
    if throughput := report.throughput:
        yield "throughput", throughput_text(throughput)
    if memory := _memory(report.memory):
        yield "memory", memory


def throughput_text(throughput: Throughput) -> str:
    """Return the rate, and its share of what is possible."""
    text = f"{throughput.samples_per_s:,.0f} samples/s"
    if not (throughput.limit_samples_per_s and throughput.limit):
        return text
    share = throughput.samples_per_s / throughput.limit_samples_per_s
    limit = f"{throughput.limit_samples_per_s:,.0f} that {throughput.limit.words}"
    return f"{text}, {share:.0%} of the {limit}"


def clock_text(clock: Clock) -> str:
    """Return what is known of the board's clock, in words."""
    if clock.status is ClockStatus.SIMULATED:
        return "simulated time"
    watched = f"{clock.seconds or 0:.1f} s"
    if clock.ratio is None:
        return f"unchecked ({watched})"
    return f"{100 * (clock.ratio - 1):+.2f} % of the host's over {watched}: {clock.status.value}"


def _memory(memory: Memory) -> str:
    parts = [
        ("flash", memory.flash, memory.flash_size),
        ("static RAM", memory.static_ram, memory.ram_size),
        ("arena", memory.arena, memory.arena_reserved),
        ("stack", memory.stack, None),
        ("free RAM", memory.free_ram, None),
    ]
    known = [_size(name, used, size) for name, used, size in parts if used is not None]
    return ", ".join(known) + " bytes" if known else ""


def _size(name: str, used: int, size: int | None) -> str:
    if not size:
        return f"{name} {used:,}"
    return f"{name} {used:,} of {size:,} ({(size - used) / size:.0%} left)"


def _print_differing(report: Report, console: Console) -> None:
    rows = [_cells(report, sample) for sample in report.differing[:SHOWN_SAMPLES]]
    if console.width >= TABLE_WIDTH:
        _print(console, _differing(rows))
        return
    for cells in rows:
        text = f"sample {cells[0]}: {cells[1]}, wanted {cells[2]}, got {cells[3]}, error {cells[5]}"
        console.print(Text(text), soft_wrap=True)


def _differing(rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in ("sample", "verdict", "wanted", "got", "label", "error", "margin"):
        table.add_column(name, justify="left" if name == "verdict" else "right")
    for cells in rows:
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _cells(report: Report, sample: DifferingSample) -> list[str]:
    classes = (sample.wanted, sample.got, sample.label)
    numbers = ["-" if number is None else report.class_name(number) for number in classes]
    margin = "-" if sample.margin is None else f"{sample.margin:.4g}"
    return [str(sample.index), sample.verdict.value, *numbers, _error(sample), margin]


def _error(sample: DifferingSample) -> str:
    if sample.verdict is Verdict.MISSING:
        return "-"
    if sample.lsb_error:
        return f"{sample.lsb_error} LSB"
    return "-" if sample.relative_error is None else f"{sample.relative_error:.2g}"


def _print(console: Console, table: Table) -> None:
    """Print without the blanks that tables leave at the ends of lines."""
    with console.capture() as capture:
        console.print(table)
    lines = (line.rstrip() for line in capture.get().splitlines())
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=True)


def provenance_text(report: Report) -> str:
    """Return what ran the firmware, in words."""
    words = {
        "board": "real board",
        "emulator": "behind a URL or pseudo-terminal, perhaps a program",
        "host": "host process",
    }
    return words.get(report.provenance.value, report.provenance.value)


def _microseconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _prefixed(prefix: str, text: str) -> str:
    return prefix + text if text else ""


def _list(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
