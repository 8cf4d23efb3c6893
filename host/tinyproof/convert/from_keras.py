"""Keras models: files saved by Keras, Python files that build one, models in memory."""

from __future__ import annotations

import re
import runpy
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.convert import backend, converter
from tinyproof.convert.forms import Form
from tinyproof.convert.inputs import Inputs, in_order, shown
from tinyproof.convert.source import Source, check_shapes
from tinyproof.errors import ModelError
from tinyproof.text import printable

BUILDER = "build_model"


def convert_keras(model: Any, form: Form, representative: Inputs | None = None) -> bytes:
    """Return ``model`` as the bytes of a ``.tflite`` file.

    Args:
        model: a built ``keras.Model``; it is not changed.
        form: the form wanted.
        representative: samples in the range the model was trained on; they set the scales of the
            forms that are calibrated. Not looked at for the others.

    Raises:
        SamplesError: an int8 form without representative samples, or with samples of another shape.
        ModelError: the converter refused the model.
    """
    return KerasSource(model).convert(form, representative)


class KerasSource(Source):
    """A ``keras.Model`` in memory; see ``Source``."""

    def __init__(self, model: Any, input_shape: tuple[int, ...] | None = None) -> None:
        """Take a built model; ``input_shape`` fixes free dimensions of its only input.

        Raises:
            ModelError: its inputs are not known, or a dimension is not fixed.
        """
        if not getattr(model, "inputs", ()):
            raise ModelError(
                "The Keras model does not say what its inputs are.",
                hint="Call the model on an Input once, so that its shapes are known, and save it.",
            )
        self.model = model
        self.inputs = check_shapes({_valid(i.name): i.shape for i in model.inputs}, input_shape)
        if len(self.inputs) < len(model.inputs):
            raise ModelError(
                f"The {len(model.inputs)} inputs have the names {shown(list(self.inputs))} alone.",
                hint="Give each a name of its own, of letters, digits and underscores.",
            )
        self._fixed: Any = None

    def convert(self, form: Form, representative: Inputs | None) -> bytes:
        """Return the ``.tflite`` file of one form."""
        if self._fixed is None:
            with backend.quiet():
                self._fixed = self._with_batch_of_one()
        tf = backend.tensorflow()
        make = tf.lite.TFLiteConverter.from_keras_model
        return converter.convert(
            lambda: make(self._fixed),
            form,
            self.inputs,
            representative,
            has_signature=True,
            per_tensor_dense=self.per_tensor_dense,
        )

    def predict(self, x: Inputs) -> NDArray[np.float32]:
        """Return what Keras answers."""
        arrays = dict(zip(self.inputs, in_order(x, list(self.inputs)), strict=True))
        with backend.quiet():
            given = self._each_input(lambda tensor: arrays[_valid(tensor.name)])
            answers = self.model(given, training=False)
        while isinstance(answers, dict | list | tuple):
            answers = next(iter(answers.values() if isinstance(answers, dict) else answers))
        return np.asarray(answers, np.float32)

    def _each_input(self, make: Callable[[Any], Any]) -> Any:
        """Return what ``make`` makes of each input, in the structure the model is called on."""
        keras, model = backend.keras(), self.model
        ends = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
        return keras.tree.map_structure(make, ends)

    def _with_batch_of_one(self) -> Any:
        """Put the model, or a copy of it, behind inputs of batch 1.

        A free batch would turn each Flatten into SHAPE, STRIDED_SLICE, PACK and RESHAPE.
        """
        keras, model = backend.keras(), self.model
        ends = self._each_input(
            lambda old: keras.Input(
                batch_shape=self.inputs[_valid(old.name)], dtype=old.dtype, name=_valid(old.name)
            )
        )
        try:
            clone = keras.models.clone_model(model, input_tensors=ends)
        except (TypeError, ValueError, NotImplementedError):
            # Keras cannot copy every layer of one's own; calling the model only makes names longer.
            return keras.Model(ends, model(ends), name=model.name)
        clone.set_weights(model.get_weights())
        return clone


def _valid(name: str) -> str:
    """Return the name of an input as TensorFlow can export it."""
    return re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or "input"


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
    except (Exception, SystemExit) as error:
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
