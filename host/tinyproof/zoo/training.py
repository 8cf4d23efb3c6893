"""Train a model of the zoo, convert it to its forms and write everything to a folder."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinyproof.convert import backend
from tinyproof.convert.from_keras import convert_keras
from tinyproof.errors import UsageError
from tinyproof.storage import make_folder, storage_errors, write_atomic
from tinyproof.zoo.dataset import Dataset, Part
from tinyproof.zoo.recipes import Recipe, recipe_named
from tinyproof.zoo.trained import (
    HISTORY,
    KERAS_MODEL,
    MANIFEST,
    TEST_SAMPLES,
    Epoch,
    TrainedModel,
    history_of,
    manifest_of,
    tflite_name,
)

EpochProgress = Callable[[int, int, float, float], None]
"""Told after each epoch: its number from 1, their count, training loss, training metric."""

_VALIDATION_BATCH = 512
"""Samples per step of the validation; has no part in the weights."""
_PACKAGES = ("tinyproof", "tensorflow", "keras", "numpy", "scikit-learn")


def train(
    name: str,
    out_dir: Path,
    *,
    seed: int = 0,
    data_file: Path | None = None,
    progress: EpochProgress | None = None,
) -> TrainedModel:
    """Train the zoo's model ``name`` and write it to ``out_dir``, which is made if need be.

    The same seed gives the same ``.tflite`` bytes on one machine with the same packages. The
    manifest is removed first and written last: an interrupted training is never taken for a
    complete one, and an earlier one in the same folder is only replaced file by file.

    Args:
        name: of the recipe.
        out_dir: the folder.
        seed: where the random numbers start.
        data_file: the data set, for a recipe that takes one.
        progress: told after each epoch.

    Raises:
        UsageError: the zoo has no such model, or it takes no data.
        SamplesError: ``data_file`` is not what the recipe wants.
        ToolchainError: tensorflow or scikit-learn is not installed, or a download fails.
        StorageError: ``out_dir`` cannot be written to.
    """
    recipe = recipe_named(name)
    if data_file and not recipe.takes_data:
        raise UsageError(f"The zoo's model {name} brings its own data.", hint="Leave out --data.")
    data = recipe.load(data_file)
    _clear_manifest(out_dir)
    _seed(seed)
    model = recipe.build()
    epochs = _fit(model, recipe, data, progress)
    files = _files(model, recipe, data, epochs)
    for file_name, content in files.items():
        write_atomic(out_dir / file_name, content)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    trained = TrainedModel(out_dir, name, seed, _versions(), digests)
    write_atomic(out_dir / MANIFEST, manifest_of(trained))
    return trained


def _clear_manifest(out_dir: Path) -> None:
    """Make the folder, and withdraw the claim that it holds a complete training."""
    with storage_errors(make_folder(out_dir)):
        (out_dir / MANIFEST).unlink(missing_ok=True)


def _seed(seed: int) -> None:
    """Start from a clean Keras state with all random numbers drawn from ``seed``."""
    keras = backend.keras()
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    # Otherwise sums of parallel parts depend on which part came first.
    backend.tensorflow().config.experimental.enable_op_determinism()


def _fit(model: Any, recipe: Recipe, data: Dataset, progress: EpochProgress | None) -> list[Epoch]:
    """Train ``model`` and return its training curve."""
    keras = backend.keras()
    epochs: list[Epoch] = []

    def at_epoch_end(index: int, logs: dict[str, float]) -> None:
        keys = ("loss", recipe.metric, "val_loss", f"val_{recipe.metric}")
        epochs.append(Epoch(*(float(logs[key]) for key in keys)))
        if progress is not None:
            progress(index + 1, recipe.epochs, epochs[-1].loss, epochs[-1].metric)

    # One call into tensorflow per epoch, not per step: a third less time, the same weights.
    model.steps_per_execution = -(-len(data.train) // recipe.batch_size)
    model.fit(
        data.train.x,
        data.train.y,
        validation_data=(data.validate.x, data.validate.y),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        validation_batch_size=_VALIDATION_BATCH,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=at_epoch_end)],
    )
    return epochs


def _files(model: Any, recipe: Recipe, data: Dataset, epochs: list[Epoch]) -> dict[str, bytes]:
    """Content of each file of the training, the manifest excepted."""
    files = {tflite_name(form): convert_keras(model, form, data.train.x) for form in recipe.forms}
    files[TEST_SAMPLES] = npz_of(data.test)
    files[HISTORY] = history_of(recipe.metric, epochs)
    files[KERAS_MODEL] = _keras_bytes(model)
    return files


def npz_of(part: Part) -> bytes:
    """``part`` as an ``.npz`` with ``x`` and ``y``; the same bytes for the same arrays."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=part.x, y=part.y)
    return buffer.getvalue()


def _keras_bytes(model: Any) -> bytes:
    """The model in Keras's own format; carries the time of day, so never twice the same bytes."""
    with tempfile.TemporaryDirectory() as folder, backend.quiet():
        path = Path(folder) / KERAS_MODEL
        model.save(path)
        return path.read_bytes()


def _versions() -> dict[str, str]:
    """Versions of the packages that a training depends on."""
    return {package: importlib.metadata.version(package) for package in _PACKAGES}
