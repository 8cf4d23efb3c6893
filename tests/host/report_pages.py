"""Runs to report on: the digits, right or wrong in known places, with a bit of everything."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.reference import ReferenceDescription
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
    Report,
    RunResult,
    Section,
    Symbol,
    Throughput,
    make_report,
)
from tinyproof.report.evidence import Curve, Evidence
from tinyproof.report.gather import feature_map, narrow, real_values
from tinyproof.report.model import listed_samples
from tinyproof.stats import Latency
from tinyproof.tensors import TensorDescription
from tinyproof.verdict import Judgement, Task, judge

DIGITS = Path(__file__).resolve().parents[2] / "fixtures" / "digits"
OUTPUT = TensorDescription("logits", np.dtype(np.int8), (1, 10), 0.12, 50)
CURVE = Curve(
    "accuracy",
    2.3 * np.exp(-np.arange(50) / 8) + 0.07,
    1 - 0.9 * np.exp(-np.arange(50) / 5),
    2.2 * np.exp(-np.arange(50) / 8) + 0.4,
    0.88 - 0.7 * np.exp(-np.arange(50) / 5),
)


def digits() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the fixtures' inputs (n, 8, 8, 1), labels (n,) and int8 answers (n, 10)."""
    with np.load(DIGITS / "test.npz") as samples, np.load(DIGITS / "golden.npz") as golden:
        return samples["x"], samples["y"], golden["int8"].reshape(-1, 10)


def digits_run(*, wrong: int = 0, repeat: int = 1, **fields: Any) -> RunResult:
    """Return a run of the digits ``repeat`` times over whose first ``wrong`` answers are reversed.

    Args:
        wrong: how many answers of the board are wrong.
        repeat: how often all samples are taken.
        fields: of ``RunResult``, instead of the usual ones.
    """
    x, y, scores = (np.concatenate([part] * repeat) for part in digits())
    answers = scores.copy()
    answers[:wrong] = answers[:wrong, ::-1]
    given = [row.tobytes() for row in answers]
    judged = judge([OUTPUT], [row.tobytes() for row in scores], given, task=Task.CLASSIFICATION)
    ticks = np.random.default_rng(1).gamma(3.0, 40.0, len(x)).astype(np.uint64) + 16_000
    usual: dict[str, Any] = {
        "started": datetime(2026, 11, 22, 10, 30, tzinfo=UTC),
        "duration_s": 12.4,
        "target": "uno",
        "provenance": Provenance.CYCLE_EXACT,
        "engine": "aot",
        "engine_version": "0.1.0",
        "model": ModelInfo("digits.tflite", "ab" * 32, 3584),
        "reference": ReferenceDescription("LiteRT", "ai-edge-litert", "2.3.0", "BUILTIN_REF"),
        "samples": len(x),
        "samples_source": "fixtures/digits/test.npz",
        "samples_sha256": "cd" * 32,
        "port": "/dev/pts/3",
        "judgement": judged,
        "labels": y,
        "classes": 10,
        "ticks": ticks,
        "tick_hz": 16_000_000,
        "throughput": Throughput(123.4, 156.0, Limit.LINE),
        "memory": Memory(12_345, 1_024, 368, 210, 368, 814, 32_256, 2_048),
        "build": BuildInfo("0123456789abcdef" * 2, "avr-gcc 5.4.0", ("-Os", "-flto")),
        "git": GitInfo("ef" * 20, dirty=True),
        "versions": {"tinyproof": "0.1.0", "python": "3.11.7"},
        "evidence": evidence(judged, x, scores, answers),
    }
    return RunResult(**usual | fields)


def evidence(
    judged: Judgement, x: NDArray[Any], wanted: NDArray[Any], got: NDArray[Any]
) -> Evidence:
    """Return what a run of the digits gathers."""
    chosen = listed_samples(judged)
    image = x[0].astype(np.float32)
    maps = np.maximum(0, image[:6, :6] + np.linspace(-1, 1, 8)).astype(np.float32)
    layers = (
        ("input", image[None]),
        ("CONV_2D + RELU", maps[None]),
        ("RESHAPE", maps.reshape(1, -1)),
    )
    return Evidence(
        differing_index=chosen,
        differing_input=x[chosen].astype(np.float32),
        differing_device=real_values(OUTPUT, got[chosen]),
        differing_reference=real_values(OUTPUT, wanted[chosen]),
        features=tuple(feature_map(name, v.shape, v) for name, v in layers),
        curve=CURVE,
    )


def with_everything(result: RunResult) -> RunResult:
    """Return the run with all that a bench and a closer look add."""
    layers = (
        LayerFigures(
            0, "CONV_2D + MAX_POOL_2D", ("CONV_2D", "MAX_POOL_2D"), (1, 3, 3, 8), 2592,
            14_820.0, 14_811, 14_902, 0.87, 5.72,
        ),
        LayerFigures(
            1, "FULLY_CONNECTED", ("FULLY_CONNECTED",), (1, 10), 720,
            2_214.0, 2_200, 2_301, 0.13, 3.07,
        ),
    )  # fmt: skip
    host = Latency(227_803, 12.61, 12.73, 13.02, 14.01, 131.4)
    bench = BenchFigures(
        20, 359, (1018.0, 1018.1, 1018.0), 1018.0, 8620.0, 61.0, 123.4, 81.2, 0.25,
        (HostLatency("reference", 1, 50, host), HostLatency("default", 1, 50, host)),
    )  # fmt: skip
    image = ImageFigures(
        (
            Section(".text", "text", 11_820), Section(".data", "data", 42),
            Section(".bss", "bss", 982),
        ),
        (
            Symbol("tp_weights_0", "flash", 956), Symbol("tp_conv_2d_s8", "flash", 820),
            Symbol("tp_arena", "ram", 368), Symbol("Serial", "ram", 349),
        ),
    )  # fmt: skip
    bins = tuple(HistogramBin(n, max(1, 40 - n * n)) for n in range(-5, 7))
    return dataclasses.replace(
        result,
        layers=layers,
        bench=bench,
        image=image,
        first_difference=FirstDifference(0, 1, "FULLY_CONNECTED", (1, 10), 10, 8, 6, None, bins),
        quiet_latency_us=1006.2,
        events=(
            Event("retransmission", 3, "first at sample 17"),
            Event("restart", 1, "watchdog"),
            Event("boot-text", 1, "optiboot 8.0"),
        ),
        budgets=(
            Budget("p99 latency", "us", 1000, 1024.5, BudgetClass.LATENCY),
            Budget("arena", "bytes", 1000, 368, BudgetClass.MEMORY),
        ),
    )


def reported(result: RunResult) -> tuple[Report, Evidence]:
    """Return what is written of a run."""
    assert result.evidence is not None
    return make_report(result), dataclasses.replace(result.evidence, ticks=narrow(result.ticks))


def in_every_string(value: Any, change: Callable[[str], str]) -> Any:
    """Return a report or a part of it with every string changed, enumerations excepted."""
    if type(value) is str:
        return change(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        changed = {f.name: in_every_string(getattr(value, f.name), change) for f in fields}
        return dataclasses.replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(in_every_string(item, change) for item in value)
    return value
