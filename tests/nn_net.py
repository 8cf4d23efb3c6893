"""Builds small ``.tflite`` files in Python, one operator or a few, for the kernel tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

FLOAT32 = schema.TensorType.FLOAT32
INT8 = schema.TensorType.INT8
INT16 = schema.TensorType.INT16
INT32 = schema.TensorType.INT32
INT64 = schema.TensorType.INT64

_TYPES = {
    "float32": FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int8": INT8,
    "int32": INT32,
    "int64": INT64,
}


@dataclass
class Net:
    """A model under construction; tensors are numbered in the order of their making."""

    tensors: list[Any] = field(default_factory=list)
    buffers: list[Any] = field(default_factory=lambda: [schema.BufferT()])
    operators: list[Any] = field(default_factory=list)
    codes: list[Any] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    def tensor(
        self,
        shape: Sequence[int] | None,
        kind: int,
        scale: float | Sequence[float] | None = None,
        zero_point: int | Sequence[int] = 0,
        axis: int = 0,
    ) -> int:
        """Add a tensor; ``shape`` None is filled in by LiteRT (see ``nn_harness``)."""
        tensor = schema.TensorT()
        tensor.name = f"t{len(self.tensors)}"
        tensor.shape = None if shape is None else np.array(shape, np.int32)
        tensor.type = kind
        tensor.buffer = 0
        tensor.quantization = schema.QuantizationParametersT()
        if scale is not None:
            scales = np.atleast_1d(np.array(scale, np.float32))
            zeros = np.broadcast_to(np.array(zero_point, np.int64), scales.shape)
            tensor.quantization.scale = scales
            tensor.quantization.zeroPoint = zeros
            tensor.quantization.quantizedDimension = axis
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def input(self, *args: Any, **kwargs: Any) -> int:
        """Add a tensor that is an input of the model."""
        self.inputs.append(self.tensor(*args, **kwargs))
        return self.inputs[-1]

    def output(self, *args: Any, **kwargs: Any) -> int:
        """Add a tensor that is an output of the model."""
        self.outputs.append(self.tensor(*args, **kwargs))
        return self.outputs[-1]

    def constant(self, values: NDArray[Any], **quantization: Any) -> int:
        """Add a tensor with values: weights, a bias, a shape."""
        index = self.tensor(values.shape, _TYPES[values.dtype.name], **quantization)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self.buffers.append(buffer)
        self.tensors[index].buffer = len(self.buffers) - 1
        return index

    def operator(
        self,
        name: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: str = "",
        version: int = 1,
        **fields: Any,
    ) -> None:
        """Add an operator; ``options`` such as ``Conv2DOptions``, its ``fields`` in camelCase."""
        operator = schema.OperatorT()
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        operator.opcodeIndex = len(self.codes)
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = version
        self.codes.append(code)
        if options:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            operator.builtinOptions = getattr(schema, options + "T")()
            for key, value in fields.items():
                assert hasattr(operator.builtinOptions, key), f"{options} has no {key}"
                setattr(operator.builtinOptions, key, value)
        self.operators.append(operator)

    def build(self) -> bytes:
        """Return the ``.tflite`` file."""
        model = schema.ModelT()
        model.version = 3
        model.operatorCodes, model.buffers = self.codes, self.buffers
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = self.inputs, self.outputs
        model.subgraphs = [graph]
        builder = flatbuffers.Builder(4096)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
