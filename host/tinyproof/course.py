"""The course of a run: what it was asked, what has become known, and the result that makes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof import reference, surroundings
from tinyproof.answers import Answers
from tinyproof.bench import BenchOptions
from tinyproof.budgets import Budgets, judge_budgets, measured
from tinyproof.codegen import Generated
from tinyproof.convert.forms import Form
from tinyproof.errors import ClockError, RefusedError, TinyProofError
from tinyproof.firmware import Firmware
from tinyproof.harness import Board
from tinyproof.metadata import class_names
from tinyproof.project import Project
from tinyproof.reference import ReferenceOutputs
from tinyproof.regression import Regression
from tinyproof.report import (
    BenchFigures,
    BuildInfo,
    Clock,
    Event,
    FirstDifference,
    GitInfo,
    ImageFigures,
    LayerFigures,
    Memory,
    ModelInfo,
    Provenance,
    ReferenceDistance,
    RunResult,
    Throughput,
)
from tinyproof.report.evidence import Evidence
from tinyproof.samples import PreparedSamples
from tinyproof.stability import Difference, sentence
from tinyproof.stats import latency
from tinyproof.subject import Subject
from tinyproof.targets import Target
from tinyproof.verdict import Judgement, Task
from tinyproof.wirelog import WireLog

Ticks = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What a run is asked to do.

    Attributes:
        target: name of the target.
        port: serial port or pyserial URL, ``sim``, or None for a target that is a program.
        model: a ``.tflite`` file; None for the digits.
        form: which form of the digits model.
        samples: an ``.npz`` file; None for the digits' own.
        random: number of random and edge-value samples instead of a file.
        engine: ``aot`` or ``tflm``; None for the target's default.
        task: whether classes matter; None: if there are labels.
        tolerance_lsb: k of the verdicts close and tie; None: only exact answers pass.
        budgets: what is demanded beyond what ``target.ini`` demands.
        baud: the serial port's speed, bits per second; None for the target's own.
        flash: whether a board that runs something else is flashed; otherwise it is refused.
        repeat: how many more times the samples are streamed, to find answers that change.
        wire_log: file that every byte that passes is written to; None for none.
        check_clock: wait until the board's clock has been watched for long enough, which is always
            done with real boards.
        trace: look for the first layer that differs even if no answer is wrong.
        bench: measure where the time goes, too; None: do not.
        raw_samples: the samples are prepared as the model's metadata says.
    """

    target: str = "native"
    port: str | None = None
    model: Path | None = None
    form: Form = Form.INT8
    samples: Path | None = None
    random: int | None = None
    engine: str | None = None
    task: Task | None = None
    tolerance_lsb: int | None = None
    budgets: Budgets = field(default_factory=Budgets)
    baud: int | None = None
    flash: bool = True
    check_clock: bool = False
    repeat: int = 0
    wire_log: Path | None = None
    trace: bool = False
    bench: BenchOptions | None = None
    raw_samples: bool = False


@dataclass
class Course:
    """What has become known so far; a run that ends early reports just that.

    Attributes:
        provenance: what ran the firmware.
        budgets: those of the command line, and those of ``target.ini`` where it gives none.
        compared: whether the comparison was begun; it is made once.
        expected: the reference's answers; ``close`` releases them.
        ticks: of each inference that counts; those of the stream unless a bench measured its own.
        notes: what else happened on the way.
    """

    options: RunOptions
    target: Target
    subject: Subject
    simulated: bool
    provenance: Provenance = Provenance.BOARD
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    generated: Generated | None = None
    firmware: Firmware | None = None
    board: Board | None = None
    samples: PreparedSamples | None = None
    answers: Answers | None = None
    judgement: Judgement | None = None
    evidence: Evidence | None = None
    throughput: Throughput | None = None
    quiet_latency_us: float | None = None
    memory: Memory = field(default_factory=Memory)
    tick_hz: float = 0.0
    clock: Clock | None = None
    differences: list[Difference] = field(default_factory=list)
    log: WireLog | None = None
    budgets: Budgets = field(default_factory=Budgets)
    compared: bool = False
    expected: ReferenceOutputs | None = None
    ticks: Ticks | None = None
    layers: tuple[LayerFigures, ...] = ()
    bench: BenchFigures | None = None
    image: ImageFigures | None = None
    first_difference: FirstDifference | None = None
    distance: ReferenceDistance | None = None
    regression: Regression | None = None
    notes: list[Event] = field(default_factory=list)
    error: TinyProofError | None = None

    def end_with(self, error: TinyProofError) -> None:
        """Take note of what ended the run; a clock that is off is outranked by a stranger only."""
        if not isinstance(self.error, ClockError) or isinstance(error, RefusedError):
            self.error = error

    def close(self) -> None:
        """Release temporary files."""
        if self.expected:
            self.expected.close()


def classes_of(generated: Generated) -> int:
    """Return how many values the first output has."""
    return int(np.prod(generated.outputs[0].shape))


def result_of(project: Project, course: Course) -> RunResult:
    """Sum up what has become known."""
    firmware, samples, board = course.firmware, course.samples, course.board
    ticks = _ticks(course)
    commit = surroundings.git_commit(project.root)
    labels = samples.labels if samples else None
    outputs = course.generated.outputs if course.generated else ()
    figures = latency(ticks, course.tick_hz)
    found = measured(course.judgement, labels, outputs, figures, course.memory)
    return RunResult(
        started=course.started,
        duration_s=time.monotonic() - course.began,
        target=course.target.name,
        provenance=course.provenance,
        engine=course.target.engine(course.options.engine),
        engine_version=board.hello.model.engine_version if board else "",
        model=_model_info(course.subject),
        reference=reference.describe(course.target.engine(course.options.engine)),
        samples=len(samples) if samples else 0,
        port=board.port if board else "",
        baud=_baud(course),
        samples_source=samples.source if samples else "",
        samples_sha256=samples.sha256 if samples else "",
        judgement=course.judgement,
        labels=labels,
        classes=classes_of(course.generated) if course.generated else 0,
        class_names=_class_names(course),
        ticks=ticks,
        tick_hz=course.tick_hz,
        clock=course.clock,
        build=_build_info(firmware) if firmware else BuildInfo(),
        git=GitInfo(commit.commit, commit.dirty) if commit else None,
        throughput=course.throughput,
        quiet_latency_us=course.quiet_latency_us,
        memory=course.memory,
        events=tuple(_events(course, board)) if board else (),
        budgets=judge_budgets(course.budgets, found),
        layers=course.layers,
        bench=course.bench,
        image=course.image,
        first_difference=course.first_difference,
        reference_distance=course.distance,
        regression=course.regression,
        versions=surroundings.versions(),
        evidence=course.evidence,
        error=course.error,
    )


def _baud(course: Course) -> int | None:
    """Return the speed of the line to the board that was met, if both ends are known to have it.

    Whatever is behind a pseudo-terminal or ``socket://`` is never told a speed.
    """
    board = course.board
    if board is None:
        return None
    is_set = board.provenance == Provenance.BOARD or board.port.lower().startswith("rfc2217://")
    return course.target.line_baud if course.simulated or is_set else None


def _class_names(course: Course) -> tuple[str, ...]:
    if course.generated is None:
        return ()
    return class_names(course.subject.model, classes_of(course.generated))


def _model_info(subject: Subject) -> ModelInfo:
    return ModelInfo(subject.name, hashlib.sha256(subject.model).hexdigest(), len(subject.model))


def _build_info(firmware: Firmware) -> BuildInfo:
    made = firmware.build
    tools = "; ".join(made.toolchain.splitlines())
    return BuildInfo(made.id_hex, tools, tuple(made.flags.split()))


def _events(course: Course, board: Board) -> Iterator[Event]:
    events = board.device.events
    causes = ", ".join(sorted(set(events.causes)))
    for kind, number, what in (
        ("restart", events.restarts, causes),
        ("retransmission", events.retransmissions, "sent again: request or answer was lost"),
        ("probe", events.probes, "asked whether the board still lives, which was silent"),
        ("late-answer", events.late_answers, "came when nobody waited for it any more"),
        ("dropped-frame", events.dropped_frames, "no intact frame: damaged, or text"),
    ):
        if number:
            yield Event(kind, number, what)
    for text in board.device.link.returns:
        yield Event("port-return", 1, text)
    if course.differences:
        yield Event("unstable", len(course.differences), sentence(course.differences))
    for text in events.texts:
        yield Event("boot-text", 1, text)
    yield from course.notes


def _ticks(course: Course) -> Ticks:
    if course.ticks is not None:
        return course.ticks
    return np.frombuffer(course.answers.ticks, np.uint64) if course.answers else np.empty(0)
