"""A report as JUnit properties, for test runners that collect them."""

from __future__ import annotations

from tinyproof.report.model import Report
from tinyproof.text import printable


def junit_properties(report: Report) -> list[tuple[str, str]]:
    """Return (name, value) pairs for JUnit's ``properties``; what is unknown is left out."""
    values: dict[str, object] = {
        "target": report.target,
        "provenance": report.provenance.value,
        "engine": report.engine,
        "model.sha256": report.model.sha256,
        "build": report.build.id,
        "reference": f"{report.reference.interpreter} {report.reference.version} "
        f"{report.reference.kernels}",
        "samples": report.samples,
        **{f"verdicts.{name}": n for name, n in report.verdicts.items()},
        "passed": str(report.passed).lower(),
    }
    if report.accuracy:
        values["accuracy.device"] = f"{report.accuracy.device:.4f}"
        values["accuracy.reference"] = f"{report.accuracy.reference:.4f}"
    if report.latency_us:
        for name in ("p50", "p90", "p99", "max"):
            values[f"latency_us.{name}"] = f"{getattr(report.latency_us, name):.3f}"
    if report.clock:
        values["clock"] = report.clock.status.value
    for name in ("flash", "static_ram", "arena", "stack"):
        values[f"memory.{name}"] = getattr(report.memory, name)
    if report.failure:
        values["failure.class"] = report.failure.kind
        values["failure.sentence"] = report.failure.sentence
    known = ((name, value) for name, value in values.items() if value not in (None, ""))
    return [(f"tinyproof.{name}", printable(str(value))) for name, value in known]
