"""The report: a run summed up, with one field for each key of ``report.json``."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyproof import stats
from tinyproof.reference import ReferenceDescription
from tinyproof.regression import Regression
from tinyproof.report.figures import (
    BenchFigures,
    FirstDifference,
    ImageFigures,
    LayerFigures,
    ReferenceDistance,
)
from tinyproof.report.outcome import decide
from tinyproof.report.parts import (
    Budget,
    BuildInfo,
    Clock,
    ClockStatus,
    Event,
    Failure,
    GitInfo,
    Memory,
    ModelInfo,
    Provenance,
    Throughput,
)
from tinyproof.report.result import RunResult
from tinyproof.text import printable
from tinyproof.verdict import Judgement, Task, Verdict

SCHEMA = 1
"""Version of ``report.json``: fields may be added under it, none changes meaning or vanishes."""
LISTED_SAMPLES = 20
"""How many samples that are not exact are listed with their figures."""
MAX_CONFUSION_CLASSES = 100
"""Beyond this many classes the confusion matrices are left out: nobody reads them."""

_WORST_FIRST = (
    Verdict.WRONG,
    Verdict.UNSTABLE,
    Verdict.TIE,
    Verdict.MISSING,
    Verdict.CLOSE,
)


@dataclass(frozen=True)
class DifferingSample:
    """A sample that is not exact; see ``tinyproof.verdict.SampleVerdict``. None: does not apply."""

    index: int
    verdict: Verdict
    wanted: int | None
    got: int | None
    label: int | None
    lsb_error: int | None
    relative_error: float | None
    margin: float | None


@dataclass(frozen=True)
class LargestError:
    """The largest difference of all samples; None where there was none to be had."""

    lsb: int | None
    relative: float | None


@dataclass(frozen=True)
class Accuracy:
    """Shares of samples whose class is their label; a missing answer is not right."""

    device: float
    reference: float


@dataclass(frozen=True)
class Confusion:
    """How often a label (row) was taken for a class (column)."""

    device: tuple[tuple[int, ...], ...]
    reference: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Report:
    """One run as ``report.json`` tells it; docs/report.md explains each field."""

    schema: int
    date: str
    duration_s: float
    target: str
    port: str
    provenance: Provenance
    engine: str
    engine_version: str
    reference: ReferenceDescription
    model: ModelInfo
    build: BuildInfo
    git: GitInfo | None
    task: Task | None
    tolerance_lsb: int | None
    samples: int
    samples_source: str
    samples_sha256: str
    verdicts: dict[str, int]
    largest_error: LargestError
    differing: tuple[DifferingSample, ...]
    accuracy: Accuracy | None
    confusion: Confusion | None
    latency_us: stats.Latency | None
    quiet_latency_us: float | None
    tick_hz: float
    clock: Clock | None
    throughput: Throughput | None
    memory: Memory
    events: tuple[Event, ...]
    budgets: tuple[Budget, ...]
    versions: dict[str, str]
    passed: bool
    failure: Failure | None
    exit_code: int
    layers: tuple[LayerFigures, ...] = ()
    bench: BenchFigures | None = None
    image: ImageFigures | None = None
    first_difference: FirstDifference | None = None
    reference_distance: ReferenceDistance | None = None
    class_names: tuple[str, ...] = ()
    baud: int | None = None
    regression: Regression | None = None

    def class_name(self, number: int) -> str:
        """Return the name of a class; its number where it has none."""
        named = 0 <= number < len(self.class_names)
        return printable(self.class_names[number], limit=60) if named else str(number)


def make_report(result: RunResult) -> Report:
    """Sum up a run."""
    failure, exit_code = decide(result)
    judgement = result.judgement
    accuracy, confusion = _against_labels(result)
    return Report(
        schema=SCHEMA,
        date=result.started.isoformat(timespec="seconds"),
        duration_s=round(result.duration_s, 3),
        target=result.target,
        port=result.port,
        provenance=result.provenance,
        engine=result.engine,
        engine_version=result.engine_version,
        reference=result.reference,
        model=result.model,
        build=result.build,
        git=result.git,
        task=judgement.task if judgement else None,
        tolerance_lsb=judgement.tolerance_lsb if judgement else None,
        samples=result.samples,
        samples_source=result.samples_source,
        samples_sha256=result.samples_sha256,
        verdicts={verdict.value: n for verdict, n in result.verdicts.items()},
        largest_error=_largest_error(judgement),
        differing=_differing(result),
        accuracy=accuracy,
        confusion=confusion,
        latency_us=_latency(result),
        quiet_latency_us=result.quiet_latency_us,
        tick_hz=result.tick_hz,
        clock=result.clock,
        throughput=result.throughput,
        memory=result.memory,
        events=result.events,
        budgets=result.budgets,
        versions=dict(result.versions),
        passed=failure is None,
        failure=failure,
        exit_code=exit_code,
        layers=result.layers,
        bench=result.bench,
        image=result.image,
        first_difference=result.first_difference,
        reference_distance=result.reference_distance,
        class_names=result.class_names,
        regression=result.regression,
        baud=result.baud,
    )


def _latency(result: RunResult) -> stats.Latency | None:
    """Return the figures; a clock that is off has none, nor one whose memory was overwritten."""
    if result.memory.is_overrun:
        return None
    if result.clock and result.clock.status is ClockStatus.OFF:
        return None
    return stats.latency(result.ticks, result.tick_hz)


def _largest_error(judgement: Judgement | None) -> LargestError:
    if judgement is None:
        return LargestError(None, None)
    lsb = int(judgement.lsb_error.max(initial=-1))
    known = judgement.relative_error[~np.isnan(judgement.relative_error)]
    return LargestError(lsb if lsb >= 0 else None, _finite(float(known.max(initial=0.0))))


def _differing(result: RunResult) -> tuple[DifferingSample, ...]:
    """Return the first samples of each verdict, worst verdict first."""
    judgement = result.judgement
    if judgement is None:
        return ()
    return tuple(_sample(result, judgement, int(index)) for index in listed_samples(judgement))


def listed_samples(judgement: Judgement) -> NDArray[np.int64]:
    """Return the indices of the samples that a report lists, (m,), worst verdict first."""
    found = np.concatenate([judgement.which(verdict) for verdict in _WORST_FIRST])
    return found[:LISTED_SAMPLES]


def _sample(result: RunResult, judgement: Judgement, index: int) -> DifferingSample:
    sample = judgement[index]
    return DifferingSample(
        index=index,
        verdict=sample.verdict,
        wanted=_present(sample.wanted),
        got=_present(sample.got),
        label=None if result.labels is None else int(result.labels[index]),
        lsb_error=_present(sample.lsb_error),
        relative_error=_finite(sample.relative_error),
        margin=_finite(sample.margin),
    )


def _against_labels(result: RunResult) -> tuple[Accuracy | None, Confusion | None]:
    judgement, labels = result.judgement, result.labels
    if judgement is None or labels is None or judgement.task is Task.TENSOR or not len(labels):
        return None, None
    accuracy = Accuracy(
        stats.accuracy(labels, judgement.got), stats.accuracy(labels, judgement.wanted)
    )
    if not 0 < result.classes <= MAX_CONFUSION_CLASSES:
        return accuracy, None
    device, reference = (
        tuple(tuple(row) for row in stats.confusion(labels, got, result.classes).tolist())
        for got in (judgement.got, judgement.wanted)
    )
    return accuracy, Confusion(device, reference)


def _present(number: int) -> int | None:
    return None if number < 0 else number


def _finite(number: float) -> float | None:
    """Return None for what JSON cannot say."""
    return number if math.isfinite(number) else None
