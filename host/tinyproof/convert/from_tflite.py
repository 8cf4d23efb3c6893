"""An existing ``.tflite`` file: what can still be done with it, and what cannot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinyproof.convert.flatbuffer import rewriting
from tinyproof.convert.forms import Form
from tinyproof.convert.half import halve_weights
from tinyproof.convert.inputs import Inputs
from tinyproof.convert.measure import reference_reals
from tinyproof.convert.source import Source, check_shapes
from tinyproof.convert.weights import quantize_weights
from tinyproof.errors import ModelError, UnsupportedModelError
from tinyproof.graph import Graph, TensorType, read_graph
from tinyproof.graph.examine import examine
from tinyproof.tensors import plain_name

_FROM_FLOAT = (Form.FLOAT32, Form.FLOAT16, Form.DYNAMIC_RANGE)


class TfliteSource(Source):
    """A ``.tflite`` file; see ``Source``.

    Its own form is a copy. A float32 file can also get float16 or int8 weights, which needs
    nothing but the weights. LiteRT's converter cannot read its own files, so nothing else is made.

    Attributes:
        form: what the file is.
    """

    def __init__(self, content: bytes, input_shape: tuple[int, ...] | None = None) -> None:
        """Take the bytes of a file; ``input_shape`` can only repeat what it says.

        Raises:
            ModelError: malformed, beyond any engine, or of a form that is no longer made.
        """
        examine(content)
        self._content = content
        graph = read_graph(content)
        self.form = form_of(graph)
        self.forms = _FROM_FLOAT if self.form is Form.FLOAT32 else (self.form,)
        ends = [graph.tensors[index] for index in graph.inputs]
        self.inputs = check_shapes({plain_name(end.name): end.shape for end in ends}, input_shape)
        if not ends or len(self.inputs) < len(ends):
            raise ModelError(
                f"The model has {len(ends)} inputs of {len(self.inputs)} names.",
                hint="Build it with inputs, each of a name of its own.",
            )

    def convert(self, form: Form, representative: Inputs | None) -> bytes:
        """Return the file, or the file with smaller weights."""
        del representative
        if self.per_tensor_dense:
            raise ModelError(
                "The scales of a .tflite file stay as they are.",
                hint="Leave --per-tensor-dense out, or convert the model it was made from.",
            )
        if form is self.form:
            return self._content
        if form not in self.forms:
            raise ModelError(
                f"The form {form} cannot be made of this .tflite file, which is {self.form}: "
                "LiteRT's converter does not read its own files.",
                hint="Convert the model it was made from (Keras, SavedModel, frozen graph); of "
                f"this file can be made: {', '.join(self.forms)}.",
            )
        make = halve_weights if form is Form.FLOAT16 else quantize_weights
        with rewriting():
            return make(self._content)

    def predict(self, x: Inputs) -> NDArray[np.float32]:
        """Return what LiteRT's reference kernels answer, dequantized."""
        return reference_reals(self._content, x)


def form_of(graph: Graph) -> Form:
    """Return the form of a graph, told by the types of its tensors.

    Raises:
        UnsupportedModelError: uint8, the scheme before int8.
    """
    moving = {tensor.type for tensor in graph.tensors if tensor.data is None}
    stored = {tensor.type for tensor in graph.tensors if tensor.data is not None}
    ends = {graph.tensors[index].type for index in (*graph.inputs, *graph.outputs)}
    if TensorType.UINT8 in moving - ends or (TensorType.UINT8 in stored):
        raise UnsupportedModelError(
            "it is quantized to uint8, a scheme that TFLite has given up",
            hint="Convert the original model again, to the form int8.",
        )
    if TensorType.INT16 in moving:
        return Form.INT16X8
    if TensorType.INT8 in moving:
        return Form.INT8_FLOAT_IO if TensorType.FLOAT32 in ends else Form.INT8
    if TensorType.FLOAT16 in stored:
        return Form.FLOAT16
    return Form.DYNAMIC_RANGE if TensorType.INT8 in stored else Form.FLOAT32
