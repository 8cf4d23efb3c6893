"""What no engine can run, told from a ``.tflite`` file before anything is done with it. Pure.

Unlike ``read_graph`` this lets through what only one engine refuses, and says of the rest what to
do about it.
"""

from __future__ import annotations

from tinyproof.errors import ModelError, UnsupportedModelError
from tinyproof.graph.flatbuffer import Table
from tinyproof.graph.reader import MAX_OPERATORS, _operator_code, _root, read_graph

RESOURCES = frozenset({"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"})
"""Operators on variables that outlive an inference."""


def examine(model: bytes) -> None:
    """Refuse a file that is malformed, or that neither engine can run.

    Raises:
        ModelError: empty, truncated, malformed.
        UnsupportedModelError: custom or unknown operators, operators of TensorFlow's own
            (SELECT_TF_OPS), resource variables, inputs of a free size.
    """
    root = _root(model)
    codes = [_operator_code(table)[0] for table in root.tables(1, limit=1024)]
    for subgraph in root.tables(2, limit=1024):
        for index, table in enumerate(subgraph.tables(3, limit=MAX_OPERATORS)):
            code = table.integer(0, "I")
            if code < len(codes):
                _check_operator(codes[code], index)
    _check_inputs(root)
    try:
        read_graph(model)
    except UnsupportedModelError:
        return  # Engine aot refuses it when asked, for its own reason; TFLM may take it.


def _check_operator(name: str, index: int) -> None:
    kind, _, custom = name.partition(":")
    if kind == "CUSTOM" and custom.startswith("Flex"):
        raise UnsupportedModelError(
            "it needs TensorFlow's own kernels (SELECT_TF_OPS), which no microcontroller has",
            operator=custom,
            index=index,
            hint="Convert the original model with tinyproof convert, which allows LiteRT's own "
            "operators only and names the layers that have none.",
        )
    if kind == "CUSTOM":
        raise UnsupportedModelError(
            "it is a custom operator, whose code is not in the model",
            operator=custom or "CUSTOM",
            index=index,
            hint="Rebuild that layer of LiteRT's own operators, or leave it out of the model and "
            "do its work before or after the inference.",
        )
    if name in RESOURCES:
        raise UnsupportedModelError(
            "it keeps state in a resource variable that outlives an inference",
            operator=name,
            index=index,
            hint="Make the state an input and an output of the model; of a SavedModel or Keras "
            "model tinyproof convert freezes variables that only hold weights.",
        )
    if name.startswith("BUILTIN_"):
        raise UnsupportedModelError(
            "its number is unknown here: the model comes from a newer LiteRT",
            operator=name,
            index=index,
            hint="Convert the model with the tensorflow release that TinyProof was made for.",
        )


def _check_inputs(root: Table) -> None:
    """Refuse an input with a free size other than the batch."""
    for subgraph in root.tables(2, limit=1)[:1] if len(root.tables(2, limit=1024)) == 1 else ():
        tensors = subgraph.tables(0, limit=8192)
        for index in subgraph.numbers(1, "<i4", limit=64).tolist():
            if not 0 <= index < len(tensors):
                raise ModelError(
                    "The model file is malformed: an input that is not there.",
                    hint="Convert the model again, or copy the file again.",
                )
            signature = tensors[index].numbers(7, "<i4", limit=8).tolist()
            if any(size == -1 for size in signature[1:]):
                shown = " x ".join("?" if size == -1 else str(size) for size in signature)
                raise UnsupportedModelError(
                    f"its input has the shape {shown}: besides the batch no size may be free",
                    hint="Convert the original model again, with --input-shape.",
                )
