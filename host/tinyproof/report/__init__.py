"""What a run amounts to: result in, report out, as JSON, terminal text and JUnit properties."""

from __future__ import annotations

from tinyproof.report.figures import (
    BenchFigures,
    FirstDifference,
    HistogramBin,
    HostLatency,
    ImageFigures,
    LayerFigures,
    ReferenceDistance,
    Section,
    Symbol,
)
from tinyproof.report.files import FILE_NAME, from_dict, load_report, schema, to_dict, write_report
from tinyproof.report.junit import junit_properties
from tinyproof.report.model import SCHEMA, Report, make_report
from tinyproof.report.outcome import decide
from tinyproof.report.parts import (
    Budget,
    BudgetClass,
    BuildInfo,
    Clock,
    ClockStatus,
    Event,
    Failure,
    GitInfo,
    Limit,
    Memory,
    ModelInfo,
    Provenance,
    Throughput,
)
from tinyproof.report.render import render, verdict_line
from tinyproof.report.result import RunResult

__all__ = [
    "FILE_NAME",
    "SCHEMA",
    "BenchFigures",
    "Budget",
    "BudgetClass",
    "BuildInfo",
    "Clock",
    "ClockStatus",
    "Event",
    "Failure",
    "FirstDifference",
    "GitInfo",
    "HistogramBin",
    "HostLatency",
    "ImageFigures",
    "LayerFigures",
    "Limit",
    "Memory",
    "ModelInfo",
    "Provenance",
    "ReferenceDistance",
    "Report",
    "RunResult",
    "Section",
    "Symbol",
    "Throughput",
    "decide",
    "from_dict",
    "junit_properties",
    "load_report",
    "make_report",
    "render",
    "schema",
    "to_dict",
    "verdict_line",
    "write_report",
]
