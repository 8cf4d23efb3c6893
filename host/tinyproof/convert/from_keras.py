"""Convert a Keras model to a ``.tflite`` file of a given form, with a clean graph."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.convert import backend
from tinyproof.convert.forms import FORM_SPECS, Form
from tinyproof.errors import ModelError, SamplesError
from tinyproof.text import printable

Samples = NDArray[np.float32]

_MISSING_OPERATORS = re.compile(r"^(?:TF Select|Custom) ops: (.+)$", re.MULTILINE)
"""How the converter lists operators that need tensorflow's kernels or are unknown to it."""


def convert_keras(model: Any, form: Form, representative: Samples | None = None) -> bytes:
    """Return ``model`` as the bytes of a ``.tflite`` file.

    Args:
        model: a built ``keras.Model`` with one input; it is not changed.
        form: the form wanted.
        representative: samples, N x input shape, float32 in the range the model was trained on;
            they set the scales of the int8 forms. Not looked at for the others.

    Raises:
        SamplesError: an int8 form without representative samples, or with samples of another shape.
        ModelError: the converter refused the model.
    """
    tf = backend.tensorflow()
    with backend.quiet():
        fixed = _with_batch_of_one(model)
        converter = tf.lite.TFLiteConverter.from_keras_model(fixed)
    _configure(tf, converter, form, _checked(model, form, representative))
    try:
        with backend.quiet():
            content = bytes(converter.convert())
    except Exception as error:
        # The converter's own class derives from Exception, and it lets others through.
        raise _refusal(form, error) from error
    if not FORM_SPECS[form].weights_only:
        return content
    from tinyproof.convert.weights import quantize_weights  # Here: it imports the schema.

    return quantize_weights(content)


def _refusal(form: Form, error: Exception) -> ModelError:
    """Say why the converter refused: the operators that LiteRT lacks, else its first line."""
    missing = _MISSING_OPERATORS.findall(str(error))
    if missing:
        return ModelError(
            f"The model cannot be converted to {form}: LiteRT has no operator for "
            f"{', '.join(missing)}.",
            hint="Write that layer with operators of LiteRT's own.",
        )
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return ModelError(
        f"The model cannot be converted to {form}: {printable(reason, limit=200).rstrip('.')}.",
        hint="Try the form float32, which asks least of the operators.",
    )


def _with_batch_of_one(model: Any) -> Any:
    """Put ``model``, or a copy of it, behind an input of batch 1.

    A free batch dimension would turn each Flatten into SHAPE, STRIDED_SLICE, PACK and RESHAPE.
    """
    keras = backend.keras()
    shape = (1, *model.input_shape[1:])
    source = keras.Input(batch_shape=shape, dtype=model.inputs[0].dtype, name=model.inputs[0].name)
    try:
        clone = keras.models.clone_model(model, input_tensors=source)
    except (TypeError, ValueError, NotImplementedError):
        # Keras cannot copy every layer of one's own; calling the model only makes names longer.
        return keras.Model(source, model(source), name=model.name)
    clone.set_weights(model.get_weights())
    return clone


def _checked(model: Any, form: Form, representative: Samples | None) -> Samples | None:
    """Return the samples to calibrate with; None if ``form`` needs none."""
    if not FORM_SPECS[form].calibrate:
        return None
    if representative is None or len(representative) == 0:
        raise SamplesError(
            f"The form {form} needs representative samples, got none.",
            hint="Give some of the training samples.",
        )
    wanted = tuple(model.input_shape[1:])
    if representative.shape[1:] != wanted:
        raise SamplesError(
            f"The representative samples have shape {representative.shape[1:]}, wanted {wanted}.",
            hint="Give an array of N x the model's input shape.",
        )
    return representative.astype(np.float32, copy=False)


def _configure(tf: Any, converter: Any, form: Form, representative: Samples | None) -> None:
    """Set the converter's options for ``form``."""
    spec = FORM_SPECS[form]
    if spec.optimize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if representative is not None:
        samples = representative

        def one_by_one() -> Iterator[list[Samples]]:
            for sample in samples:
                yield [sample[np.newaxis]]

        converter.representative_dataset = one_by_one
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    if spec.integer_io:
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
