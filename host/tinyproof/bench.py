"""Measures where the time of a sample goes: board, wire, host; and each layer's part of the board.

Latency is taken with one request in flight, so that nothing arrives while the board computes: on a
cycle-exact simulator the same inference then takes the same ticks every time. The rate with a full
window is measured as well. docs/measuring.md defines each figure and says how they were checked.
Every answer is held against the one that was given before: what is fast must be right as well.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from statistics import median

import numpy as np
from numpy.typing import NDArray

from tinyproof import litert_latency
from tinyproof.harness import Board
from tinyproof.messages import ProfileAnswer
from tinyproof.progress import Step
from tinyproof.report import BenchFigures, HostLatency
from tinyproof.stability import Changes, Difference
from tinyproof.stats import latency
from tinyproof.throughput import Stopwatch

N_HOSTED, N_BOARD = 1000, 100
"""Inferences of a repeat where no number is given: a program is fast, a board need not be."""
PROFILES_HOSTED, PROFILES_BOARD = 100, 10
KERNELS = {"reference": True, "default": False}


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """How much is measured.

    Attributes:
        warmup: inferences before the first one that counts.
        n: inferences of each repeat; None: 1,000 of a program, 100 of a board.
        repeats: how many times they are made; the noise of a figure is what they differ by.
        litert: how LiteRT is timed on this host; None: it is not.
    """

    warmup: int = 10
    n: int | None = None
    repeats: int = 5
    litert: litert_latency.Plan | None = field(default_factory=litert_latency.Plan)


@dataclass(frozen=True)
class Windowed:
    """One repeat with a full window.

    Attributes:
        seconds: in all.
        cpu_s: processor seconds of this program.
        outputs: of each inference; emptied when they have been looked at.
    """

    seconds: float
    cpu_s: float
    outputs: list[bytes]


@dataclass(frozen=True)
class Waited:
    """One repeat with one request in flight.

    Attributes:
        ticks: (n,) of each inference.
        seconds: in all, from request to answer; simulated ones where there are.
        cpu_s: processor seconds of this program; 0 in simulated time, where it takes none.
        outputs: of each inference; emptied when they have been looked at.
    """

    ticks: NDArray[np.uint64]
    seconds: float
    cpu_s: float
    outputs: list[bytes]


@dataclass(frozen=True)
class Measurement:
    """All that a bench measured.

    Attributes:
        figures: the summary.
        ticks: (n * repeats,) of each inference.
        profiles: ticks of each layer, for some inferences.
        differences: samples that were answered otherwise than before.
    """

    figures: BenchFigures
    ticks: NDArray[np.uint64]
    profiles: tuple[ProfileAnswer, ...]
    differences: tuple[Difference, ...]


def measure(
    board: Board,
    samples: Sequence[bytes],
    answers: Sequence[bytes | None],
    options: BenchOptions,
    step: Step,
) -> Measurement:
    """Measure ``board``, with the samples in turn, as often as it takes.

    Args:
        board: what is measured.
        samples: as the model takes them.
        answers: what the board answered to each before; None where it did not.
        options: how much is measured.
        step: told of each repeat.

    Raises:
        TinyProofError: see ``Device.stream`` and ``Device.profile``.
    """
    n = options.n or (N_HOSTED if board.firmware.target.hosted else N_BOARD)
    order = list(islice(cycle(range(len(samples))), n))
    chosen = [samples[index] for index in order]
    windowed, waited, changed = [], [], Changes(answers)
    for index in islice(cycle(range(len(samples))), options.warmup):
        changed.note(index, board.device.infer(samples[index]).output, "while warming up")
    for number in range(options.repeats):
        step.update(number, options.repeats, f"{n:,} inferences")
        windowed.append(time_window(board, chosen))
        waited.append(time_waiting(board, chosen))
        for outputs in (windowed[-1].outputs, waited[-1].outputs):
            for index, output in zip(order, outputs, strict=True):
                changed.note(index, output, "in the bench")
            outputs.clear()
    profiles = profile(board, samples[0])
    figures = summarise(board, options.warmup, windowed, waited)
    overhead = timing_overhead_us(board, samples[0], profiles)
    ticks = np.concatenate([one.ticks for one in waited])
    figures = replace(figures, timing_overhead_us=overhead)
    return Measurement(figures, ticks, profiles, tuple(changed.found))


def time_window(board: Board, samples: Sequence[bytes]) -> Windowed:
    """Stream with as many requests in flight as the board takes."""
    outputs: list[bytes] = []
    cpu, watch = time.process_time(), Stopwatch(board)
    for answer in board.stream(samples):
        if answer.error:
            raise answer.error
        outputs.append(answer.output)
    return Windowed(watch.seconds(), time.process_time() - cpu, outputs)


def time_waiting(board: Board, samples: Sequence[bytes]) -> Waited:
    """Await each answer before the next request."""
    if board.simulator:
        return _wait_in_simulated_time(board, samples)
    ticks, outputs = array("Q"), []
    cpu, began = time.process_time(), time.monotonic()
    for sample in samples:
        answer = board.device.infer(sample)
        ticks.append(answer.ticks)
        outputs.append(answer.output)
    seconds = time.monotonic() - began
    return Waited(np.frombuffer(ticks, np.uint64), seconds, time.process_time() - cpu, outputs)


def _wait_in_simulated_time(board: Board, samples: Sequence[bytes]) -> Waited:
    """Time each exchange alone: the simulator's time passes while this program thinks."""
    ticks, outputs, seconds = array("Q"), [], 0.0
    for sample in samples:
        watch = Stopwatch(board)
        answer = board.device.infer(sample)
        seconds += watch.seconds()
        ticks.append(answer.ticks)
        outputs.append(answer.output)
    return Waited(np.frombuffer(ticks, np.uint64), seconds, 0.0, outputs)


def profile(board: Board, sample: bytes) -> tuple[ProfileAnswer, ...]:
    """Profile some inferences of one sample."""
    runs = PROFILES_HOSTED if board.firmware.target.hosted else PROFILES_BOARD
    return tuple(board.device.profile(sample) for _ in range(runs))


def summarise(
    board: Board, warmup: int, windowed: Sequence[Windowed], waited: Sequence[Waited]
) -> BenchFigures:
    """Return the figures of all repeats, without those of LiteRT.

    A figure of time is the median of the repeats; see docs/measuring.md for what each one means.
    """
    tick_hz = board.hello.tick_rate
    n = len(waited[0].ticks)
    repeats = [found.p50 for one in waited if (found := latency(one.ticks, tick_hz))]
    device_us = median(repeats) if repeats else 0.0
    exchange_us = median(1e6 * (one.seconds - one.cpu_s) / n for one in waited)
    return BenchFigures(
        warmup=warmup,
        n=n,
        repeats_p50_us=tuple(repeats),
        device_us=device_us,
        wire_us=round(max(0.0, exchange_us - device_us), 3),
        host_us=round(median(1e6 * one.cpu_s / n for one in windowed), 3),
        windowed_samples_per_s=round(median(_rate(n, one.seconds) for one in windowed), 3),
        stop_and_wait_samples_per_s=round(median(_rate(n, one.seconds) for one in waited), 3),
        timing_overhead_us=0.0,
    )


def _rate(n: int, seconds: float) -> float:
    return n / max(seconds, 1e-9)


def timing_overhead_us(board: Board, sample: bytes, profiles: Sequence[ProfileAnswer]) -> float:
    """Return what timing adds to one interval, after the board took off what it knows of.

    The board measures at its start what two readings of its clock take with nothing between them,
    and takes it off each interval. What is left shows where an inference is cut into its layers:
    the layers' sum exceeds the whole by as much for each cut. Least values of several inferences,
    since whatever else happens only adds.
    """
    if not profiles:
        return 0.0
    whole = min(board.device.infer(sample).ticks for _ in profiles)
    cut = min(sum(found.layers) for found in profiles)
    pieces = max(1, len(profiles[0].layers))
    return round(max(0.0, (cut - whole) * 1e6 / board.hello.tick_rate / pieces), 4)


def time_litert(
    model: bytes, sample: bytes, plan: litert_latency.Plan, step: Step
) -> tuple[HostLatency, ...]:
    """Time LiteRT on this host, with both sets of kernels.

    Raises:
        ReferenceFailedError: LiteRT cannot be timed.
    """
    found = []
    for number, (name, is_reference) in enumerate(KERNELS.items()):
        step.update(number, len(KERNELS), f"{name} kernels")
        timing = litert_latency.time_litert(model, sample, is_reference=is_reference, plan=plan)
        found.append(HostLatency(name, plan.threads, timing.warmup, timing.latency_us))
    return tuple(found)
