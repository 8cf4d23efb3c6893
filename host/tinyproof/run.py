"""The main job: model, firmware, board, samples, verdicts, report; skips what is up to date."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof import reference, surroundings
from tinyproof.access import is_simulated
from tinyproof.answers import Answers
from tinyproof.clock import ClockWatch, clock_error
from tinyproof.codegen import Generated
from tinyproof.convert.forms import Form
from tinyproof.device import Device
from tinyproof.errors import TinyProofError, UsageError
from tinyproof.harness import (
    Board,
    Firmware,
    attach,
    default_task,
    fingerprints,
    generate_model,
    make_firmware,
)
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.reference import ReferenceRun
from tinyproof.report import (
    Budget,
    BudgetClass,
    BuildInfo,
    Clock,
    ClockStatus,
    Event,
    GitInfo,
    Memory,
    ModelInfo,
    Provenance,
    RunResult,
    Throughput,
)
from tinyproof.samples import PreparedSamples, check_labels, prepare
from tinyproof.stability import Difference, repeat, sentence
from tinyproof.stats import latency
from tinyproof.subject import Subject, find_samples, find_subject
from tinyproof.targets import Target, find_target
from tinyproof.throughput import Stopwatch, measure_throughput, quiet_latency_us
from tinyproof.verdict import Judgement, Task, find_unstable, judge
from tinyproof.wirelog import Header, WireLog

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
        max_latency_us: budget of the p99 latency, microseconds.
        baud: the serial port's speed, bits per second; None for the target's own.
        flash: whether a board that runs something else is flashed; otherwise it is refused.
        repeat: how many more times the samples are streamed, to find answers that change.
        wire_log: file that every byte that passes is written to; None for none.
        check_clock: wait until the board's clock has been watched for long enough, which is always
            done with real boards.
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
    max_latency_us: float | None = None
    baud: int | None = None
    flash: bool = True
    check_clock: bool = False
    repeat: int = 0
    wire_log: Path | None = None


@dataclass
class _Course:
    """What has become known so far; a run that ends early reports just that."""

    options: RunOptions
    target: Target
    subject: Subject
    simulated: bool
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    generated: Generated | None = None
    firmware: Firmware | None = None
    board: Board | None = None
    samples: PreparedSamples | None = None
    answers: Answers | None = None
    judgement: Judgement | None = None
    throughput: Throughput | None = None
    quiet_latency_us: float | None = None
    memory: Memory = field(default_factory=Memory)
    tick_hz: float = 0.0
    clock: Clock | None = None
    differences: list[Difference] = field(default_factory=list)
    log: WireLog | None = None
    error: TinyProofError | None = None


def run(project: Project, options: RunOptions, progress: Progress) -> RunResult:
    """Do the main job and return what came of it, also when it ended early.

    Raises:
        UsageError: options, model or samples that cannot be used; nothing was started.
    """
    target = find_target(project, options.target)
    if options.baud is not None:
        target = replace(target, baud=options.baud)
    target.engine(options.engine)
    simulated = is_simulated(target, options.port)
    subject = find_subject(project, options.model, options.samples, progress, form=options.form)
    course = _Course(options, target, subject, simulated)
    course.log = WireLog(options.wire_log) if options.wire_log else None
    try:
        _prove(project, course, progress)
    except UsageError:
        raise
    except TinyProofError as error:
        course.error = error
    if course.log:
        lost = course.log.finish(course.error)
        course.error = course.error or lost
    return _result(project, course)


def _prepare(subject: Subject, generated: Generated, options: RunOptions) -> PreparedSamples:
    samples = prepare(find_samples(subject, generated, options.random), generated.inputs)
    if samples.labels is not None and options.task is not Task.TENSOR:
        check_labels(samples.labels, _classes(generated), samples.source)
    return samples


def _classes(generated: Generated) -> int:
    return int(np.prod(generated.outputs[0].shape))


def _prove(project: Project, course: _Course, progress: Progress) -> None:
    """Stream the samples and judge whatever was answered, however the stream ended."""
    model, options = course.subject.model, course.options
    # What is wrong with model or samples shows before anything is built.
    course.generated = generated = generate_model(model, progress)
    course.samples = samples = _prepare(course.subject, generated, options)
    course.answers = answers = Answers(sum(t.bytes for t in generated.outputs))
    # LiteRT works while the firmware is built, met and streamed to.
    with ReferenceRun(model, samples.records) as expected:
        course.firmware = make_firmware(
            project,
            course.target,
            model,
            generated,
            progress,
            engine=options.engine,
            simulated=course.simulated,
        )
        if course.log:
            course.log.begin(_header(course, course.firmware, samples))
        try:
            with attach(
                project,
                course.firmware,
                options.port,
                progress,
                flash=options.flash,
                observer=course.log.observe if course.log else None,
            ) as course.board:
                course.tick_hz = course.board.hello.tick_rate
                _stream(course, course.board, samples, answers, progress)
        except UsageError:
            raise
        except TinyProofError as error:
            course.error = error
        if not len(answers):
            return
        answers.skip_to(len(samples))
        with progress.step("compare", "with LiteRT") as step:
            course.judgement = _judge(course, generated, samples, answers, expected)
            step.result(", ".join(f"{n} {v}" for v, n in course.judgement.counts().items() if n))


def _header(course: _Course, firmware: Firmware, samples: PreparedSamples) -> Header:
    options, labels = course.options, samples.labels
    return Header(
        target=course.target.name,
        engine=firmware.engine,
        provenance=Provenance(course.target.provenance if course.simulated else "board"),
        port=options.port or "",
        model_name=course.subject.name,
        model=course.subject.model,
        samples=b"".join(samples),
        samples_source=samples.source,
        labels=None if labels is None else labels.tolist(),
        build_id=firmware.build.id,
        task=options.task or default_task(samples),
        tolerance_lsb=options.tolerance_lsb,
        max_latency_us=options.max_latency_us,
    )


def _stream(
    course: _Course, board: Board, samples: PreparedSamples, answers: Answers, progress: Progress
) -> None:
    total = len(samples)
    clock = None if board.simulator else ClockWatch(board.device)
    watch = Stopwatch(board)
    with progress.step("stream", f"{total:,} samples") as step:
        for answer in board.stream(samples):
            # Answers are in order; a stream that ends early may leave some out.
            answers.skip_to(answer.index)
            if answer.error is None:
                answers.add(answer.output, answer.ticks)
            else:
                answers.add_none()
                course.error = course.error or answer.error
            if not len(answers) % 64:
                step.update(len(answers), total)
        seconds = watch.seconds()
        step.update(len(answers), total)
        step.result(f"{len(answers) / max(seconds, 1e-9):,.0f} samples/s{watch.time}")
        if course.options.repeat:
            course.differences = repeat(board, samples, answers, course.options.repeat, step)
    course.memory = _memory(board.device, board.firmware)
    course.throughput = measure_throughput(board, samples[0], answers.ticks, seconds)
    course.quiet_latency_us = quiet_latency_us(board, samples[0])
    course.clock = _check_clock(course, clock)


def _check_clock(course: _Course, clock: ClockWatch | None) -> Clock:
    """Hold the board's clock against the host's; a second more is nothing to a real board."""
    if clock is None:
        return Clock(ClockStatus.SIMULATED)
    is_real = not course.simulated and not course.target.hosted
    found = clock.check(wait=course.options.check_clock or is_real)
    course.error = course.error or clock_error(found)
    return found


def _memory(device: Device, firmware: Firmware) -> Memory:
    hello, status, sizes = device.description, device.status(), firmware.build.sizes
    return Memory(
        flash=sizes.flash,
        static_ram=sizes.static_ram,
        arena=hello.arena_used,
        stack=status.stack_used or None,
        arena_reserved=hello.arena_reserved,
        free_ram=status.free_ram or None,
        flash_size=firmware.target.flash_bytes or None,
        ram_size=firmware.target.ram_bytes or None,
    )


def _judge(
    course: _Course,
    generated: Generated,
    samples: PreparedSamples,
    answers: Answers,
    expected: ReferenceRun,
) -> Judgement:
    outputs = expected.collect()
    try:
        return judge(
            generated.outputs,
            outputs.records,
            answers,
            task=course.options.task or default_task(samples),
            tolerance_lsb=course.options.tolerance_lsb,
            unstable=find_unstable(fingerprints(samples), answers)
            | {found.sample for found in course.differences},
        )
    finally:
        outputs.close()


def _result(project: Project, course: _Course) -> RunResult:
    firmware, samples, board = course.firmware, course.samples, course.board
    ticks = np.frombuffer(course.answers.ticks, np.uint64) if course.answers else np.empty(0)
    commit = surroundings.git_commit(project.root)
    return RunResult(
        started=course.started,
        duration_s=time.monotonic() - course.began,
        target=course.target.name,
        provenance=Provenance(course.target.provenance if course.simulated else "board"),
        engine=course.target.engine(course.options.engine),
        engine_version=board.hello.model.engine_version if board else "",
        model=_model_info(course.subject),
        reference=reference.describe(),
        samples=len(samples) if samples else 0,
        port=board.port if board else "",
        samples_source=samples.source if samples else "",
        samples_sha256=samples.sha256 if samples else "",
        judgement=course.judgement,
        labels=samples.labels if samples else None,
        classes=_classes(course.generated) if course.generated else 0,
        ticks=ticks,
        tick_hz=course.tick_hz,
        clock=course.clock,
        build=_build_info(firmware) if firmware else BuildInfo(),
        git=GitInfo(commit.commit, commit.dirty) if commit else None,
        throughput=course.throughput,
        quiet_latency_us=course.quiet_latency_us,
        memory=course.memory,
        events=tuple(_events(course, board)) if board else (),
        budgets=tuple(_budgets(course, ticks)),
        versions=surroundings.versions(),
        error=course.error,
    )


def _model_info(subject: Subject) -> ModelInfo:
    return ModelInfo(subject.name, hashlib.sha256(subject.model).hexdigest(), len(subject.model))


def _build_info(firmware: Firmware) -> BuildInfo:
    made = firmware.build
    tools = "; ".join(made.toolchain.splitlines())
    return BuildInfo(made.id_hex, tools, tuple(made.flags.split()))


def _events(course: _Course, board: Board) -> Iterator[Event]:
    events = board.device.events
    causes = ", ".join(sorted(set(events.causes)))
    for kind, number in (
        ("restart", events.restarts),
        ("retransmission", events.retransmissions),
        ("probe", events.probes),
        ("late-answer", events.late_answers),
        ("dropped-frame", events.dropped_frames),
    ):
        if number:
            yield Event(kind, number, causes if kind == "restart" else "")
    for text in board.device.link.returns:
        yield Event("port-return", 1, text)
    if course.differences:
        yield Event("unstable", len(course.differences), sentence(course.differences))
    for text in events.texts:
        yield Event("boot-text", 1, text)


def _budgets(course: _Course, ticks: Ticks) -> Iterator[Budget]:
    limit = course.options.max_latency_us
    if limit is not None:
        figures = latency(ticks, course.tick_hz)
        measured = figures.p99 if figures else None
        yield Budget("p99 latency", "us", limit, measured, BudgetClass.LATENCY)
