"""Training: reproducible, told step by step, and never half done on disk."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinyproof.convert import ZOO_FORMS, Form
from tinyproof.convert.measure import measure_forms
from tinyproof.errors import ModelError, StorageError, ToolchainError, UsageError
from tinyproof.zoo import RECIPES, TrainedModel, digits, is_trained, load_trained, train
from tinyproof.zoo.dataset import split_in_order


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """The digits model, trained in full, once."""
    return train("digits", tmp_path_factory.mktemp("digits"))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs instead of fifty, one form instead of four."""
    recipe = replace(RECIPES["digits"], epochs=2, forms=(Form.INT8,))
    monkeypatch.setitem(RECIPES, "digits", recipe)


@pytest.fixture
def complete(tmp_path: Path, short: None) -> Path:
    """A folder with the look of a complete training, made in no time."""
    (tmp_path / "int8.tflite").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    manifest = {
        "schema": 1,
        "name": "digits",
        "revision": RECIPES["digits"].revision,
        "seed": 0,
        "versions": {},
        "sha256": {"int8.tflite": digest},
    }
    (tmp_path / "model.json").write_text(json.dumps(manifest))
    return tmp_path


def test_the_split_gives_the_tutorials_359_test_digits() -> None:
    data = split_in_order(np.zeros((1797, 1), np.float32), np.arange(1797))
    assert [len(part) for part in (data.train, data.test, data.validate)] == [1078, 359, 360]
    order = np.concatenate([data.train.y, data.test.y, data.validate.y])
    assert np.array_equal(order, np.arange(1797))


def test_the_digits_are_scaled_by_their_maximum() -> None:
    train_part = digits.load().train
    assert train_part.x.shape == (1078, 8, 8, 1)
    assert train_part.x.dtype == np.float32
    assert (train_part.x.min(), train_part.x.max()) == (0, 1)


def test_the_model_has_the_tutorials_810_parameters() -> None:
    model = digits.build()
    assert model.count_params() == 810
    assert [type(layer).__name__ for layer in model.layers] == [
        "Conv2D",
        "MaxPooling2D",
        "Flatten",
        "Dense",
    ]


def test_the_recipe_is_the_tutorials() -> None:
    recipe = RECIPES["digits"]
    assert (recipe.epochs, recipe.batch_size) == (50, 16)
    model = digits.build()
    assert type(model.optimizer).__name__ == "Adam"
    assert model.loss.get_config()["from_logits"] is True


def test_every_form_is_right_on_more_than_nine_digits_of_ten(trained: TrainedModel) -> None:
    with np.load(trained.samples) as samples:
        rows = measure_forms(trained.forms, samples["x"], samples["y"], runs=1)
    assert [row.form for row in rows] == list(ZOO_FORMS)
    assert all(row.samples == 359 for row in rows)
    assert all(row.accuracy > 0.92 for row in rows)
    assert max(row.correct for row in rows) - min(row.correct for row in rows) <= 7


def test_the_curve_has_an_entry_per_epoch(trained: TrainedModel) -> None:
    curve = trained.history()
    assert len(curve) == 50
    assert curve[-1].loss < curve[0].loss / 5
    assert curve[-1].metric > curve[0].metric
    assert curve[-1].validation_loss < curve[0].validation_loss
    assert 0.8 < curve[-1].validation_metric <= 1


def test_a_complete_training_is_found_again(trained: TrainedModel) -> None:
    assert is_trained(trained.directory, "digits", 0)
    assert load_trained(trained.directory) == trained
    assert trained.versions["tensorflow"]


@pytest.mark.usefixtures("short")
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, again, other = (
        train("digits", tmp_path / name, seed=seed).path(Form.INT8).read_bytes()
        for name, seed in (("first", 3), ("again", 3), ("other", 4))
    )
    assert first == again
    assert first != other


@pytest.mark.usefixtures("short")
def test_progress_is_told_after_each_epoch(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[tuple[int, int, float, float]] = []
    model = train("digits", tmp_path, progress=lambda *values: told.append(values))
    assert [values[:2] for values in told] == [(1, 2), (2, 2)]
    assert [values[2:] for values in told] == [(e.loss, e.metric) for e in model.history()]
    assert capfd.readouterr() == ("", "")


def test_an_interrupted_training_is_not_taken_for_complete(complete: Path) -> None:
    assert is_trained(complete)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train("digits", complete, progress=interrupt)
    assert not is_trained(complete)
    assert not list(complete.glob(".*.tmp"))
    train("digits", complete)
    assert is_trained(complete, "digits", 0)


def test_a_changed_file_is_noticed(complete: Path) -> None:
    (complete / "int8.tflite").write_bytes(b"weightz")
    assert not is_trained(complete)
    with pytest.raises(ModelError, match="out of date or was changed"):
        load_trained(complete)


def test_a_missing_file_is_noticed(complete: Path) -> None:
    (complete / "int8.tflite").unlink()
    assert not is_trained(complete)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"name": "digits"}', "\udcff"])
def test_a_damaged_manifest_is_noticed(content: str, complete: Path) -> None:
    (complete / "model.json").write_bytes(content.encode(errors="surrogateescape"))
    assert not is_trained(complete)


def test_a_training_by_an_older_recipe_is_out_of_date(
    complete: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "digits", replace(RECIPES["digits"], revision=99))
    assert not is_trained(complete)


def test_another_seed_or_model_is_not_what_was_asked_for(complete: Path) -> None:
    assert not is_trained(complete, seed=1)
    assert not is_trained(complete, "sine")


def test_an_empty_folder_is_not_a_training(tmp_path: Path) -> None:
    assert not is_trained(tmp_path)
    assert not is_trained(tmp_path / "nothing")


def test_an_unknown_model_is_refused_with_the_choice(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model called 'numbers'") as caught:
        train("numbers", tmp_path)
    assert "digits" in caught.value.hint


def test_a_folder_that_cannot_be_made_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        train("digits", tmp_path / "file" / "out")


def test_missing_scikit_learn_names_the_extra_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ToolchainError, match="sklearn") as caught:
        train("digits", tmp_path)
    assert "pip install 'tinyproof[train]'" in caught.value.hint
