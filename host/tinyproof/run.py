"""The main job: model, firmware, board, samples, verdicts, report; skips what is up to date."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tinyproof import regression
from tinyproof.access import is_simulated
from tinyproof.answers import Answers
from tinyproof.budgets import target_budgets
from tinyproof.clock import ClockWatch, clock_error
from tinyproof.closer import look_closer
from tinyproof.codegen import Generated
from tinyproof.course import Course, RunOptions, classes_of, result_of
from tinyproof.discovery import resolve
from tinyproof.distance import Distance
from tinyproof.errors import TinyProofError, UsageError
from tinyproof.firmware import Firmware, generate_model, make_firmware
from tinyproof.harness import Board, attach, default_task, fingerprints, provenance
from tinyproof.image import image_figures
from tinyproof.metadata import normalizations
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.reference import ReferenceOutputs, ReferenceRun
from tinyproof.regression import Regression
from tinyproof.report import Clock, ClockStatus, Event, Provenance, RunResult
from tinyproof.report.gather import Gathering
from tinyproof.samples import PreparedSamples, prepare
from tinyproof.stability import Changes, repeat
from tinyproof.subject import Subject, find_samples, find_subject
from tinyproof.targets import find_target
from tinyproof.throughput import Stopwatch, measure_throughput, quiet_latency_us
from tinyproof.verdict import Judgement, Task, find_unstable, judge
from tinyproof.wanted import check_labels, check_truth, one_hot_note
from tinyproof.wirelog import Header, WireLog

__all__ = ["RunOptions", "run"]


def run(project: Project, options: RunOptions, progress: Progress) -> RunResult:
    """Do the main job and return what came of it, also when it ended early.

    Raises:
        UsageError: options, model or samples that cannot be used; nothing was started.
        PortError: no board is attached, and no port given.
    """
    target = find_target(project, options.target)
    if options.baud is not None:
        target = replace(target, baud=options.baud)
    target.engine(options.engine)
    simulated = is_simulated(target, options.port)
    subject = find_subject(project, options.model, options.samples, progress, form=options.form)
    worth = provenance(target, resolve(target, options.port), simulated=simulated)
    course = Course(options, target, subject, simulated, Provenance(worth))
    course.budgets = options.budgets.over(target_budgets(target))
    course.log = WireLog(options.wire_log) if options.wire_log else None
    try:
        _prove(project, course, progress)
    except UsageError:
        raise
    except TinyProofError as error:
        course.end_with(error)
    if course.log:
        lost = course.log.finish(course.error)
        course.error = course.error or lost
    try:
        return result_of(project, course)
    finally:
        course.close()


def _prepare(subject: Subject, generated: Generated, options: RunOptions) -> PreparedSamples:
    given, inputs = find_samples(subject, generated, options.random), generated.inputs
    raw = normalizations(subject.model, len(inputs)) if options.raw_samples else None
    samples = prepare(given, inputs, raw)
    if samples.labels is not None and options.task is not Task.TENSOR:
        check_labels(samples.labels, classes_of(generated), samples.source)
    if samples.truth is not None:
        check_truth(samples.truth, generated.outputs, samples.source)
    return samples


def _notes(samples: PreparedSamples, options: RunOptions) -> list[Event]:
    """Return what is odd about the samples, and what was assumed of them."""
    notes = [Event("samples-range", 1, warning) for warning in samples.warnings]
    labels, truth = samples.labels, samples.truth
    if labels is not None and truth is not None and options.task is not Task.TENSOR:
        note = one_hot_note(truth.shape[1], samples.source)
        notes.append(Event("samples-one-hot", 1, note))
    return notes


def _prove(project: Project, course: Course, progress: Progress) -> None:
    """Stream the samples and judge whatever was answered, however the stream ended."""
    model, options = course.subject.model, course.options
    engine = course.target.engine(options.engine)
    # What is wrong with model or samples shows before anything is built.
    course.generated = generated = generate_model(model, progress, course.target, options.engine)
    course.samples = samples = _prepare(course.subject, generated, options)
    course.notes += _notes(samples, options)
    course.answers = answers = Answers(sum(t.bytes for t in generated.outputs))
    # The reference works while the firmware is built, met and streamed to.
    with (
        ReferenceRun(model, samples.records, engine=engine) as expected,
        Distance(engine, model, samples.records) as distance,
        Gathering(model, course.subject.path, samples) as gathering,
    ):
        course.firmware = make_firmware(
            project,
            course.target,
            model,
            generated,
            progress,
            engine=engine,
            simulated=course.simulated,
        )
        course.image = image_figures(course.firmware.build.program)
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
                _compare(course, expected, distance, gathering, progress)
                look_closer(course, course.board, progress)
        except UsageError:
            raise
        except TinyProofError as error:
            course.end_with(error)
        if len(answers) and not course.compared:
            _compare(course, expected, distance, gathering, progress)


def _compare(
    course: Course,
    expected: ReferenceRun,
    distance: Distance,
    gathering: Gathering,
    progress: Progress,
) -> None:
    """Judge what was answered, while the board waits to be asked about it."""
    generated, samples, answers = course.generated, course.samples, course.answers
    assert generated
    assert samples
    assert answers is not None
    course.compared = True
    answers.skip_to(len(samples))
    with progress.step("compare", f"with {expected.name}") as step:
        course.expected = expected.collect()
        course.judgement = _judge(course, generated, samples, answers, course.expected)
        course.notes += _notes_on(course.expected)
        course.regression = _regression(course, generated, samples, answers)
        course.distance = distance.collect(
            generated.outputs, course.expected.records, course.judgement.task
        )
        course.evidence = gathering.collect(
            generated.outputs, course.expected.records, answers, course.judgement
        )
        step.result(", ".join(f"{n} {v}" for v, n in course.judgement.counts().items() if n))


def _notes_on(expected: ReferenceOutputs) -> list[Event]:
    """Return a note if the samples cannot tell a board that computes from one that does not."""
    first = expected.records[0]
    if len(expected.records) < 2 or any(record != first for record in expected.records):
        return []
    text = "the reference answers all samples alike: a board that says nothing else passes too"
    return [Event("answers-alike", 1, text)]


def _regression(
    course: Course, generated: Generated, samples: PreparedSamples, answers: Answers
) -> Regression | None:
    if not course.expected or not course.judgement or course.judgement.task is not Task.TENSOR:
        return None
    expected = course.expected.records
    return regression.measure(generated.outputs[0], answers, expected, samples.truth)


def _header(course: Course, firmware: Firmware, samples: PreparedSamples) -> Header:
    options, labels = course.options, samples.labels
    return Header(
        target=course.target.name,
        engine=firmware.engine,
        provenance=course.provenance,
        port=options.port or "",
        model_name=course.subject.name,
        model=course.subject.model,
        samples=b"".join(samples),
        samples_source=samples.source,
        labels=None if labels is None else labels.tolist(),
        build_id=firmware.build.id,
        task=options.task or default_task(samples),
        tolerance_lsb=options.tolerance_lsb,
        max_latency_us=course.budgets.latency_p99_us,
        budgets=course.budgets.heard().given(),
    )


def _stream(
    course: Course, board: Board, samples: PreparedSamples, answers: Answers, progress: Progress
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
    course.memory = board.memory()
    # Answers count also where only their time is of interest.
    changed = Changes(answers)
    note = partial(changed.note, 0, when="with the line idle")
    course.throughput = measure_throughput(board, samples[0], answers.ticks, seconds, note)
    course.quiet_latency_us = quiet_latency_us(board, samples[0], note)
    course.differences += changed.found
    course.clock = _check_clock(course, clock)


def _check_clock(course: Course, clock: ClockWatch | None) -> Clock:
    """Hold the board's clock against the host's; a second more is nothing to a real board.

    Nor is it to whoever asks for it, or demands a latency: one by a clock that nobody looked at
    proves nothing.
    """
    if clock is None:
        return Clock(ClockStatus.SIMULATED)
    is_real = not course.simulated and not course.target.hosted
    is_demanded = course.options.check_clock or course.budgets.demands_latency
    found = clock.check(wait=is_real or is_demanded)
    course.error = course.error or clock_error(found, is_demanded=is_demanded)
    return found


def _judge(
    course: Course,
    generated: Generated,
    samples: PreparedSamples,
    answers: Answers,
    outputs: ReferenceOutputs,
) -> Judgement:
    return judge(
        generated.outputs,
        outputs.records,
        answers,
        task=course.options.task or default_task(samples),
        tolerance_lsb=course.options.tolerance_lsb,
        unstable=find_unstable(fingerprints(samples), answers)
        | {found.sample for found in course.differences},
    )
