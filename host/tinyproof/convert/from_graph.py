"""SavedModel folders and frozen graphs of TensorFlow 1, as one function of one tensor.

Both become a concrete function with its variables frozen and a batch of 1, so that the converter
meets neither resource variables nor the shape arithmetic of a free batch.
"""

from __future__ import annotations

from collections.abc import Sequence
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

SIGNATURE = "serving_default"
_RESOURCES = ("VarHandleOp", "ReadVariableOp", "AssignVariableOp", "VariableV2", "Variable")


class FunctionSource(Source):
    """A frozen concrete function of one tensor; see ``Source``."""

    def __init__(self, function: Any, shape: tuple[int, ...]) -> None:
        """Take ``function``, whose input has ``shape``."""
        self.shape = shape
        self._function = function

    def convert(self, form: Form, representative: Samples | None) -> bytes:
        """Return the ``.tflite`` file of one form."""
        samples = converter.checked(form, self.shape[1:], representative)
        make = backend.tensorflow().lite.TFLiteConverter.from_concrete_functions
        return converter.convert(lambda: make([self._function]), form, samples)

    def predict(self, x: Samples) -> NDArray[np.float32]:
        """Return what TensorFlow answers, one sample after another."""
        tf = backend.tensorflow()
        answers = [self._function(tf.constant(sample[np.newaxis])) for sample in x]
        first = [a[0] if isinstance(a, list | tuple) else a for a in answers]
        return np.concatenate([np.asarray(answer, np.float32) for answer in first])


def open_saved_model(
    folder: Path, signature: str | None, input_shape: tuple[int, ...] | None
) -> FunctionSource:
    """Open a SavedModel folder.

    Args:
        folder: holds ``saved_model.pb``.
        signature: which of its functions; ``serving_default``, or the only one, if None.
        input_shape: batch included; fixes free dimensions.

    Raises:
        ModelError: it cannot be loaded, or is no function of one tensor of a fixed shape.
    """
    tf = backend.tensorflow()
    try:
        with backend.quiet():
            loaded = tf.saved_model.load(str(folder))
    except Exception as error:
        # Damaged files raise anything from protobuf's errors to tensorflow's own.
        raise ModelError(
            f"TensorFlow cannot load the SavedModel {folder}: {_reason(error)}.",
            hint="Copy the whole folder again, variables/ included, or export it again.",
        ) from error
    function = _signature(loaded, folder, signature)
    named = function.structured_input_signature[1]
    if len(named) != 1:
        raise ModelError(
            f"The SavedModel {folder} has {len(named)} inputs ({', '.join(named)}), convert "
            "takes models with one.",
            hint="Export a function of one tensor, or name another with --signature.",
        )
    (name, spec), *_ = named.items()
    shape = check_shape(spec.shape.as_list() if spec.shape.rank else None, input_shape)

    def first_output(x: Any) -> Any:
        answers = function(**{name: x})
        return answers[sorted(answers)[0]]

    with backend.quiet():
        concrete = tf.function(first_output).get_concrete_function(
            tf.TensorSpec(shape, spec.dtype, name=name)
        )
        return FunctionSource(_frozen(concrete), shape)


def _signature(loaded: Any, folder: Path, wanted: str | None) -> Any:
    there = dict(loaded.signatures)
    name = wanted or (next(iter(there)) if len(there) == 1 else SIGNATURE)
    if name not in there:
        names = ", ".join(there) or "none"
        raise ModelError(
            f"The SavedModel {folder} has no signature {name}; it has: {names}.",
            hint="Name one with --signature."
            if there
            else "Export it with model.export(folder), which writes a signature.",
        )
    return there[name]


def _frozen(concrete: Any) -> Any:
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    return convert_variables_to_constants_v2(concrete)


def open_frozen_graph(
    path: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    input_shape: tuple[int, ...] | None,
) -> FunctionSource:
    """Open a frozen graph of TensorFlow 1.

    Args:
        path: a serialized ``GraphDef``.
        inputs: names of its inputs, one; if empty its only placeholder is taken.
        outputs: names of its outputs, one; if empty the only operation that nothing reads.
        input_shape: batch included; fixes free dimensions.

    Raises:
        ModelError: not a frozen graph, or names that it does not have.
    """
    tf = backend.tensorflow()
    graph = _read_graph(tf, path)
    source = _choose(path, "input", inputs, graph, _placeholders(graph))
    target = _choose(path, "output", outputs, graph, _ends(graph))
    node = next(node for node in graph.node if node.name == source)
    declared = node.attr["shape"].shape
    found = None if declared.unknown_rank or "shape" not in node.attr else declared.dim
    sizes = None if found is None else [None if d.size < 0 else d.size for d in found]
    shape = check_shape(sizes, input_shape)
    _fix(tf, node, shape)
    try:
        with backend.quiet():
            whole = tf.compat.v1.wrap_function(
                lambda: tf.graph_util.import_graph_def(graph, name=""), []
            )
            ends = [whole.graph.get_tensor_by_name(f"{name}:0") for name in (source, target)]
            return FunctionSource(whole.prune([ends[0]], [ends[1]]), shape)
    except Exception as error:
        raise ModelError(
            f"TensorFlow cannot import the graph {path}: {_reason(error)}.",
            hint="Check --inputs, --outputs and --input-shape, or freeze the graph again.",
        ) from error


def _read_graph(tf: Any, path: Path) -> Any:
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
    except Exception as error:
        # protobuf's DecodeError derives from Exception alone.
        raise ModelError(
            f"{path} is not a frozen graph, or was cut off: {_reason(error)}.",
            hint="Copy it again; of a SavedModel name the folder, not its saved_model.pb.",
        ) from error
    if not graph.node:
        raise ModelError(
            f"{path} holds no graph.", hint="Of a SavedModel name the folder, not the file in it."
        )
    variables = [node.name for node in graph.node if node.op in _RESOURCES]
    if variables:
        raise ModelError(
            f"{path} is not frozen: {printable(variables[0], limit=80)} is a variable.",
            hint="Freeze it with tf.compat.v1.graph_util.convert_variables_to_constants.",
        )
    return graph


def _fix(tf: Any, node: Any, shape: tuple[int, ...]) -> None:
    """Give the placeholder its shape; what was noted of other shapes is inferred again."""
    node.attr["shape"].shape.CopyFrom(tf.TensorShape(shape).as_proto())
    if "_output_shapes" in node.attr:
        del node.attr["_output_shapes"]


def _placeholders(graph: Any) -> list[str]:
    return [node.name for node in graph.node if node.op == "Placeholder"]


def _ends(graph: Any) -> list[str]:
    """Return the operations that nothing reads, NoOp left out."""
    read = {name.lstrip("^").split(":")[0] for node in graph.node for name in node.input}
    return [node.name for node in graph.node if node.name not in read and node.op != "NoOp"]


def _choose(
    path: Path, what: str, given: Sequence[str], graph: Any, candidates: Sequence[str]
) -> str:
    names = [name.removesuffix(":0") for name in given] or list(candidates)
    known = {node.name for node in graph.node}
    unknown = [name for name in names if name not in known]
    shown = ", ".join(printable(name, limit=60) for name in candidates[:8]) or "none is evident"
    if unknown:
        raise ModelError(
            f"{path} has no operation {printable(unknown[0], limit=80)}.",
            hint=f"Name its {what} with --{what}s; candidates: {shown}.",
        )
    if len(names) != 1:
        raise ModelError(
            f"{path} has {len(names)} {what}s ({shown}), convert takes one.",
            hint=f"Name the one with --{what}s NAME.",
        )
    return names[0]


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return printable(lines[0], limit=200).rstrip(".")
