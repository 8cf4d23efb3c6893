"""Geometry of the charts: numbers in, coordinates of a 100 x 100 box out. Pure.

The box is stretched to the page's width; words stand beside it, in HTML, so that they keep their
size. y grows downwards, as in SVG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.report.pictures import limits
from tinyproof.stats import nearest_rank

MAX_BINS = 60
MAX_POINTS = 512


@dataclass(frozen=True)
class Rect:
    """A bar of a chart."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Bars:
    """Upright bars over an axis.

    Attributes:
        rects: the bars, empty ones left out.
        low: what the left end of the axis means.
        high: what the right end means.
        peak: the count of the highest bar.
        beyond: how many values lie above ``high`` and are not drawn.
        rules: positions of upright lines.
    """

    rects: tuple[Rect, ...]
    low: float
    high: float
    peak: int
    beyond: int = 0
    rules: tuple[float, ...] = ()


def histogram(values: NDArray[Any], rules: Sequence[float] = ()) -> Bars | None:
    """Return how often each span of integers occurs; None if there are fewer than two values.

    A long tail above the 99th percentile is cut off and counted, so that it hides nothing.

    Args:
        values: (n,) integers.
        rules: values to mark.
    """
    if len(values) < 2:
        return None
    ordered = np.sort(np.asarray(values, np.int64))
    low, high = int(ordered[0]), int(ordered[-1])
    bulk = int(nearest_rank(ordered, 99)) - low
    high = min(high, low + max(1, bulk * 3 // 2))
    step = -(-(high - low + 1) // MAX_BINS)
    drawn = ordered[ordered <= high]
    counts = np.bincount((drawn - low) // step)
    end = low + len(counts) * step
    # A bar is as wide as its integers, each of which reaches up to the next.
    places = tuple(100 * (rule + 0.5 - low) / (end - low) for rule in rules if low <= rule < end)
    return Bars(_upright(counts), low, end, int(counts.max()), len(ordered) - len(drawn), places)


def columns(places: Sequence[int], counts: Sequence[int]) -> Bars | None:
    """Return a bar for each integer of ``places``, ascending; None if there are none."""
    if not places:
        return None
    low, high = min(places), max(places)
    step = -(-(high - low + 1) // MAX_BINS)
    totals = np.bincount([(place - low) // step for place in places], counts).astype(np.int64)
    return Bars(_upright(totals), low, high, int(totals.max()))


def _upright(counts: NDArray[np.int64]) -> tuple[Rect, ...]:
    width, peak = 100 / len(counts), max(1, int(counts.max()))
    gap = 0.12 * width
    return tuple(
        Rect(
            round(at * width + gap / 2, 3),
            round(100 - 100 * int(n) / peak, 3),
            round(width - gap, 3),
            round(100 * int(n) / peak, 3),
        )
        for at, n in enumerate(counts)
        if n
    )


@dataclass(frozen=True)
class Lines:
    """Lines over an axis, each as the ``points`` of an SVG polyline; both ends of the y axis."""

    points: tuple[str, ...]
    low: float
    high: float


def lines(series: Sequence[NDArray[Any]], low: float | None = None) -> Lines | None:
    """Return lines in a common scale; None if there are no two finite values to connect.

    Args:
        series: (n,) each; more than ``MAX_POINTS`` values are thinned out.
        low: lower end of the y axis; None: the smallest value.
    """
    smallest, largest = limits(np.concatenate([np.asarray(s, float) for s in series]))
    bottom = smallest if low is None else min(low, smallest)
    span = (largest - bottom) or 1.0
    points = tuple(_points(np.asarray(s, float), bottom, span) for s in series)
    return Lines(points, bottom, largest) if any(" " in text for text in points) else None


def _points(values: NDArray[Any], low: float, span: float) -> str:
    chosen = np.unique(np.linspace(0, len(values) - 1, min(len(values), MAX_POINTS)).astype(int))
    last = max(1, len(values) - 1)
    return " ".join(
        f"{100 * i / last:.2f},{100 - 100 * (values[i] - low) / span:.2f}"
        for i in chosen
        if np.isfinite(values[i])
    )


def span_of(value: float, low: float, high: float) -> tuple[float, float]:
    """Return left end and width, in per cent, of a bar from 0 to ``value`` on an axis.

    Args:
        value: what the bar shows; what is no number gives an empty bar.
        low: left end of the axis, at most 0.
        high: right end, at least 0.
    """
    span = (high - low) or 1.0
    if not np.isfinite(value):
        return (100 * -low / span, 0.0)
    left, right = sorted((0.0, float(np.clip(value, low, high))))
    return (round(100 * (left - low) / span, 2), round(100 * (right - left) / span, 2))
