"""Figures made of many: percentiles, latency, accuracy, confusion. Pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Latency:
    """Latency of ``n`` inferences in microseconds; percentiles are nearest rank.

    ``spread`` is the distance from the 25th to the 75th percentile.
    """

    n: int
    min: float
    p50: float
    p90: float
    p99: float
    max: float
    spread: float = 0.0


def nearest_rank(ordered: NDArray[Any], percent: float) -> Any:
    """Return the smallest value that at least ``percent`` % of the values do not exceed.

    Args:
        ordered: (n,) ascending, n at least 1.
        percent: above 0, at most 100.
    """
    if not 0 < percent <= 100 or not len(ordered):
        raise ValueError(f"no nearest rank for {percent} % of {len(ordered)} values")
    # Integer arithmetic in units of 1e-9 %: 0.07 * 100 must not become rank 8.
    rank = -(-len(ordered) * round(percent * 10**9) // (100 * 10**9))
    return ordered[rank - 1]


def latency(ticks: ArrayLike, tick_hz: float) -> Latency | None:
    """Summarise the ticks of each inference, (n,) integers, counted at ``tick_hz``.

    None without inferences, without a tick rate, or if no tick passed in any: nothing was measured.
    """
    ordered = np.sort(np.asarray(ticks, np.float64))
    if not ordered.any() or tick_hz <= 0:
        return None
    values = (ordered[0], *(nearest_rank(ordered, p) for p in (50, 90, 99)), ordered[-1])
    spread = nearest_rank(ordered, 75) - nearest_rank(ordered, 25)
    return Latency(len(ordered), *(round(float(v) * 1e6 / tick_hz, 4) for v in (*values, spread)))


def accuracy(labels: ArrayLike, predicted: ArrayLike) -> float:
    """Return the share of predictions, (n,), that equal their labels, (n,).

    A missing prediction is -1 and counts as not right.
    """
    wanted, got = np.asarray(labels), np.asarray(predicted)
    if wanted.shape != got.shape or not wanted.size:
        raise ValueError(f"accuracy of {got.shape} predictions for {wanted.shape} labels")
    return float(np.mean(wanted == got))


def confusion(labels: ArrayLike, predicted: ArrayLike, classes: int) -> NDArray[np.int64]:
    """Return (classes, classes): how often a label (row) was predicted as a class (column).

    Labels lie in 0 to ``classes`` - 1; missing predictions, -1, are left out.
    """
    rows, columns = np.asarray(labels, np.int64), np.asarray(predicted, np.int64)
    present = columns >= 0
    flat = rows[present] * classes + columns[present]
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)
