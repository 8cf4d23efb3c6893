"""Errors in real units: against the reference, and against the truth where it is known."""

from __future__ import annotations

import numpy as np
import pytest

from tinyproof.errors import SamplesError
from tinyproof.regression import measure
from tinyproof.samples import SampleSet, prepare
from tinyproof.tensors import TensorDescription
from tinyproof.wanted import check_truth

HALF = TensorDescription("y", np.dtype(np.int8), (1, 2), 0.5, -1)
REAL = TensorDescription("y", np.dtype(np.float32), (1, 1))
INPUT = TensorDescription("x", np.dtype(np.float32), (1, 3))


def stored(*rows: tuple[int, int]) -> list[bytes]:
    return [np.array(row, np.int8).tobytes() + b"further outputs" for row in rows]


def test_differences_are_told_in_real_units() -> None:
    found = measure(HALF, stored((1, 3), (5, 5)), stored((1, 3), (5, 9)))
    assert found is not None
    assert found.max_difference == 2.0
    assert found.rmse_difference == pytest.approx(1.0)
    assert (found.rmse_device, found.rmse_reference) == (None, None)


def test_the_truth_is_held_against_device_and_reference() -> None:
    truth = np.array([[1.0, 2.0], [3.0, 3.0]], np.float32)
    found = measure(HALF, stored((1, 3), (5, 5)), stored((1, 3), (5, 9)), truth)
    assert found is not None
    assert found.rmse_device == pytest.approx(0.0)
    assert found.rmse_reference == pytest.approx(1.0)


def test_samples_without_an_answer_do_not_count() -> None:
    answers = [None, *stored((5, 5))]
    found = measure(HALF, answers, stored((100, 100), (5, 9)), np.zeros((2, 2), np.float32))
    assert found is not None
    assert found.max_difference == 2.0
    assert measure(HALF, [None], stored((1, 1))) is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("both", [True, False])
def test_an_answer_that_is_no_number_has_no_distance(value: float, both: bool) -> None:
    odd, one = (np.array([v], np.float32).tobytes() for v in (value, 1.0))
    assert measure(REAL, [one, odd], [one, odd if both else one]) is None
    assert measure(REAL, [one, one], [one, odd]) is None


def test_many_samples_are_taken_block_by_block() -> None:
    rng = np.random.default_rng(3)
    device, reference = rng.normal(0, 1, (2, 5000)).astype(np.float32)
    found = measure(
        REAL, [v.tobytes() for v in device], [v.tobytes() for v in reference], reference
    )
    assert found is not None
    difference = device.astype(np.float64) - reference
    assert found.rmse_difference == pytest.approx(float(np.sqrt((difference**2).mean())))
    assert found.rmse_device == pytest.approx(found.rmse_difference)
    assert found.rmse_reference == 0


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 1, 1)])
def test_real_values_under_y_are_what_a_regression_wants(shape: tuple[int, ...]) -> None:
    samples = prepare(SampleSet.from_arrays(np.zeros((4, 3)), np.ones(shape)), [INPUT])
    assert samples.labels is None
    assert samples.truth is not None
    check_truth(samples.truth, [REAL])


def test_real_values_for_a_classifier_are_taken_for_a_mistake() -> None:
    with pytest.raises(SamplesError, match="wanted integers") as caught:
        check_truth(np.zeros(4, np.float32), [HALF])
    assert "astype(int)" in caught.value.hint


def test_values_that_are_not_finite_or_too_few_are_refused() -> None:
    with pytest.raises(SamplesError, match="not all finite"):
        SampleSet.from_arrays(np.zeros((2, 3)), np.array([1.0, np.nan]))
    with pytest.raises(SamplesError, match="2 samples but 3 labels"):
        prepare(SampleSet.from_arrays(np.zeros((2, 3)), np.zeros(3)), [INPUT])
