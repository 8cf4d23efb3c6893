"""A report for a pull request or a job summary: verdict, figures, failures; the rest folded away.

GitHub's Markdown. Foreign text is escaped for Markdown and HTML both, and stays on one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tinyproof.report.model import DifferingSample, Report
from tinyproof.report.outcome import budget_clause
from tinyproof.report.render import clock_text, provenance_text, throughput_text, verdict_line
from tinyproof.report.words import (
    DASH,
    dimensions,
    distance_text,
    microseconds,
    percent,
    regression_text,
    short,
    whole,
)
from tinyproof.text import count, printable

FILE_NAME = "report.md"
_ACTIVE = re.compile(r"([\\`*_{}\[\]()#+!|<>~&@:-])")
"""What Markdown, its tables and links, HTML and mentions are made of."""


def escape(text: str) -> str:
    r"""Return ``text`` as Markdown that shows just it, without links, mentions or markup."""
    return _ACTIVE.sub(lambda found: f"&#{ord(found[0])};", printable(text))


def render_markdown(report: Report) -> str:
    """Return the whole report; pure."""
    parts = [_head(report), _figures(report), *_details(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(report: Report) -> str:
    mark = "✅" if report.passed else "❌"
    lines = [f"### {mark} {escape(verdict_line(report))}"]
    if report.failure and report.failure.hint:
        lines.append(f"Next: {escape(report.failure.hint)}")
    missed = [budget for budget in report.budgets if not budget.met]
    lines += [f"- {escape(budget_clause(budget))}: **missed**" for budget in missed]
    if difference := report.first_difference:
        lines.append(
            f"- First layer that differs, at sample {difference.sample}: {difference.layer}, "
            f"{escape(difference.name)}; {difference.differing:,} of {difference.elements:,} "
            "values."
        )
    return "\n\n".join(lines[:2]) + "".join(f"\n{line}" for line in ["", *lines[2:]])


def _figures(report: Report) -> str:
    return _table(("figure", "value"), [(name, escape(v)) for name, v in _rows(report)], "lr")


def _rows(report: Report) -> Iterator[tuple[str, str]]:
    yield "target", f"{report.target}, {provenance_text(report)}"
    yield "model", f"{report.model.name}, {report.model.bytes:,} bytes"
    yield "exact answers", f"{report.verdicts['exact']:,} of {report.samples:,}"
    if report.accuracy:
        device, reference = report.accuracy.device, report.accuracy.reference
        yield "accuracy", f"{percent(device, 2)} (reference {percent(reference, 2)})"
    if latency := report.latency_us:
        yield "latency p50 / p99", f"{microseconds(latency.p50)} / {microseconds(latency.p99)} µs"
    if report.throughput:
        yield "throughput", throughput_text(report.throughput)
    memory = report.memory
    for name, used, size in (
        ("flash", memory.flash, memory.flash_size),
        ("static RAM", memory.static_ram, memory.ram_size),
        ("arena", memory.arena, memory.arena_reserved),
        ("stack", memory.stack, None),
    ):
        if used is not None:
            yield name, f"{used:,}" + (f" of {size:,}" if size else "") + " bytes"


def _details(report: Report) -> Iterator[str]:
    if report.differing:
        head = ("sample", "verdict", "wanted", "got", "label", "error")
        title = f"{count(len(report.differing), 'sample')} that differ"
        yield _folded(title, _table(head, (_sample(report, s) for s in report.differing), "rlrrrr"))
    if any(layer.ticks is not None for layer in report.layers):
        head = ("layer", "operators", "output", "ticks", "share", "cycles/MAC")
        yield _folded("Layers", _table(head, _layers(report), "rllrrr"))
    if report.events:
        events = ((escape(e.kind), f"{e.count:,}", escape(e.text)) for e in report.events)
        yield _folded("Events", _table(("event", "times", "what"), events, "lrl"))
    yield _folded("Provenance", _table(("what", "value"), _provenance(report), "ll"))


def _sample(report: Report, sample: DifferingSample) -> tuple[str, ...]:
    error = DASH if sample.relative_error is None else f"{sample.relative_error:.2g}"
    if sample.lsb_error:
        error = f"{sample.lsb_error} LSB"
    numbers = (sample.wanted, sample.got, sample.label)
    classes = (DASH if n is None else escape(report.class_name(n)) for n in numbers)
    return str(sample.index), sample.verdict.value, *classes, error


def _layers(report: Report) -> Iterator[tuple[str, ...]]:
    for layer in report.layers:
        yield (
            str(layer.index),
            escape(layer.name),
            dimensions(layer.shape),
            whole(layer.ticks),
            percent(layer.share),
            short(layer.cycles_per_mac),
        )


def _provenance(report: Report) -> Iterator[tuple[str, str]]:
    values = {
        "date": report.date,
        "measured on": provenance_text(report),
        "engine": f"{report.engine} {report.engine_version}",
        "reference": f"{report.reference.interpreter} {report.reference.version}, "
        f"{report.reference.kernels}",
        "reference's distance": distance_text(report.reference_distance),
        "error in real units": regression_text(report.regression),
        "model SHA-256": report.model.sha256,
        "build": report.build.id,
        "compiler": report.build.compiler,
        "flags": " ".join(report.build.flags),
        "samples": f"{report.samples_source}, SHA-256 {report.samples_sha256}",
        "clock": clock_text(report.clock) if report.clock else "",
        "commit": f"{report.git.commit}{' (changed)' * report.git.dirty}" if report.git else "",
        "versions": ", ".join(f"{name} {version}" for name, version in report.versions.items()),
    }
    return ((name, escape(value)) for name, value in values.items() if value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], sides: str) -> str:
    rule = ["--:" if side == "r" else ":--" for side in sides]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows])


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{content}\n\n</details>"
