"""How far two measurements of the same build may lie apart: the noise band. Pure; docs/compare.md.

A figure that varies has a value and a spread, both robust against the odd disturbed run. The band
is the sum of both spreads, at least a share of the old value that depends on what ran the firmware.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyproof.report import Provenance, Report
from tinyproof.report.figures import LayerFigures

LATENCY_FLOOR = {
    Provenance.BOARD: 0.01,
    Provenance.CYCLE_EXACT: 0.0,
    Provenance.EMULATOR: 0.01,
    Provenance.HOST: 0.25,
}
"""Smallest band of a latency, as a share of the old value; ``docs/compare.md`` says why."""
RECEIVING_FLOOR = 0.10
"""The same while requests arrive on a processor without an operating system: receiving one costs a
sixteen-megahertz AVR up to 8 % of a small model's time, when it falls into an inference or not."""
TAIL_FLOOR = {
    Provenance.BOARD: 0.10,
    Provenance.CYCLE_EXACT: 0.10,
    Provenance.EMULATOR: 0.10,
    Provenance.HOST: 0.50,
}
"""Smallest band of the 99th percentile."""
THROUGHPUT_FLOOR = {
    Provenance.BOARD: 0.05,
    Provenance.CYCLE_EXACT: 0.05,
    Provenance.EMULATOR: 0.10,
    Provenance.HOST: 0.50,
}
"""Smallest band of the throughput, in which the host's own work counts."""
HOST_CLOCK_US = 0.1
"""On a host, reading the clock alone varies by as much, microseconds."""
STACK_BYTES = 64
"""An interrupt at the deepest point takes a frame more or not, bytes."""
TRIMMED_FROM = 5
"""With so many repeats the one farthest from the median is left out of the spread."""


@dataclass(frozen=True)
class Measured:
    """A figure that varies.

    Attributes:
        value: the median.
        spread: how far further measurements of the same run lay from it.
        least: the smallest measurement.
    """

    value: float
    spread: float = 0.0
    least: float | None = None


def of_repeats(values: Sequence[float]) -> Measured:
    """Return median and range of ``values``, at least one; of five and more without the farthest.

    Two medians that differ by more than the sum of both ranges belong to ranges that do not touch.
    """
    ordered = np.sort(np.asarray(values, np.float64))
    median = float(np.median(ordered))
    kept = ordered
    if len(ordered) >= TRIMMED_FROM:
        kept = np.delete(ordered, int(np.argmax(np.abs(ordered - median))))
    return Measured(median, float(np.ptp(kept)), float(ordered[0]))


def p50(report: Report) -> Measured | None:
    """Return the median latency: that of the repeats, else that of the stream."""
    if report.bench and report.bench.repeats_p50_us:
        return of_repeats(report.bench.repeats_p50_us)
    latency = report.latency_us
    # What disturbs an inference only adds time: the lower half of the samples is the calm one.
    return Measured(latency.p50, latency.p50 - latency.min, latency.min) if latency else None


def p99(report: Report) -> Measured | None:
    """Return the 99th percentile of the stream; the tail beyond the 90th is its spread on a host.

    An operating system makes the tail there; on a board it is the firmware's own.
    """
    latency = report.latency_us
    if latency is None:
        return None
    hosted = report.provenance is Provenance.HOST
    return Measured(latency.p99, latency.p99 - latency.p90 if hosted else 0.0, latency.p90)


def layer(figures: LayerFigures, tick_us: float) -> Measured | None:
    """Return a layer's median time in microseconds; its spread is the lower half's.

    The most ticks of a run are left out: a single interrupt makes them.
    """
    if figures.ticks is None:
        return None
    least = figures.ticks if figures.ticks_min is None else figures.ticks_min
    spread = (figures.ticks - least) * tick_us
    return Measured(figures.ticks * tick_us, spread, least * tick_us)


def band(old: Measured, new: Measured, floor: float, least: float = 0.0) -> float:
    """Return how far ``new`` may be from ``old`` without being another build's.

    Args:
        old: the figure before.
        new: the figure now.
        floor: share of the old value that the band is at least.
        least: what it is at least, in the figure's unit.
    """
    return max(old.spread + new.spread, floor * abs(old.value), least)
