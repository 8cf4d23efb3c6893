"""What a run looks at once the answers are judged, while the board is still there."""

from __future__ import annotations

from dataclasses import replace

from tinyproof.bench import measure, time_litert
from tinyproof.course import Course
from tinyproof.errors import DeviceError, ReferenceFailedError
from tinyproof.first_difference import find_first_difference
from tinyproof.harness import Board
from tinyproof.layers import PlannedLayer, layer_figures, planned_layers
from tinyproof.progress import Progress
from tinyproof.reference import describe
from tinyproof.report import Event
from tinyproof.verdict import Verdict


def look_closer(course: Course, board: Board, progress: Progress) -> None:
    """Trace what is wrong, and measure where the time goes if that was asked for.

    Raises:
        TinyProofError: see ``find_first_difference`` and ``bench.measure``.
    """
    firmware = board.firmware
    layers = planned_layers(firmware.generated, firmware.engine, firmware.model)
    course.layers = layer_figures(layers)
    suspect = suspicious_sample(course)
    if suspect is not None and layers:
        try:
            _trace(course, board, layers, suspect, progress)
        except (DeviceError, ReferenceFailedError) as error:
            # What the answers prove, they prove without a trace.
            course.notes.append(Event("trace", 1, f"sample {suspect}: {error.sentence}"))
    if course.options.bench:
        _bench(course, board, layers, progress)


def suspicious_sample(course: Course) -> int | None:
    """Return the sample to trace: the first wrong one; if asked for, the first that differs or 0.

    None if there is nothing to look for.
    """
    if course.judgement is None:
        return None
    wrong = course.judgement.which(Verdict.WRONG)
    if len(wrong):
        return int(wrong[0])
    if not course.options.trace:
        return None
    others = course.judgement.which(Verdict.TIE, Verdict.CLOSE, Verdict.UNSTABLE)
    return int(others[0]) if len(others) else 0


def _trace(
    course: Course,
    board: Board,
    layers: tuple[PlannedLayer, ...],
    index: int,
    progress: Progress,
) -> None:
    assert course.samples
    with progress.step("trace", f"sample {index} layer by layer") as step:
        found, agreed = find_first_difference(
            board.device,
            board.firmware.model,
            layers,
            index,
            course.samples[index],
            step,
            board.firmware.engine,
        )
        course.first_difference = found
        if found:
            step.result(f"layer {found.layer}, {found.name}, differs first")
            return
        reference = describe(board.firmware.engine).interpreter
        words = f"the first {agreed} of {len(layers)} layers agree with {reference}"
        if agreed == len(layers):
            words = f"all {agreed} layers agree with {reference} when they are traced"
        step.result(words)
        course.notes.append(Event("trace", 1, f"sample {index}: {words}"))


def _bench(
    course: Course, board: Board, layers: tuple[PlannedLayer, ...], progress: Progress
) -> None:
    options, firmware, samples = course.options.bench, board.firmware, course.samples
    assert options
    assert samples
    with progress.step("bench", f"{options.repeats} repeats") as step:
        assert course.answers is not None
        found = measure(board, samples.records, course.answers, options, step)
        course.bench, course.ticks = found.figures, found.ticks
        course.differences += found.differences
        if course.judgement:
            changed = {difference.sample for difference in found.differences}
            course.judgement = course.judgement.with_unstable(changed)
        clock_hz = firmware.target.clock_hz
        ratio = clock_hz / board.hello.tick_rate if clock_hz else None
        course.layers = layer_figures(layers, found.profiles, ratio)
        step.result(f"p50 {found.figures.device_us:,.1f} us, {len(found.ticks):,} inferences")
    if options.litert:
        with progress.step("bench", "LiteRT on this host") as step:
            try:
                timed = time_litert(firmware.model, samples[0], options.litert, step)
                course.bench = replace(course.bench, litert=timed)
            except ReferenceFailedError as error:
                # The board is proved all the same.
                course.notes.append(Event("litert-not-timed", 1, error.sentence))
