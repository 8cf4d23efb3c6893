"""The digits fixtures: the bytes that were committed, and what they claim to be."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tinyproof.convert import ZOO_FORMS, Form
from tinyproof.convert.measure import reference_outputs

DIGITS = Path(__file__).resolve().parents[2] / "fixtures" / "digits"
SUMS: dict[str, str] = {
    line.split()[1]: line.split()[0] for line in (DIGITS / "SHA256SUMS").read_text().splitlines()
}


@pytest.mark.parametrize("name", sorted(SUMS))
def test_a_fixture_has_the_bytes_it_was_committed_with(name: str) -> None:
    assert hashlib.sha256((DIGITS / name).read_bytes()).hexdigest() == SUMS[name]


def test_every_data_file_is_listed() -> None:
    data = {path.name for path in DIGITS.iterdir() if path.suffix in {".npz", ".tflite"}}
    assert data == set(SUMS)


def test_the_samples_are_the_359_test_digits_scaled_to_one() -> None:
    with np.load(DIGITS / "test.npz") as samples:
        x, y = samples["x"], samples["y"]
    assert (x.shape, x.dtype) == ((359, 8, 8, 1), np.float32)
    assert (y.shape, y.dtype) == ((359,), np.int64)
    assert (x.min(), x.max()) == (0, 1)
    assert set(y) == set(range(10))
    assert (x * 16 == np.round(x * 16)).all()  # sixteenths: the pixels are counts from 0 to 16


@pytest.mark.parametrize("form", ZOO_FORMS)
def test_litert_still_gives_the_golden_outputs(form: Form) -> None:
    with np.load(DIGITS / "test.npz") as samples, np.load(DIGITS / "golden.npz") as golden:
        wanted = golden[form]
        got = reference_outputs((DIGITS / f"{form}.tflite").read_bytes(), samples["x"])
    assert got.dtype == wanted.dtype
    if form in (Form.INT8, Form.INT8_FLOAT_IO):
        assert np.array_equal(got, wanted)
    else:
        # Another build of LiteRT may contract multiply and add.
        bound = 1e-5 * np.abs(wanted).max(axis=1, keepdims=True)
        assert (np.abs(got - wanted) <= bound).all()


@pytest.mark.parametrize("form", ZOO_FORMS)
def test_each_form_is_right_as_often_as_the_readme_says(form: Form) -> None:
    with np.load(DIGITS / "test.npz") as samples, np.load(DIGITS / "golden.npz") as golden:
        assert (golden[form].argmax(axis=1) == samples["y"]).sum() == 341
