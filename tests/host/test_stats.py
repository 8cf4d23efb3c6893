"""Percentiles, latency, accuracy, confusion, each against a slow textbook version."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyproof.stats import Latency, accuracy, confusion, latency, nearest_rank


@given(st.lists(st.integers(0, 100), min_size=1), st.integers(1, 1000))
def test_nearest_rank_is_the_smallest_value_that_covers_the_share(
    values: list[int], permille: int
) -> None:
    ordered = sorted(values)
    share = Fraction(permille, 1000)
    covering = (v for v in ordered if Fraction(sum(w <= v for w in values), len(values)) >= share)
    assert nearest_rank(np.array(ordered), permille / 10) == next(covering)


@pytest.mark.parametrize("n", [1, 2, 99, 100, 101, 359, 10_000])
@pytest.mark.parametrize("percent", [0.07, 7, 50, 90, 99, 99.9, 100])
def test_ranks_are_exact_where_binary_fractions_are_not(n: int, percent: float) -> None:
    rank = math.ceil(Fraction(str(percent)) / 100 * n)
    assert nearest_rank(np.arange(1, n + 1), percent) == rank


@pytest.mark.parametrize(("n", "percent"), [(0, 50), (5, 0), (5, 100.1), (5, -1)])
def test_a_rank_that_does_not_exist_is_refused(n: int, percent: float) -> None:
    with pytest.raises(ValueError, match="nearest rank"):
        nearest_rank(np.arange(n), percent)


def test_latency_is_in_microseconds_and_does_not_need_order() -> None:
    ticks = np.random.default_rng(1).permutation(np.arange(1, 101, dtype=np.uint32)) * 16
    assert latency(ticks, 16_000_000) == Latency(100, 1.0, 50.0, 90.0, 99.0, 100.0, 50.0)


def test_latency_of_one_inference_is_that_one() -> None:
    assert latency([250], 1e6) == Latency(1, 250.0, 250.0, 250.0, 250.0, 250.0)


def test_latency_without_inferences_or_clock_is_unknown() -> None:
    assert latency([], 1e6) is None
    assert latency([5], 0) is None
    assert latency([0, 0], 1e6) is None, "a clock that stands measures nothing, least of all 0 us"


def test_the_largest_tick_count_does_not_wrap() -> None:
    found = latency(np.array([2**32 - 1], np.uint32), 1.0)
    assert found is not None
    assert found.max == (2**32 - 1) * 1e6


LABELLED = st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 3)), min_size=1)


@given(LABELLED)
def test_accuracy_and_confusion_agree_with_counting(pairs: list[tuple[int, int]]) -> None:
    labels, predicted = zip(*pairs, strict=True)
    assert accuracy(labels, predicted) == sum(a == b for a, b in pairs) / len(pairs)
    matrix = confusion(labels, predicted, 4)
    assert matrix.tolist() == [[pairs.count((r, c)) for c in range(4)] for r in range(4)]


def test_accuracy_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="accuracy"):
        accuracy([], [])
    with pytest.raises(ValueError, match="accuracy"):
        accuracy([1], [1, 2])
