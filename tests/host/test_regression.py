"""Errors in real units: against the reference, and against the truth where it is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_cli import INT8, SAMPLES, assert_complains, call, report_of
from tinyproof.errors import SamplesError
from tinyproof.project import Project
from tinyproof.regression import measure
from tinyproof.samples import SampleSet, prepare
from tinyproof.tensors import TensorDescription
from tinyproof.wanted import check_truth, one_hot

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


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "u1", "?"])
def test_one_hot_rows_of_any_type_are_class_numbers_and_values_alike(dtype: str) -> None:
    rows = np.eye(5, dtype=dtype)[[4, 0, 1]]
    samples = prepare(SampleSet.from_arrays(np.zeros((3, 3)), rows), [INPUT])
    assert samples.labels is not None
    assert samples.labels.tolist() == [4, 0, 1]
    assert samples.truth is not None
    assert np.array_equal(samples.truth, rows)


@pytest.mark.parametrize(
    "y", [np.ones((3, 1)), np.eye(3) * 0.9, np.eye(3) - np.eye(3)[::-1], np.zeros((3, 3))]
)
def test_rows_that_are_nearly_one_hot_are_values(y: Any) -> None:
    assert one_hot(y.astype(np.float32)) is None
    assert SampleSet.from_arrays(np.zeros((3, 3)), y).labels is None


@pytest.mark.parametrize(
    ("dtype", "task", "accuracy"),
    [("f4", "auto", 341 / 359), ("f4", "tensor", None), ("i8", "auto", 341 / 359)],
)
def test_a_run_with_one_hot_labels_says_what_it_took_them_for(
    dtype: str, task: str, accuracy: float | None, project: Project, out: Path
) -> None:
    path = one_hot_digits(out.parent / "one_hot.npz", dtype)
    given = () if task == "auto" else ("--task", task)
    assert call("run", "--model", INT8, "--samples", path, "--out", out, *given).code == 0
    report = report_of(out)
    assert (report["accuracy"] and report["accuracy"]["device"]) == accuracy
    assert (report["regression"] is None) is (task == "auto")
    told = [event["text"] for event in report["events"] if event["kind"] == "samples-one-hot"]
    assert [("class numbers, 0 to 9" in text) for text in told] == [True] * (task == "auto")


@pytest.mark.parametrize("dtype", ["f4", "i8", "u1", "?"])
def test_the_table_of_forms_takes_one_hot_labels_and_refuses_other_widths(
    dtype: str, tmp_path: Path
) -> None:
    path = one_hot_digits(tmp_path / "y.npz", dtype)
    forms = ("convert", INT8, "--out", tmp_path, "--test")
    ended = call(*forms, path)
    assert "341/359" in ended.out
    assert "taken as class numbers" in " ".join(ended.out.split())
    np.savez(path, x=np.zeros((2, 8, 8, 1)), y=np.zeros((2, 4)))
    assert_complains(call(*forms, path), 2, "of the model's output")


def one_hot_digits(path: Path, dtype: str) -> Path:
    with np.load(SAMPLES) as file:
        np.savez(path, x=file["x"], y=np.eye(10, dtype=dtype)[file["y"]])
    return path


def test_real_values_for_a_classifier_are_taken_for_a_mistake() -> None:
    with pytest.raises(SamplesError, match="wanted integers") as caught:
        check_truth(np.zeros(4, np.float32), [HALF])
    assert "astype(int)" in caught.value.hint


def test_values_that_are_not_finite_or_too_few_are_refused() -> None:
    with pytest.raises(SamplesError, match="not all finite"):
        SampleSet.from_arrays(np.zeros((2, 3)), np.array([1.0, np.nan]))
    with pytest.raises(SamplesError, match="2 samples but 3 labels"):
        prepare(SampleSet.from_arrays(np.zeros((2, 3)), np.zeros(3)), [INPUT])
