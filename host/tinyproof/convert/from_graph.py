"""SavedModel folders and frozen graphs of TensorFlow 1, as one function of its inputs.

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
from tinyproof.convert.forms import Form
from tinyproof.convert.inputs import Inputs, Shapes, in_order, shown
from tinyproof.convert.source import Source, check_shapes
from tinyproof.errors import ModelError
from tinyproof.text import printable

SIGNATURE = "serving_default"
_RESOURCES = ("VarHandleOp", "ReadVariableOp", "AssignVariableOp", "VariableV2", "Variable")


class FunctionSource(Source):
    """A frozen concrete function; see ``Source``."""

    def __init__(self, function: Any, inputs: Shapes) -> None:
        """Take ``function`` of ``inputs``, in their order."""
        self.inputs = inputs
        self._function = function

    def convert(self, form: Form, representative: Inputs | None) -> bytes:
        """Return the ``.tflite`` file of one form."""
        make = backend.tensorflow().lite.TFLiteConverter.from_concrete_functions
        return converter.convert(
            lambda: make([self._function]),
            form,
            self.inputs,
            representative,
            has_signature=False,
            per_tensor_dense=self.per_tensor_dense,
        )

    def predict(self, x: Inputs) -> NDArray[np.float32]:
        """Return what TensorFlow answers, one sample after another."""
        tf = backend.tensorflow()
        rows = zip(*in_order(x, list(self.inputs)), strict=True)
        answers = [
            self._function(*(tf.constant(value[np.newaxis]) for value in row)) for row in rows
        ]
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
        ModelError: it cannot be loaded, or is no function of tensors of fixed shapes.
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
    specs = function.structured_input_signature[1]
    if not specs:
        raise ModelError(
            f"The SavedModel {folder} has no inputs.", hint="Name a function with --signature."
        )
    found = {
        name: spec.shape.as_list() if spec.shape.rank else None for name, spec in specs.items()
    }
    shapes = check_shapes(found, input_shape)

    def outputs(*values: Any) -> list[Any]:
        answers = function(**dict(zip(shapes, values, strict=True)))
        return [answers[name] for name in sorted(answers)]

    with backend.quiet():
        fixed = [tf.TensorSpec(shapes[name], specs[name].dtype, name=name) for name in shapes]
        return FunctionSource(_frozen(tf.function(outputs).get_concrete_function(*fixed)), shapes)


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
        inputs: names of its inputs; if empty its only placeholder.
        outputs: names of its outputs; if empty the only operation that nothing reads.
        input_shape: batch included; fixes free dimensions.

    Raises:
        ModelError: not a frozen graph, or names that it does not have.
    """
    tf = backend.tensorflow()
    graph = _read_graph(tf, path)
    sources = _choose(path, "input", inputs, graph, _placeholders(graph))
    targets = _choose(path, "output", outputs, graph, _ends(graph))
    nodes = {node.name: node for node in graph.node}
    shapes = check_shapes({name: _declared(nodes[name]) for name in sources}, input_shape)
    for name in sources:
        _fix(tf, nodes[name], shapes[name])
    try:
        with backend.quiet():
            whole = tf.compat.v1.wrap_function(
                lambda: tf.graph_util.import_graph_def(graph, name=""), []
            )
            ends, answers = (
                [whole.graph.get_tensor_by_name(f"{name}:0") for name in names]
                for names in (sources, targets)
            )
            return FunctionSource(whole.prune(ends, answers), shapes)
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


def _declared(node: Any) -> list[int | None] | None:
    """Return the shape that a node says it has, None for each free size; None if it says none."""
    shape = node.attr["shape"].shape
    if shape.unknown_rank or "shape" not in node.attr:
        return None
    return [None if dimension.size < 0 else dimension.size for dimension in shape.dim]


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
) -> list[str]:
    names = [name.removesuffix(":0") for name in given] or list(candidates)
    known = {node.name for node in graph.node}
    unknown = [name for name in names if name not in known]
    hint = (
        f"Name them with --{what}s A,B; candidates: {shown(candidates[:8]) or 'none is evident'}."
    )
    if unknown:
        raise ModelError(f"{path} has no operation {shown(unknown[:1])}.", hint=hint)
    if not given and len(names) != 1:
        raise ModelError(f"{path} has {len(names)} operations that may be {what}s.", hint=hint)
    return names


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return printable(lines[0], limit=200).rstrip(".")
