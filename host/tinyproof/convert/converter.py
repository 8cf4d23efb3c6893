"""LiteRT's converter: its options for each form, and what its refusals mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.convert import backend
from tinyproof.convert.forms import FORM_SPECS, Form
from tinyproof.errors import ModelError, SamplesError
from tinyproof.text import printable

Samples = NDArray[np.float32]

_MISSING_OPERATORS = re.compile(r"^(TF Select|Custom) ops: (.+)$", re.MULTILINE)
"""How the converter lists operators that need tensorflow's kernels or are unknown to it."""


def convert(make: Callable[[], Any], form: Form, representative: Samples | None) -> bytes:
    """Return the bytes of a ``.tflite`` file.

    Args:
        make: returns a fresh ``TFLiteConverter`` of a model with one input, of batch 1.
        form: the form wanted.
        representative: samples, N x input shape without the batch, float32; they set the scales
            of the forms that are calibrated. None for the others.

    Raises:
        ModelError: the converter refused the model.
    """
    tf = backend.tensorflow()
    try:
        with backend.quiet():
            converter = make()
            _configure(tf, converter, form, representative)
            content = bytes(converter.convert())
    except Exception as error:
        # The converter's own class derives from Exception, and it lets others through.
        raise _refusal(form, error) from error
    if not FORM_SPECS[form].weights_only:
        return content
    from tinyproof.convert.weights import quantize_weights  # Here: it imports the schema.

    return quantize_weights(content)


def checked(form: Form, shape: tuple[int, ...], representative: Samples | None) -> Samples | None:
    """Return the samples to calibrate with; None if ``form`` needs none.

    Args:
        form: the form wanted.
        shape: of the model's input, without the batch.
        representative: N x ``shape``.

    Raises:
        SamplesError: they are missing, or of another shape.
    """
    if not FORM_SPECS[form].calibrate:
        return None
    if representative is None or len(representative) == 0:
        raise SamplesError(
            f"The form {form} needs representative samples, got none.",
            hint="Give some of the training samples with --samples, "
            "or choose forms that need none: --form float32.",
        )
    if representative.shape[1:] != shape:
        raise SamplesError(
            f"The representative samples have shape {representative.shape[1:]}, wanted {shape}.",
            hint="Give an array of N x the model's input shape.",
        )
    return representative.astype(np.float32, copy=False)


def _refusal(form: Form, error: Exception) -> ModelError:
    """Say why the converter refused: the operators that LiteRT lacks, else its first line."""
    missing = _MISSING_OPERATORS.findall(str(error))
    if missing:
        kinds, names = ({part[i] for part in missing} for i in (0, 1))
        needs = "TensorFlow's own kernels (SELECT_TF_OPS)" if "TF Select" in kinds else "own code"
        return ModelError(
            f"The model cannot be converted to {form}: LiteRT has no operator for "
            f"{', '.join(sorted(names))}, which would need {needs}.",
            hint="Write that layer with operators of LiteRT's own, or leave it out of the model "
            "and do its work before or after the inference.",
        )
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return ModelError(
        f"The model cannot be converted to {form}: {printable(reason, limit=200).rstrip('.')}.",
        hint="Try the form float32, which asks least of the operators.",
    )


def _configure(tf: Any, converter: Any, form: Form, representative: Samples | None) -> None:
    """Set the converter's options for ``form``."""
    spec = FORM_SPECS[form]
    if spec.optimize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if spec.half:
        converter.target_spec.supported_types = [tf.float16]
    if representative is not None:
        samples = representative

        def one_by_one() -> Iterator[list[Samples]]:
            for sample in samples:
                yield [sample[np.newaxis]]

        converter.representative_dataset = one_by_one
        sets = tf.lite.OpsSet
        converter.target_spec.supported_ops = [
            sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            if spec.wide
            else sets.TFLITE_BUILTINS_INT8
        ]
    if spec.integer_io:
        kind = tf.int16 if spec.wide else tf.int8
        converter.inference_input_type = kind
        converter.inference_output_type = kind
