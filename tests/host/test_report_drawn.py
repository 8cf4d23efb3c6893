"""What a page draws: charts that lose no value, and scores that are no numbers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from report_pages import digits_run, reported

from tinyproof.regression import Regression
from tinyproof.report import FirstDifference, HistogramBin, make_report, views
from tinyproof.report.charts import histogram, lines, span_of
from tinyproof.report.drawn import drawn_layers, drawn_samples
from tinyproof.report.gather import feature_map
from tinyproof.report.html import render_html
from tinyproof.report.outcome import LOOK
from tinyproof.verdict import Verdict


@given(arrays(np.int64, st.integers(2, 200), elements=st.integers(0, 1 << 40)))
def test_a_histogram_loses_no_value(values: np.ndarray[Any, Any]) -> None:
    chart = histogram(values, [float(np.median(values))])
    assert chart
    areas = sum(rect.height for rect in chart.rects) * chart.peak / 100
    assert areas == pytest.approx(len(values) - chart.beyond, rel=1e-3)
    assert chart.low == values.min()
    assert all(rect.x >= 0 and rect.x + rect.width <= 100.01 for rect in chart.rects)
    assert len(chart.rects) <= 61


def test_a_long_tail_is_counted_instead_of_drawn() -> None:
    chart = histogram(np.array([100, 101, 102] * 200 + [90_000]))
    assert chart
    assert chart.beyond == 1
    assert chart.high <= 110


def test_a_rule_stands_amid_the_bar_of_its_value() -> None:
    chart = histogram(np.array([10, 10, 11, 12, 12, 12]), [11.0])
    assert chart
    (rule,) = chart.rules
    bar = chart.rects[1]
    assert rule == pytest.approx(bar.x + bar.width / 2, abs=0.01)


def test_a_single_difference_is_a_narrow_bar_beside_zero() -> None:
    bins = (HistogramBin(-1, 2), HistogramBin(0, 8))
    found = FirstDifference(0, 1, "FULLY_CONNECTED", (1, 10), 10, 2, 1, None, bins)
    chart = views.difference_chart(make_report(digits_run(first_difference=found)))
    assert chart
    assert (chart.low, chart.high) == (-4, 4)
    (bar,) = chart.rects
    assert bar.width < 15
    assert bar.x + bar.width <= 50


def test_a_regression_shows_its_error_among_the_key_figures() -> None:
    error = Regression(0.1435, 0.1434, 0.001, 0.002)
    tiles = {tile.name: tile for tile in views.tiles(make_report(digits_run(regression=error)))}
    assert (tiles["RMSE"].figure, tiles["RMSE"].more) == ("0.1435", "ref. 0.1434")


def test_a_single_value_is_told_and_not_drawn() -> None:
    result = digits_run()
    assert result.evidence
    one = np.full(1, 1.5, np.float32)
    features = (feature_map("input", (1, 1), one.reshape(1, 1)),)
    (layer,) = drawn_layers(dataclasses.replace(result.evidence, features=features))
    assert (layer.low, layer.high, layer.pictures) == ("1.5", "1.5", ())


def test_no_histogram_is_made_of_one_value() -> None:
    assert histogram(np.array([7])) is None


@given(st.floats(), st.floats(-1e30, 0), st.floats(0, 1e30))
def test_a_bar_stays_on_its_axis(value: float, low: float, high: float) -> None:
    left, width = span_of(value, low, high)
    assert 0 <= left <= 100.01
    assert 0 <= width <= 100.01


def test_a_line_leaves_out_what_is_no_number() -> None:
    chart = lines([np.array([0.0, np.nan, 1.0])])
    assert chart
    assert chart.points == ("0.00,100.00 100.00,0.00",)
    assert lines([np.array([np.nan, 1.0])]) is None


def test_a_missing_answer_has_no_scores_and_one_of_nan_says_so() -> None:
    report, evidence = reported(digits_run(wrong=1))
    gone = dataclasses.replace(evidence, differing_device=np.full((1, 10), np.nan, np.float32))
    assert {score.device for score in drawn_samples(report, gone)[0].scores} == {"NaN"}
    missing = dataclasses.replace(report.differing[0], verdict=Verdict.MISSING)
    report = dataclasses.replace(report, differing=(missing,))
    assert {score.device for score in drawn_samples(report, gone)[0].scores} == {"–"}


def test_the_page_does_not_send_its_reader_to_itself() -> None:
    report, evidence = reported(digits_run(wrong=1))
    assert report.failure
    assert report.failure.hint == LOOK
    assert LOOK not in render_html(report, evidence)
    other = dataclasses.replace(report.failure, hint="Check the cable.")
    report = dataclasses.replace(report, failure=other)
    assert "Check the cable." in render_html(report, evidence)
