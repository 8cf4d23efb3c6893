"""Runs a graph operator by operator and keeps every tensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.errors import UnsupportedModelError
from tinyproof.graph import Graph, Operator, Tensor, TensorType
from tinyproof.graph.options import Activation
from tinyproof.integer import movement, pointwise, sums, windows
from tinyproof.integer.arithmetic import Integers, Quantized
from tinyproof.integer.step import Step

Function = Callable[[Step], "NDArray[Any] | list[NDArray[Any]]"]

OPERATORS: Mapping[str, Function] = {
    "ADD": pointwise.add,
    "ARG_MAX": pointwise.arg_max,
    "AVERAGE_POOL_2D": windows.average_pool_2d,
    "CONCATENATION": movement.concatenation,
    "CONV_2D": sums.conv_2d,
    "DEPTHWISE_CONV_2D": sums.depthwise_conv_2d,
    "DEQUANTIZE": pointwise.dequantize,
    "EXPAND_DIMS": movement.reshape,
    "FULLY_CONNECTED": sums.fully_connected,
    "HARD_SWISH": pointwise.hard_swish,
    "LEAKY_RELU": pointwise.leaky_relu,
    "LOGISTIC": pointwise.logistic,
    "MAXIMUM": pointwise.maximum,
    "MAX_POOL_2D": windows.max_pool_2d,
    "MEAN": windows.mean,
    "MINIMUM": pointwise.minimum,
    "MUL": pointwise.mul,
    "PACK": movement.pack,
    "PAD": movement.pad,
    "PADV2": movement.pad,
    "PRELU": pointwise.prelu,
    "QUANTIZE": pointwise.quantize,
    "RELU": pointwise.relu,
    "RELU6": pointwise.relu,
    "RELU_N1_TO_1": pointwise.relu,
    "RESHAPE": movement.reshape,
    "RESIZE_NEAREST_NEIGHBOR": windows.resize_nearest_neighbor,
    "SHAPE": movement.shape,
    "SOFTMAX": pointwise.softmax,
    "SPLIT": movement.split,
    "SQUEEZE": movement.reshape,
    "STRIDED_SLICE": movement.strided_slice,
    "SUB": pointwise.sub,
    "TANH": pointwise.tanh,
    "TILE": movement.tile,
    "TRANSPOSE": movement.transpose,
}

_CONVOLUTIONS: Mapping[str, Callable[[Step], Integers]] = {
    "CONV_2D": sums.conv_2d_sums,
    "DEPTHWISE_CONV_2D": sums.depthwise_conv_2d_sums,
}
_MAKE_FLOATS = frozenset({"DEQUANTIZE", "EXPAND_DIMS", "RESHAPE", "SQUEEZE"})


def run(graph: Graph, inputs: Sequence[NDArray[Any]]) -> dict[int, NDArray[Any]]:
    """Return every tensor of one inference, by its index in the graph.

    Args:
        graph: an int8 model; QUANTIZE and DEQUANTIZE at its ends may be float32.
        inputs: one array for each input, in order, of its shape and type.

    Raises:
        UnsupportedModelError: an operator that is not in ``OPERATORS``, or not with these types.
    """
    tensors = {tensor.index: tensor.data for tensor in graph.tensors if tensor.data is not None}
    tensors |= dict(zip(graph.inputs, inputs, strict=True))
    for operator in graph.operators:
        made = _function(graph, operator)(_step(graph, operator, tensors))
        outputs = made if isinstance(made, list) else [made]
        tensors |= dict(zip(operator.outputs, outputs, strict=True))
    return tensors


def before_activation(
    graph: Graph, operator: Operator, tensors: Mapping[int, NDArray[Any]]
) -> NDArray[np.float64] | None:
    """Return the real values of an int8 convolution before the activation that is fused into it.

    Args:
        graph: of the operator.
        operator: of it.
        tensors: at least the operator's first input; the graph's constants are found.

    Returns:
        (batch, height, width, channels); None for an operator without a fused activation, or one
        that is no int8 convolution.
    """
    sums_of = _CONVOLUTIONS.get(operator.name)
    activation = getattr(operator.options, "activation", Activation.NONE)
    stored = graph.tensors[operator.inputs[0]].type
    if sums_of is None or activation is Activation.NONE or stored is not TensorType.INT8:
        return None
    constants = {t.index: t.data for t in graph.tensors if t.data is not None}
    step = _step(graph, operator, constants | dict(tensors))
    return sums.real_sums(step, sums_of(step))


def _function(graph: Graph, operator: Operator) -> Function:
    kinds = [graph.tensors[index].dtype for index in operator.outputs]
    fits = all(kind.kind != "f" for kind in kinds) or operator.name in _MAKE_FLOATS
    if operator.name not in OPERATORS or not fits:
        raise UnsupportedModelError(
            f"operator {operator.index}, {operator.name}, has no integer arithmetic here",
            hint="Quantize the model to int8 throughout: tinyproof convert.",
        )
    return OPERATORS[operator.name]


def _step(graph: Graph, operator: Operator, tensors: Mapping[int, NDArray[Any]]) -> Step:
    outputs = [graph.tensors[index] for index in operator.outputs]
    return Step(
        operator.name,
        operator.options,
        tuple(
            _quantized(graph.tensors[index], tensors[index]) if index >= 0 else None
            for index in operator.inputs
        ),
        tuple(_quantized(tensor, np.empty(0, tensor.dtype)) for tensor in outputs),
        tuple(tensor.shape for tensor in outputs),
    )


def _quantized(tensor: Tensor, values: NDArray[Any]) -> Quantized:
    known = tensor.quantization
    if known is None or not known.scale:
        return Quantized(values)
    return Quantized(values, known.scale[0], known.zero_point[0], known.scale, known.axis)
