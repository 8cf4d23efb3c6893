"""Samples of another range than the model's: found, said, refused where nothing is left to test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native_cli import INT8, SAMPLES, assert_complains, call, report_of
from tinyproof.codegen import generate
from tinyproof.errors import SamplesError
from tinyproof.metadata import Normalization
from tinyproof.project import Project
from tinyproof.samples import SampleSet, prepare
from tinyproof.tensors import TensorDescription

UNIT = TensorDescription("pixels", np.dtype(np.int8), (1, 4), 1 / 255, -128)
BYTES = TensorDescription("pixels", np.dtype(np.int8), (1, 4), 1.0, -128)
FLOAT = TensorDescription("pixels", np.dtype(np.float32), (1, 4))


def digits() -> Any:
    with np.load(SAMPLES) as file:
        return file["x"]


def prepared(x: Any, tensor: Any = UNIT, **options: Any) -> Any:
    return prepare(SampleSet.from_arrays(x, source="s.npz"), [tensor], **options)


def test_samples_up_to_255_for_a_model_of_0_to_1_are_refused() -> None:
    x = np.random.default_rng(0).integers(0, 256, (50, 4)).astype(np.float32)
    with pytest.raises(SamplesError, match=r"0 to 255.*takes 0 to 1: 9\d % .*saturate") as caught:
        prepared(x)
    assert "x / 255" in caught.value.hint


def test_digits_times_255_are_refused_although_half_of_them_is_black() -> None:
    tensor = generate(INT8.read_bytes()).inputs[0]
    assert prepare(SampleSet.from_arrays(digits()), [tensor]).warnings == ()
    with pytest.raises(SamplesError, match="would saturate"):
        prepare(SampleSet.from_arrays(digits() * 255), [tensor])


def test_samples_of_0_to_1_for_a_model_of_0_to_255_are_warned_of() -> None:
    (warning,) = prepared(np.linspace(0, 1, 40).reshape(10, 4), BYTES).warnings
    assert "takes 0 to 255: they are told apart by 1 of its steps only" in warning


def test_a_few_values_beyond_are_warned_of_and_fewer_are_not() -> None:
    x = np.full((100, 4), 0.5)
    x[:3, 0] = 1.2
    assert prepared(x).warnings == ()
    x[:10] = 1.2
    assert "10 % of those that are not 0 saturate" in prepared(x).warnings[0]


@given(st.floats(0, 1, width=32), st.floats(0, 1, width=32))
@settings(max_examples=50)
def test_values_in_the_range_are_never_refused(low: float, high: float) -> None:
    prepared(np.array([[low, high, 0, 1]]))


def test_values_in_the_model_s_own_type_and_float_models_are_not_judged() -> None:
    assert prepared(np.full((3, 4), 127, np.int8)).warnings == ()
    assert prepared(np.full((3, 4), 1e6), FLOAT).warnings == ()


def test_raw_samples_are_normalized_once_before_they_are_quantized() -> None:
    raw = np.array([[0, 51, 102, 255]], np.uint8)
    step = [Normalization((0.0,), (255.0,))]
    wanted = prepared(raw.astype(np.float32) / np.float32(255))
    assert prepared(raw, raw=step)[0] == wanted[0] == bytes([128, 179, 230, 127])
    with pytest.raises(SamplesError, match="uint8"):
        prepared(raw)


def test_one_mean_for_each_channel_is_taken_and_another_number_is_refused() -> None:
    each = Normalization((0.0, 1.0, 2.0, 3.0), (1.0,))
    assert prepared([[0.5, 1.5, 2.5, 3.5]], FLOAT, raw=[each])[0] == np.full(4, 0.5, "f4").tobytes()
    with pytest.raises(SamplesError, match="3 means"):
        prepared([[1.0] * 4], raw=[Normalization((1.0, 2.0, 3.0), (1.0,))])


def test_a_run_on_a_tiny_part_of_the_range_says_so_in_its_report(
    project: Project, out: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "s.npz", x=digits()[:20] / 64)
    run = ("run", "--model", INT8, "--samples", tmp_path / "s.npz", "--out", out)
    assert call(*run).code == 0
    (event,) = [e for e in report_of(out)["events"] if e["kind"] == "samples-range"]
    assert "told apart by" in event["text"]


def test_the_command_refuses_them_before_it_builds(tmp_path: Any) -> None:
    np.savez(tmp_path / "s.npz", x=digits() * 255)
    ended = call("run", "--model", INT8, "--samples", tmp_path / "s.npz", "--out", tmp_path)
    assert_complains(ended, 2, "0 to 255", "would saturate")
