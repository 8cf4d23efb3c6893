"""Quantize the weights that LiteRT's converter leaves in float32.

Its weights-only (dynamic range) mode skips tensors of fewer than 1024 elements, and no option
lowers that: of the digits model it would change nothing. The layout is the converter's own:
symmetric int8 in -127..127, one scale per output channel, so that LiteRT's hybrid kernels run it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from tinyproof.convert.flatbuffer import read_model, write_model
from tinyproof.errors import ModelError

_WEIGHTS_INPUT = 1
_LARGEST = np.float32(127)
_HYBRID_VERSIONS = {schema.BuiltinOperator.CONV_2D: 5, schema.BuiltinOperator.FULLY_CONNECTED: 12}
"""Operators whose weights are quantized (output channels come first in both), and the version the
converter gives them when they compute with int8 weights per channel and float32 activations."""


def quantize_weights(content: bytes) -> bytes:
    """Return the model with all weights of its convolutions and dense layers in int8.

    Args:
        content: a ``.tflite`` file by the converter's weights-only mode.
    """
    model = read_model(content)
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            if code.builtinCode not in _HYBRID_VERSIONS:
                continue
            if _quantize_tensor(model, graph.tensors[operator.inputs[_WEIGHTS_INPUT]]):
                code.version = max(code.version, _HYBRID_VERSIONS[code.builtinCode])
                if code.builtinCode == schema.BuiltinOperator.FULLY_CONNECTED:
                    operator.builtinOptions.asymmetricQuantizeInputs = True
    return write_model(model)


def _quantize_tensor(model: Any, tensor: Any) -> bool:
    """Quantize one constant float32 tensor in place; False if it is anything else."""
    data = model.buffers[tensor.buffer].data
    if tensor.type != schema.TensorType.FLOAT32 or data is None:
        return False
    weights = np.frombuffer(bytes(data), np.float32).reshape(tensor.shape)
    if not np.isfinite(weights).all():
        raise ModelError(
            "The model has weights that are NaN or infinite.",
            hint="Train it again, or repair them.",
        )
    values, scales = quantize_per_channel(weights)
    model.buffers[tensor.buffer].data = values.view(np.uint8).reshape(-1)
    tensor.type = schema.TensorType.INT8
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = scales
    tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
    tensor.quantization.quantizedDimension = 0
    return True


def quantize_per_channel(
    weights: NDArray[np.float32],
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Quantize symmetrically, one scale for each index of the first dimension.

    Returns the values, int8 in -127..127, and the scales, float32, such that value x scale is the
    weight to within half a scale. A channel of zeros gets scale 1.
    """
    largest = np.abs(weights.reshape(len(weights), -1)).max(axis=1)
    scales = np.where(largest > 0, largest / _LARGEST, np.float32(1)).astype(np.float32)
    shape = (-1,) + (1,) * (weights.ndim - 1)
    rounded = np.rint(weights / scales.reshape(shape))
    return np.clip(rounded, -_LARGEST, _LARGEST).astype(np.int8), scales
