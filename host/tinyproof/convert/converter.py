"""LiteRT's converter: its options for each form, and what its refusals mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyproof.convert import backend
from tinyproof.convert.forms import FORM_SPECS, Form
from tinyproof.convert.inputs import Array, Inputs, Shapes, in_order, shown
from tinyproof.errors import ModelError, SamplesError
from tinyproof.graph import read_graph
from tinyproof.tensors import plain_name
from tinyproof.text import printable

_MISSING_OPERATORS = re.compile(r"^(TF Select|Custom) ops: (.+)$", re.MULTILINE)
"""How the converter lists operators that need tensorflow's kernels or are unknown to it."""


def convert(
    make: Callable[[], Any],
    form: Form,
    inputs: Shapes,
    representative: Inputs | None,
    *,
    has_signature: bool,
    per_tensor_dense: bool,
) -> bytes:
    """Return the bytes of a ``.tflite`` file.

    Args:
        make: returns a fresh ``TFLiteConverter`` of a model of batch 1.
        form: the form wanted.
        inputs: of that model.
        representative: they set the scales of the forms that are calibrated; not looked at for the
            others.
        has_signature: whether the converter knows the inputs by name; else their order counts.
        per_tensor_dense: whether a dense layer's weights get one scale; see ``Source``.

    Raises:
        SamplesError: samples that the form needs are missing or of another shape.
        ModelError: the converter refused the model.
    """
    samples = checked(form, inputs, representative)
    names = list(inputs)
    rows = None if samples is None else Rows(samples, names if has_signature else None)
    tf = backend.tensorflow()
    try:
        with backend.quiet():
            converter = make()
            _configure(tf, converter, form, rows)
            # The only way to say it, since TensorFlow 2.17.
            converter._experimental_disable_per_channel_quantization_for_dense_layers = (
                per_tensor_dense
            )
            content = bytes(converter.convert())
    except Exception as error:
        # The converter's own class derives from Exception, and it lets others through.
        raise _refusal(form, error) from error
    _check_names(content, names, in_order=not has_signature)
    if not FORM_SPECS[form].weights_only:
        return content
    from tinyproof.convert.weights import quantize_weights  # Here: it imports the schema.

    return quantize_weights(content)


@dataclass(frozen=True)
class Rows:
    """Samples to calibrate with, as the converter asks for them: one after another.

    Attributes:
        samples: of each input, as many of each.
        names: of the inputs; None: they go by their order.
    """

    samples: Sequence[Array]
    names: Sequence[str] | None

    def __call__(self) -> Iterator[list[Array] | dict[str, Array]]:
        """Yield the arrays of one sample, batch of 1 included."""
        for row in zip(*self.samples, strict=True):
            arrays = [value[np.newaxis] for value in row]
            yield dict(zip(self.names, arrays, strict=True)) if self.names else arrays


def _check_names(content: bytes, names: Sequence[str], *, in_order: bool) -> None:
    """Check that the inputs can be told by name, and that each was calibrated with its own samples.

    Raises:
        ModelError: the converter changed a name, or an order that counts.
    """
    if len(names) == 1:
        return
    graph = read_graph(content)
    wanted, found = list(names), [plain_name(graph.tensors[index].name) for index in graph.inputs]
    if not in_order:
        wanted.sort()
        found.sort()
    if found != wanted:
        raise ModelError(
            f"LiteRT's converter made the inputs {shown(found)} of {shown(names)}.",
            hint="Name the model's inputs with letters, digits and underscores alone.",
        )


def checked(form: Form, inputs: Shapes, representative: Inputs | None) -> list[Array] | None:
    """Return the samples to calibrate each input with; None if ``form`` needs none.

    Raises:
        SamplesError: they are missing, or of another shape.
    """
    if not FORM_SPECS[form].calibrate:
        return None
    samples = [] if representative is None else in_order(representative, list(inputs))
    if not samples or len(samples[0]) == 0:
        raise SamplesError(
            f"The form {form} needs representative samples, got none.",
            hint="Give some of the training samples with --samples, "
            "or choose forms that need none: --form float32.",
        )
    for array, shape in zip(samples, inputs.values(), strict=True):
        if array.shape[1:] != shape[1:]:
            raise SamplesError(
                f"The representative samples have shape {array.shape[1:]}, wanted {shape[1:]}.",
                hint="Give an array of N x the model's input shape.",
            )
    return [array.astype(np.float32, copy=False) for array in samples]


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


def _configure(tf: Any, converter: Any, form: Form, representative: Rows | None) -> None:
    """Set the converter's options for ``form``."""
    spec = FORM_SPECS[form]
    if spec.optimize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if spec.half:
        converter.target_spec.supported_types = [tf.float16]
    if representative is not None:
        converter.representative_dataset = representative
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
