"""What a page draws of the evidence: samples that differ, feature maps, the training. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyproof.report.charts import Lines, lines, span_of
from tinyproof.report.evidence import Curve, Evidence, FeatureMap
from tinyproof.report.model import DifferingSample, Report
from tinyproof.report.pictures import data_uri, limits
from tinyproof.report.words import DASH, aligned, dimensions, short
from tinyproof.verdict import Verdict

MAX_SCORES = 12
MAX_SIDE = 96
"""Larger pictures lose every second (third, ...) row and column."""
MAX_MAPS = 16
MAX_LAYERS = 40


@dataclass(frozen=True)
class Score:
    """One value of the output: (left, width) in per cent of the bars of reference and device."""

    name: str
    reference: str
    device: str
    reference_bar: tuple[float, float]
    device_bar: tuple[float, float]
    differs: bool


@dataclass(frozen=True)
class DrawnSample:
    """A sample that differs.

    Attributes:
        sample: its figures.
        picture: data: address of its input; empty: none.
        line: its input as a line, where it is no image.
        scores: the values worth showing, in order; empty: not kept.
        hidden: how many values are not shown.
    """

    sample: DifferingSample
    picture: str = ""
    line: Lines | None = None
    scores: tuple[Score, ...] = ()
    hidden: int = 0


@dataclass(frozen=True)
class DrawnLayer:
    """What a layer made of a sample: pictures on a scale from ``low`` to ``high``."""

    name: str
    shape: str
    low: str
    high: str
    pictures: tuple[str, ...]
    hidden: int
    flat: bool


@dataclass(frozen=True)
class DrawnCurve:
    """A training: its lines, training first, validation second, and where they end."""

    name: str
    chart: Lines
    training: str
    validation: str


def drawn_samples(report: Report, evidence: Evidence | None) -> list[DrawnSample]:
    """Return the listed samples in the report's order; without evidence just their figures."""
    if evidence is None:
        return [DrawnSample(sample) for sample in report.differing]
    rows = {int(index): row for row, index in enumerate(evidence.differing_index)}
    return [
        _drawn_sample(sample, evidence, rows[sample.index])
        if sample.index in rows
        else DrawnSample(sample)
        for sample in report.differing
    ]


def _drawn_sample(sample: DifferingSample, evidence: Evidence, row: int) -> DrawnSample:
    values = evidence.differing_input[row]
    image = as_image(values)
    wanted, got = evidence.differing_reference[row], evidence.differing_device[row]
    chosen = _worth_showing(wanted, got)
    return DrawnSample(
        sample,
        "" if image is None else data_uri(image, *_scale(values)),
        lines([values.reshape(-1)]) if image is None and values.size > 1 else None,
        tuple(_scores(wanted, got, chosen, missing=sample.verdict is Verdict.MISSING)),
        len(wanted) - len(chosen),
    )


def as_image(values: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return (height, width, 1 or 3) of at most ``MAX_SIDE``, or None if it is no image."""
    shape = values.shape[1:] if values.ndim == 4 and values.shape[0] == 1 else values.shape
    if len(shape) != 3 or shape[2] not in (1, 3) or min(shape[:2]) < 2:
        return None
    step = -(-max(shape[:2]) // MAX_SIDE)
    return values.reshape(shape)[::step, ::step]


def _scale(values: NDArray[np.float32]) -> tuple[float, float]:
    """Return black and white: 0 to 1 for what looks like that, else the values' own limits."""
    low, high = limits(values)
    return (0.0, 1.0) if low >= 0 and 0.5 <= high <= 1 else (low, high)


def _worth_showing(wanted: NDArray[np.float32], got: NDArray[np.float32]) -> list[int]:
    """Return the indices of all values, or of those that lead or differ most, ascending."""
    if len(wanted) <= MAX_SCORES:
        return list(range(len(wanted)))
    with np.errstate(invalid="ignore"):
        distance = np.nan_to_num(np.abs(wanted - got), nan=0.0)
    third = MAX_SCORES // 3
    ranked = (np.nan_to_num(wanted, nan=-np.inf), np.nan_to_num(got, nan=-np.inf), distance)
    groups = [np.argsort(-values, kind="stable")[:third] for values in ranked]
    return sorted({int(i) for group in groups for i in group})


def _scores(
    wanted: NDArray[np.float32], got: NDArray[np.float32], chosen: list[int], *, missing: bool
) -> Iterator[Score]:
    """Yield the values side by side; a missing answer has none, which is not NaN."""
    low, high = limits(np.concatenate([wanted[chosen], got[chosen]]))
    low, high = min(low, 0.0), max(high, 0.0)
    written = aligned(max(-low, high))
    for index in chosen:
        a, b = float(wanted[index]), float(got[index])
        bars = span_of(a, low, high), span_of(b, low, high)
        got_text = DASH if missing else written(b)
        differs = a != b and not (np.isnan(a) and np.isnan(b))
        yield Score(str(index), written(a), got_text, *bars, differs)


def drawn_layers(evidence: Evidence | None) -> list[DrawnLayer]:
    """Return the feature maps that are kept, input first."""
    return [_drawn_layer(layer) for layer in evidence.features[:MAX_LAYERS]] if evidence else []


def _drawn_layer(layer: FeatureMap) -> DrawnLayer:
    values = layer.values
    low, high = limits(values)
    shown, total = 1, 1
    if values.ndim == 1:
        # One value is told, not drawn.
        pictures = [data_uri(values[np.newaxis, :], low, high)] if values.size > 1 else []
    elif values.shape[2] == 3:
        pictures = [data_uri(values, low, high)]
    else:
        shown, total = min(values.shape[2], MAX_MAPS), layer.shape[-1] if layer.shape else 1
        pictures = [data_uri(values[:, :, channel], low, high) for channel in range(shown)]
    return DrawnLayer(
        layer.name,
        dimensions(layer.shape),
        short(low),
        short(high),
        tuple(pictures),
        max(0, total - shown),
        values.ndim == 1,
    )


def drawn_curves(curve: Curve | None) -> list[DrawnCurve]:
    """Return loss and metric; what has no two epochs to connect is left out."""
    if curve is None:
        return []
    pairs = {
        "loss": (curve.loss, curve.validation_loss),
        curve.metric_name: (curve.metric, curve.validation_metric),
    }
    charts = ((name, pair, lines(pair, 0.0)) for name, pair in pairs.items() if len(pair[0]))
    return [
        DrawnCurve(name, chart, short(float(pair[0][-1])), short(float(pair[1][-1])))
        for name, pair, chart in charts
        if chart
    ]
