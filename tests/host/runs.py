"""Results of runs on three scores, right or wrong as told, for tests of what is made of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from tinyproof.errors import DeviceSilentError, IdentityError
from tinyproof.reference import ReferenceDescription
from tinyproof.regression import Regression
from tinyproof.report import (
    BenchFigures,
    Budget,
    BudgetClass,
    BuildInfo,
    Event,
    FirstDifference,
    GitInfo,
    HistogramBin,
    HostLatency,
    ImageFigures,
    LayerFigures,
    Limit,
    Memory,
    ModelInfo,
    Provenance,
    RunResult,
    Section,
    Symbol,
    Throughput,
)
from tinyproof.stats import Latency
from tinyproof.tensors import TensorDescription
from tinyproof.verdict import Judgement, Task, judge

SLOW = Budget("p99 latency", "us", 100, 120.5, BudgetClass.LATENCY)
SMALL = Budget("arena", "bytes", 1000, 512, BudgetClass.MEMORY)
SILENT = DeviceSilentError("The board stopped answering at sample 7.", hint="Check it.", sample=7)
OTHER = IdentityError("model", wanted="aa", got="bb")
LAYERS = (
    LayerFigures(
        0, "CONV_2D + MAX_POOL_2D", ("CONV_2D", "MAX_POOL_2D"), (1, 3, 3, 8), 2592,
        12_000.0, 11_990, 12_010, 0.75, 4.63,
    ),
    LayerFigures(1, "SOFTMAX", ("SOFTMAX",), (1, 3), 0, 4_000.0, 4_000, 4_000, 0.25),
)  # fmt: skip
HOST = HostLatency("reference", 1, 50, Latency(100, 8.0, 8.5, 9.0, 12.0, 20.0, 0.5))
BENCH = BenchFigures(50, 4, (1001.0, 1001.5), 1001, 5_100, 12.5, 156.0, 114.0, 0.5, (HOST,))
IMAGE = ImageFigures(
    (Section(".text", "text", 12_000), Section(".data", "data", 345), Section(".bss", "bss", 679)),
    (Symbol("tp_conv_2d", "flash", 2_100), Symbol("arena", "ram", 400)),
)
DIFFERENCE = FirstDifference(
    1, 0, "CONV_2D + MAX_POOL_2D", (1, 3, 3, 8), 72, 2, 12,
    histogram=(HistogramBin(-12, 1), HistogramBin(0, 70), HistogramBin(1, 1)),
)  # fmt: skip


def judgement(
    *answers: bytes | None, k: int | None = None, task: Task = Task.CLASSIFICATION, **more: Any
) -> Judgement:
    """Judge answers of three int8 scores against 10, 5, 0; None is a missing answer."""
    outputs = [TensorDescription("out", np.dtype(np.int8), (1, 3), 0.1, 0)]
    wanted = [bytes([10, 5, 0])] * len(answers)
    return judge(outputs, wanted, answers, task=task, tolerance_lsb=k, **more)


GOOD = bytes([10, 5, 0])
NEAR = bytes([10, 5, 1])
BAD = bytes([5, 10, 0])


def result(judged: Judgement | None = None, **fields: Any) -> RunResult:
    """Return a run that proved three answers, with fields of ``RunResult`` replaced."""
    if judged is None and "error" not in fields:
        judged = judgement(GOOD, GOOD, GOOD)
    defaults: dict[str, Any] = {
        "started": datetime(2026, 11, 22, 10, 30, tzinfo=UTC),
        "duration_s": 1.25,
        "target": "native",
        "provenance": Provenance.HOST,
        "engine": "aot",
        "model": ModelInfo("digits.tflite", "ab" * 32, 3584),
        "reference": ReferenceDescription("LiteRT", "ai-edge-litert", "2.3.0", "BUILTIN_REF"),
        "samples": 3 if judged is None else len(judged),
        "judgement": judged,
    }
    return RunResult(**defaults | fields)


def full_result() -> RunResult:
    """A run with a bit of everything, and something wrong."""
    return result(
        judgement(GOOD, BAD, NEAR, None, GOOD, GOOD, k=1, unstable={4}),
        target="uno",
        provenance=Provenance.CYCLE_EXACT,
        port="/dev/pts/3",
        engine_version="1",
        samples_source="fixtures/digits/test.npz",
        samples_sha256="cd" * 32,
        labels=np.array([0, 1, 0, 2, 0, 0]),
        classes=3,
        ticks=np.array([16_000, 16_016, 20_000, 32_000]),
        tick_hz=16_000_000,
        build=BuildInfo("0123456789abcdef" * 2, "avr-gcc 5.4.0", ("-Os", "-flto")),
        git=GitInfo("ef" * 20, dirty=True),
        throughput=Throughput(123.4, 156.0, Limit.LINE),
        memory=Memory(12_345, 1_024, 368, 210, 400, 814, 32_256, 2_048),
        events=(Event("retransmission", 3, "first at sample 17"), Event("board-reset")),
        budgets=(SLOW, SMALL),
        layers=LAYERS,
        bench=BENCH,
        regression=Regression(0.5, 0.25, 0.4, 1.5),
        image=IMAGE,
        first_difference=DIFFERENCE,
        versions={"tinyproof": "0.1.0", "python": "3.11.7"},
    )
