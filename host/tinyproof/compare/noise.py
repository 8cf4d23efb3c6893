"""How far two measurements of the same build may lie apart: the noise band. Pure; docs/compare.md.

A figure that varies has a value and a spread, both robust against the odd disturbed run. The band
is the sum of both spreads and of a share of the old value that depends on what ran the firmware.
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
    Provenance.HOST: 0.6,
}
"""Share of the old value that the band of a latency has beyond the spreads; docs/compare.md."""
RECEIVING_FLOOR = 0.10
"""The same for answers of a stream, on a processor without an operating system: receiving the next
request costs a 16 MHz AVR up to 8 % of a small model's time, if it falls into an inference."""
TAIL_FLOOR = 0.10
"""The same for the 99th percentile."""
THROUGHPUT_FLOOR = 0.10
"""The same for the throughput, in which the host's own work counts: on a busy one 7 % was seen, in
simulated time."""
STACK_BYTES = 64
"""An interrupt at the deepest point takes a frame more or not, bytes."""
TRIMMED_FROM = 5
"""With so many repeats the one farthest from the median is left out of the spread."""


@dataclass(frozen=True)
class Measured:
    """A figure that varies.

    Attributes:
        value: what is compared.
        spread: how far further measurements of the same run lay from it.
    """

    value: float
    spread: float = 0.0


def of_repeats(values: Sequence[float]) -> Measured:
    """Return median and range of ``values``, at least one; of five and more without the farthest.

    Two medians that differ by more than the sum of both ranges belong to ranges that do not touch.
    """
    ordered = np.sort(np.asarray(values, np.float64))
    median = float(np.median(ordered))
    kept = ordered
    if len(ordered) >= TRIMMED_FROM:
        kept = np.delete(ordered, int(np.argmax(np.abs(ordered - median))))
    return Measured(median, float(np.ptp(kept)))


def best_of(values: Sequence[float]) -> Measured:
    """Return the smallest of ``values``, at least one, and how far their median lies above it.

    Whatever else a computer does only adds time: the best repeat is the least disturbed one.
    """
    least = min(values)
    return Measured(least, float(np.median(values)) - least)


def p50(report: Report) -> Measured | None:
    """Return the median latency: that of the repeats, else that of the stream."""
    repeats = report.bench.repeats_p50_us if report.bench else ()
    if repeats:
        return (best_of if is_hosted(report) else of_repeats)(repeats)
    return Measured(report.latency_us.p50) if report.latency_us else None


def layer(figures: LayerFigures, report: Report) -> Measured | None:
    """Return a layer's time in microseconds: the median, on a host the least.

    The spread is that between both; the most ticks of a run are left out: one interrupt makes them.
    """
    if figures.ticks is None:
        return None
    tick_us = 1e6 / report.tick_hz
    least = figures.ticks if figures.ticks_min is None else figures.ticks_min
    value = least if is_hosted(report) else figures.ticks
    return Measured(value * tick_us, (figures.ticks - least) * tick_us)


def is_hosted(report: Report) -> bool:
    """Whether an operating system shared the processor out while it was measured."""
    return report.provenance is Provenance.HOST


def band(old: Measured, new: Measured, floor: float) -> float:
    """Return how far ``new`` may be from ``old`` without being another build's.

    Both spreads, and a share of the old value for what no single run can know: between two runs a
    processor changes its clock, its neighbours and where in the caches the program lies.
    """
    return old.spread + new.spread + floor * abs(old.value)
