"""Tiny ``.tflite`` files made in memory, one operator each, for tests that need LiteRT."""

from __future__ import annotations

from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as tfl

FLOAT32, UINT8, INT16, INT8 = 0, 3, 7, 9


def tensor(name: str, kind: int, shape: list[int], buffer: int, quantization: Any = None) -> Any:
    """Return a tensor; ``quantization`` is (scale, zero point)."""
    made = tfl.TensorT()
    made.name, made.type, made.shape, made.buffer = name, kind, shape, buffer
    if quantization:
        made.quantization = tfl.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = ([v] for v in quantization)
    return made


def model(operator: int, inputs: list[Any], outputs: list[Any], options: Any = None) -> bytes:
    """Return a model of one operator whose inputs and outputs are the model's own."""
    graph, code, node = tfl.SubGraphT(), tfl.OperatorCodeT(), tfl.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = operator
    code.version = 1
    node.inputs = graph.inputs = list(range(len(inputs)))
    node.outputs = graph.outputs = list(range(len(inputs), len(inputs) + len(outputs)))
    node.opcodeIndex = 0
    if options:
        node.builtinOptionsType, node.builtinOptions = options
    graph.tensors, graph.operators = [*inputs, *outputs], [node]
    whole = tfl.ModelT()
    whole.version = 3
    whole.buffers = [tfl.BufferT() for _ in range(1 + len(graph.tensors))]
    whole.operatorCodes, whole.subgraphs = [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def quantize_model(values: int, kind: int, scale: float, zero_point: int) -> bytes:
    """Return QUANTIZE from float32 1 x ``values``."""
    return model(
        tfl.BuiltinOperator.QUANTIZE,
        [tensor("real", FLOAT32, [1, values], 1)],
        [tensor("stored", kind, [1, values], 2, (scale, zero_point))],
    )


def subtract_model(values: int) -> bytes:
    """Return SUB of two float32 inputs, ``a`` minus ``b``, 1 x ``values`` each."""
    return model(
        tfl.BuiltinOperator.SUB,
        [tensor(name, FLOAT32, [1, values], buffer) for buffer, name in ((1, "a"), (2, "b"))],
        [tensor("difference", FLOAT32, [1, values], 3)],
        (tfl.BuiltinOptions.SubOptions, tfl.SubOptionsT()),
    )
