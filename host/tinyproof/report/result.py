"""What a run hands to its report: everything that happened, nothing yet summed up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.errors import TinyProofError
from tinyproof.reference import ReferenceDescription
from tinyproof.regression import Regression
from tinyproof.report.evidence import Evidence
from tinyproof.report.figures import (
    BenchFigures,
    FirstDifference,
    ImageFigures,
    LayerFigures,
    ReferenceDistance,
)
from tinyproof.report.parts import (
    Budget,
    BuildInfo,
    Clock,
    Event,
    GitInfo,
    Memory,
    ModelInfo,
    Provenance,
    Throughput,
)
from tinyproof.verdict import Judgement, Verdict


def _no_ticks() -> NDArray[np.uint32]:
    return np.empty(0, np.uint32)


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """One execution, finished or ended early.

    Attributes:
        started: when, with its time zone.
        duration_s: seconds from start to verdict.
        target: name of the target.
        provenance: what ran the firmware.
        engine: ``aot`` or ``tflm``.
        model: the model under test.
        reference: what gave the expected answers.
        samples: how many samples there were to test.
        port: name or URL of the port, empty if none was opened.
        baud: speed of the serial line, bits per second; None where there is none, or none known.
        engine_version: as the board told it.
        samples_source: where the samples come from.
        samples_sha256: of all prepared samples, hexadecimal.
        judgement: the verdicts; None if no comparison took place.
        labels: (n,) integers, None without labels.
        classes: values of the first output; read only when there are labels.
        class_names: one for each class, from the model's metadata; empty without.
        ticks: (m,) one count for each inference answered.
        tick_hz: ticks per second, 0 if the board never told.
        clock: the board's, held against the host's; None if it never came to that.
        build: the firmware.
        git: the user's checkout, None outside of one.
        throughput: None if nothing was streamed.
        quiet_latency_us: of one inference with nothing on the line; None if not measured.
        memory: sizes and marks.
        events: what happened on the way.
        budgets: what was demanded, with what was found.
        layers: the engine's layers; ticks only where they were profiled.
        bench: where the time goes; None if it was not measured.
        image: what the firmware image is made of.
        first_difference: the first layer that differs; None if none was looked for or found.
        reference_distance: from the reference to LiteRT; None where that is the reference.
        versions: of the tools that matter, by name.
        evidence: what pictures are drawn from; None if it was not gathered.
        regression: errors in real units, of outputs that are compared as tensors; None otherwise.
        error: what ended the run early or cast doubt on it; None otherwise.
    """

    started: datetime
    duration_s: float
    target: str
    provenance: Provenance
    engine: str
    model: ModelInfo
    reference: ReferenceDescription
    samples: int
    port: str = ""
    baud: int | None = None
    engine_version: str = ""
    samples_source: str = ""
    samples_sha256: str = ""
    judgement: Judgement | None = None
    labels: NDArray[np.int64] | None = None
    classes: int = 0
    class_names: tuple[str, ...] = ()
    ticks: NDArray[Any] = field(default_factory=_no_ticks)
    tick_hz: float = 0
    clock: Clock | None = None
    build: BuildInfo = field(default_factory=BuildInfo)
    git: GitInfo | None = None
    throughput: Throughput | None = None
    quiet_latency_us: float | None = None
    memory: Memory = field(default_factory=Memory)
    events: tuple[Event, ...] = ()
    budgets: tuple[Budget, ...] = ()
    layers: tuple[LayerFigures, ...] = ()
    bench: BenchFigures | None = None
    image: ImageFigures | None = None
    first_difference: FirstDifference | None = None
    reference_distance: ReferenceDistance | None = None
    regression: Regression | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    evidence: Evidence | None = None
    error: TinyProofError | None = None

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """How many samples got each verdict; all are missing where nothing was compared."""
        if self.judgement is None:
            return {v: self.samples if v is Verdict.MISSING else 0 for v in Verdict}
        return self.judgement.counts()
