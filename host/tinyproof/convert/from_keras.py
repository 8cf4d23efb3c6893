"""Keras models: files saved by Keras, Python files that build one, models in memory."""

from __future__ import annotations

import runpy
import traceback
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.convert import backend, converter
from tinyproof.convert.converter import Samples
from tinyproof.convert.forms import Form
from tinyproof.convert.source import Source, check_shape
from tinyproof.errors import ModelError
from tinyproof.text import printable

BUILDER = "build_model"


def convert_keras(model: Any, form: Form, representative: Samples | None = None) -> bytes:
    """Return ``model`` as the bytes of a ``.tflite`` file.

    Args:
        model: a built ``keras.Model`` with one input; it is not changed.
        form: the form wanted.
        representative: samples, N x input shape, float32 in the range the model was trained on;
            they set the scales of the forms that are calibrated. Not looked at for the others.

    Raises:
        SamplesError: an int8 form without representative samples, or with samples of another shape.
        ModelError: the converter refused the model.
    """
    return KerasSource(model).convert(form, representative)


class KerasSource(Source):
    """A ``keras.Model`` in memory; see ``Source``."""

    def __init__(self, model: Any, input_shape: tuple[int, ...] | None = None) -> None:
        """Take a built model with one input; ``input_shape`` fixes its free dimensions.

        Raises:
            ModelError: several inputs, or a dimension that is not fixed.
        """
        if len(getattr(model, "inputs", ())) != 1:
            number = len(getattr(model, "inputs", ()))
            raise ModelError(
                f"The Keras model has {number} inputs, convert takes models with one.",
                hint="Build it on an Input, and join several inputs into one."
                if number
                else "Call the model on an Input once, so that its shapes are known, and save it.",
            )
        self.model = model
        self.shape = check_shape(model.inputs[0].shape, input_shape)
        self._fixed: Any = None

    def convert(self, form: Form, representative: Samples | None) -> bytes:
        """Return the ``.tflite`` file of one form."""
        samples = converter.checked(form, self.shape[1:], representative)
        if self._fixed is None:
            with backend.quiet():
                self._fixed = self._with_batch_of_one()
        tf = backend.tensorflow()
        return converter.convert(
            lambda: tf.lite.TFLiteConverter.from_keras_model(self._fixed), form, samples
        )

    def predict(self, x: Samples) -> NDArray[np.float32]:
        """Return what Keras answers."""
        with backend.quiet():
            answers = self.model(x, training=False)
        while isinstance(answers, dict | list | tuple):
            answers = next(iter(answers.values() if isinstance(answers, dict) else answers))
        return np.asarray(answers, np.float32)

    def _with_batch_of_one(self) -> Any:
        """Put the model, or a copy of it, behind an input of batch 1.

        A free batch would turn each Flatten into SHAPE, STRIDED_SLICE, PACK and RESHAPE.
        """
        keras, model = backend.keras(), self.model
        given = model.inputs[0]
        source = keras.Input(batch_shape=self.shape, dtype=given.dtype, name=given.name)
        try:
            clone = keras.models.clone_model(model, input_tensors=source)
        except (TypeError, ValueError, NotImplementedError):
            # Keras cannot copy every layer of one's own; calling the model only makes names longer.
            return keras.Model(source, model(source), name=model.name)
        clone.set_weights(model.get_weights())
        return clone


def load_keras(path: Path) -> Any:
    """Load a ``keras.Model``; code inside the file is not run.

    Raises:
        ModelError: missing, damaged, or not a model that Keras can load.
    """
    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        # Keras would say that it finds no file.
        raise ModelError(
            f"{path} is damaged: it is no complete Keras archive.",
            hint="Copy the file again, or save it again with model.save(...).",
        )
    keras = backend.keras()
    try:
        with backend.quiet():
            return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        # A damaged archive raises whatever zipfile, h5py or json raise.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        own_code = "ambda" in str(error) or "custom object" in str(error)
        raise ModelError(
            f"Keras cannot load {path}: {printable(lines[0], limit=300)}",
            hint=f"Give a Python file with {BUILDER}() that returns the model: such code inside a "
            "model file is never run."
            if own_code
            else "Copy the file again, or save it again with model.save(...).",
        ) from error


def build_keras(path: Path) -> Any:
    """Execute the Python file and return what its ``build_model()`` returns.

    Raises:
        ModelError: it fails, or does not return a ``keras.Model``.
    """
    keras = backend.keras()
    try:
        names = runpy.run_path(str(path), run_name="tinyproof_model")
        model = names[BUILDER]() if BUILDER in names else None
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1].lineno
        reason = printable(f"{type(error).__name__}: {error}", limit=200)
        raise ModelError(
            f"{path} failed in line {line}: {reason}", hint=f"Mend the file; try: python {path}."
        ) from error
    if not isinstance(model, keras.Model):
        what = f"returns {type(model).__name__}" if BUILDER in names else "is not there"
        raise ModelError(
            f"{path} should define {BUILDER}() that returns a keras.Model, but it {what}.",
            hint=f"Define {BUILDER}() in it, with weights loaded.",
        )
    return model
