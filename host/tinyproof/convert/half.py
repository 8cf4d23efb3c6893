"""Store the weights of a float32 ``.tflite`` file as float16, in the converter's own layout.

Each constant becomes a float16 tensor and a DEQUANTIZE in front of the first operator; so readers
that know nothing of float16 weights (other than this operator) run it in float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tinyproof.convert.flatbuffer import read_model, write_model
from tinyproof.errors import ModelError

_DEQUANTIZE_VERSION = 3
"""The first that reads float16."""


def halve_weights(content: bytes) -> bytes:
    """Return the model with every float32 constant stored as float16.

    Args:
        content: a valid ``.tflite`` file of one subgraph, computing in float32.

    Raises:
        ModelError: a weight is beyond float16's range.
    """
    model = read_model(content)
    graph = model.subgraphs[0]
    made = [_halve(model, index) for index in _constants(model, graph)]
    if made:
        code = _dequantize(model)
        for operator in made:
            operator.opcodeIndex = code
        graph.operators = [*made, *graph.operators]
        _drop_unused(model)
    return write_model(model)


def _drop_unused(model: Any) -> None:
    """Empty the buffers that nothing refers to any more."""
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {entry.buffer for entry in model.metadata or []}
    for index, buffer in enumerate(model.buffers):
        if index not in used:
            buffer.data = None


def _constants(model: Any, graph: Any) -> list[int]:
    """Return the float32 tensors with values, in order."""
    return [
        index
        for index, tensor in enumerate(graph.tensors)
        if tensor.type == schema.TensorType.FLOAT32
        and model.buffers[tensor.buffer].data is not None
        and len(model.buffers[tensor.buffer].data)
    ]


def _halve(model: Any, index: int) -> Any:
    """Move a tensor's values into a new float16 tensor; return the operator that widens them."""
    graph = model.subgraphs[0]
    real = graph.tensors[index]
    with np.errstate(over="ignore"):
        values = np.frombuffer(bytes(model.buffers[real.buffer].data), np.float32).astype("<f2")
    if not np.isfinite(values).all():
        raise ModelError(
            "A weight of the model is larger than 65,504, the largest float16.",
            hint="Choose another form, or scale the weights of that layer down.",
        )
    stored = schema.TensorT()
    stored.name = bytes(real.name or b"") + b"_float16"
    stored.shape, stored.type = real.shape, schema.TensorType.FLOAT16
    buffer = schema.BufferT()
    buffer.data = values.view(np.uint8).reshape(-1)
    model.buffers.append(buffer)
    stored.buffer, real.buffer = len(model.buffers) - 1, 0
    graph.tensors.append(stored)
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [len(graph.tensors) - 1], [index]
    return operator


def _dequantize(model: Any) -> int:
    """Return the index of a DEQUANTIZE in the table of operators, added to it."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = _DEQUANTIZE_VERSION
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
