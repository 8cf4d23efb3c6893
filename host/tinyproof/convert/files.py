"""Convert a model file: load it, convert it to each form wanted, write the ``.tflite`` files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.convert import backend
from tinyproof.convert.forms import Form
from tinyproof.convert.from_keras import convert_keras
from tinyproof.errors import ModelError, SamplesError
from tinyproof.progress import Progress
from tinyproof.storage import write_atomic

SUFFIXES = (".keras", ".h5")


def convert_file(
    source: Path, forms: Sequence[Form], samples: Path | None, out: Path, progress: Progress
) -> dict[Form, Path]:
    """Write ``<form>.tflite`` into ``out`` for each of ``forms`` and return the files.

    Args:
        source: a model saved by Keras, ``.keras`` or ``.h5``.
        forms: what to convert to.
        samples: an ``.npz`` whose ``x`` calibrates the int8 forms.
        out: folder, made if need be.
        progress: told of each form.

    Raises:
        ModelError: the model cannot be loaded or converted.
        SamplesError: the samples do not suit it, or are missing for an int8 form.
        StorageError: ``out`` cannot be written to.
    """
    representative = None if samples is None else _representative(samples)
    model = load_keras(source)
    written = {}
    for form in forms:
        with progress.step("convert", str(form)) as step:
            content = convert_keras(model, form, representative)
            step.result(f"{len(content):,} bytes")
        written[form] = out / f"{form}.tflite"
        write_atomic(written[form], content)
    return written


def load_keras(path: Path) -> Any:
    """Load a ``keras.Model``; code inside the file is not run.

    Raises:
        ModelError: missing, or not a model that Keras can load.
    """
    if path.suffix not in SUFFIXES:
        raise ModelError(
            f"{path} is not a model that can be converted.",
            hint=f"Name a file that Keras saved, ending in {' or '.join(SUFFIXES)}.",
        )
    if not path.is_file():
        raise ModelError(f"There is no file {path}.", hint="Save one with model.save(...).")
    keras = backend.keras()
    try:
        with backend.quiet():
            return keras.models.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(
            f"Keras cannot load {path}: {lines[0]}",
            hint="Save it again with model.save(...), without custom objects.",
        ) from error


def _representative(path: Path) -> NDArray[np.float32]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return np.asarray(file["x"], np.float32)
    except (OSError, ValueError, KeyError) as error:
        raise SamplesError(
            f"{path} has no array x of representative samples.",
            hint="Save one with numpy.savez(path, x=samples).",
        ) from error
