"""Reports as benches write them, for the tests of what reads reports."""

from __future__ import annotations

import dataclasses
from typing import Any

from tinyproof.reference import ReferenceDescription
from tinyproof.report import (
    BuildInfo,
    GitInfo,
    Limit,
    Memory,
    ModelInfo,
    Provenance,
    Report,
    Throughput,
)
from tinyproof.report.figures import BenchFigures, LayerFigures
from tinyproof.report.model import Accuracy, LargestError
from tinyproof.stats import Latency
from tinyproof.verdict import Task

VERDICTS = {"exact": 359, "close": 0, "tie": 0, "wrong": 0, "unstable": 0, "missing": 0}
CONV, DENSE = "CONV_2D + MAX_POOL_2D", "FULLY_CONNECTED"


def layer(index: int, name: str, ticks: float, least: int, most: int) -> LayerFigures:
    operators = tuple(name.split(" + "))
    return LayerFigures(index, name, operators, (1, 10), 100, ticks, least, most)


def bench(*repeats: float) -> BenchFigures:
    return BenchFigures(10, 100, repeats, repeats[0], 2.0, 10.0, 20_000.0, 5_000.0, 0.05)


def report(**fields: Any) -> Report:
    """Return a board's report, 1 tick a microsecond, with some fields replaced."""
    defaults: dict[str, Any] = {
        "schema": 1,
        "date": "2026-11-20T10:00:00+00:00",
        "duration_s": 3.0,
        "target": "esp32dev",
        "port": "/dev/ttyUSB0",
        "baud": 115_200,
        "provenance": Provenance.BOARD,
        "engine": "aot",
        "engine_version": "0.1.0",
        "reference": ReferenceDescription("LiteRT", "ai-edge-litert", "2.3.0", "BUILTIN_REF"),
        "model": ModelInfo("digits.tflite", "ab" * 32, 3688),
        "build": BuildInfo("01" * 16, "gcc 12.2", ("-O2",)),
        "git": GitInfo("c0ffee" * 6 + "abcd", False),
        "task": Task.CLASSIFICATION,
        "tolerance_lsb": None,
        "samples": 359,
        "samples_source": "test.npz",
        "samples_sha256": "cd" * 32,
        "verdicts": dict(VERDICTS),
        "largest_error": LargestError(0, None),
        "differing": (),
        "accuracy": Accuracy(0.95, 0.95),
        "confusion": None,
        "latency_us": Latency(359, 1000.0, 1002.0, 1004.0, 1020.0, 1100.0),
        "quiet_latency_us": 1000.0,
        "tick_hz": 1e6,
        "clock": None,
        "throughput": Throughput(150.0, 156.0, Limit.LINE),
        "memory": Memory(flash=12_000, static_ram=800, arena=368, stack=255),
        "events": (),
        "budgets": (),
        "versions": {},
        "passed": True,
        "failure": None,
        "exit_code": 0,
        "layers": (layer(0, CONV, 800.0, 799, 830), layer(1, DENSE, 200.0, 200, 215)),
        "bench": bench(1001.0, 1002.0, 1000.0, 1001.0, 1001.5),
    }
    return Report(**defaults | fields)


def changed(original: Report, part: str, **fields: Any) -> Report:
    """Return a report with fields of one of its parts replaced."""
    replaced = dataclasses.replace(getattr(original, part), **fields)
    return dataclasses.replace(original, **{part: replaced})
