"""What a lowering sees of the graph: one operator, its tensors, and the means to refuse it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen.arithmetic import Window, quantize_multiplier
from tinyproof.errors import UnsupportedModelError
from tinyproof.graph import Graph, Operator, Tensor, TensorType
from tinyproof.graph.options import Options

AnyOptions = TypeVar("AnyOptions", bound=Options)

SUFFIXES = {
    TensorType.INT8: "s8",
    TensorType.FLOAT32: "f32",
    TensorType.INT32: "s32",
    TensorType.INT64: "s32",
}
"""The element types that live in the arena, and their suffix in the names of kernels.

int64 is written as pairs of int32, so that nothing has to lie at multiples of 8 bytes."""

INT16_HINT = "Engine tflm takes int16 activations; for engine aot convert to the form int8."

MAX_DIMENSION = 1 << 15
"""Coordinates inside of kernels are C's int, which has 16 bits on AVR."""


@dataclass(frozen=True, eq=False)
class Node:
    """One operator of ``graph``. All checks raise UnsupportedModelError naming the operator."""

    graph: Graph
    operator: Operator

    def refusal(self, reason: str) -> UnsupportedModelError:
        """Return the error that refuses this operator; ``reason`` is a clause."""
        indices = (*self.operator.inputs, *self.operator.outputs)
        kinds = {self.graph.tensors[index].type for index in indices if index != -1}
        return UnsupportedModelError(
            reason,
            operator=self.operator.name,
            index=self.operator.index,
            hint=INT16_HINT if TensorType.INT16 in kinds else "",
        )

    def require(self, condition: bool, reason: str) -> None:
        """Refuse the operator unless ``condition`` holds."""
        if not condition:
            raise self.refusal(reason)

    def options(self, kind: type[AnyOptions]) -> AnyOptions:
        """Return the operator's options, of type ``kind``."""
        options = self.operator.options
        if not isinstance(options, kind):  # pragma: no cover - the table of options is wrong
            raise TypeError(f"{self.operator.name} has {type(options)}, not {kind}")
        return options

    def count(self, inputs: range | tuple[int, ...], outputs: int = 1) -> None:
        """Require as many inputs as ``inputs`` allows, and ``outputs`` outputs."""
        got = len(self.operator.inputs)
        self.require(got in inputs, f"it has {got} inputs")
        got = len(self.operator.outputs)
        self.require(got == outputs, f"it has {got} outputs")

    def input(self, position: int) -> Tensor:
        """Return input ``position``, which must be there."""
        tensor = self.optional(position)
        if tensor is None:
            raise self.refusal(f"its input {position} is missing")
        return tensor

    def optional(self, position: int) -> Tensor | None:
        """Return input ``position``; None if it is absent."""
        inputs = self.operator.inputs
        if position >= len(inputs) or inputs[position] == -1:
            return None
        return self.graph.tensors[inputs[position]]

    def output(self, position: int = 0) -> Tensor:
        """Return output ``position``."""
        return self.graph.tensors[self.operator.outputs[position]]

    def activation_input(self, position: int) -> Tensor:
        """Return input ``position``, which must not be constant (it lies in the arena)."""
        tensor = self.input(position)
        self.require(tensor.data is None, f"its input {position} is constant")
        return tensor

    def constant(self, position: int) -> NDArray[Any]:
        """Return the values of input ``position``, which must be constant."""
        data = self.input(position).data
        if data is None:
            raise self.refusal(f"its input {position} is not constant")
        return data

    def variant(self, *tensors: Tensor) -> str:
        """Return ``s8`` or ``f32``, the element type that all of ``tensors`` have."""
        kinds = {tensor.type for tensor in tensors}
        names = ", ".join(tensor.type.name.lower() for tensor in tensors)
        if kinds == {TensorType.FLOAT32, TensorType.INT8}:
            raise UnsupportedModelError(
                "it is hybrid, int8 weights with float32 activations",
                operator=self.operator.name,
                index=self.operator.index,
                hint="Quantize activations too (full integer), or convert to float32.",
            )
        self.require(len(kinds) == 1, f"its element types are mixed ({names})")
        kind = kinds.pop()
        self.require(
            kind in (TensorType.INT8, TensorType.FLOAT32),
            f"its element type is {kind.name.lower()}; int8 and float32 are supported",
        )
        return SUFFIXES[kind]

    def shape(self, tensor: Tensor, wanted: tuple[int, ...]) -> None:
        """Require that ``tensor`` has the shape ``wanted``; a kernel writes no more than that."""
        self.require(
            tensor.shape == wanted,
            f"tensor {tensor.index} has the shape {list(tensor.shape)} instead of {list(wanted)}",
        )

    def rank(self, tensor: Tensor, wanted: int) -> None:
        """Require that ``tensor`` has ``wanted`` dimensions."""
        self.require(
            len(tensor.shape) == wanted,
            f"tensor {tensor.index} has {len(tensor.shape)} dimensions instead of {wanted}",
        )

    def image(self, tensor: Tensor) -> None:
        """Require four dimensions (batch, height, width, channels), each below 2^15."""
        self.rank(tensor, 4)
        self.require(
            max(tensor.shape) < MAX_DIMENSION,
            f"tensor {tensor.index} of shape {list(tensor.shape)} has a dimension beyond 32767",
        )

    def windows(self, *windows: Window) -> None:
        """Require that each window fits its dimension and stays within a kernel's coordinates."""
        for window in windows:
            self.require(window.size > 0, "its window is larger than its input")
            self.require(window.span < MAX_DIMENSION, "its window reaches beyond 32767 elements")

    def scale(self, tensor: Tensor) -> tuple[float, int]:
        """Return the one (scale, zero point) of int8 ``tensor``."""
        quantization = tensor.quantization
        if quantization is None:
            raise self.refusal(f"its int8 tensor {tensor.index} is not quantized")
        self.require(not quantization.per_channel, f"tensor {tensor.index} has several scales")
        scale, zero_point = quantization.scale[0], quantization.zero_point[0]
        self.require(scale > 0, f"tensor {tensor.index} has the scale 0")
        self.require(
            -128 <= zero_point <= 127, f"tensor {tensor.index} has the zero point {zero_point}"
        )
        return scale, zero_point

    def multiplier(self, real: float) -> tuple[int, int]:
        """Return (multiplier, shift) of a ratio of scales, as ``tp_requantize.h`` takes them."""
        multiplier, shift = quantize_multiplier(real)
        self.require(shift <= 30, "its scales are too far apart")
        return multiplier, shift

    def scales(self, tensor: Tensor, channels: int, axis: int) -> NDArray[np.float64]:
        """Return the scales of weights: one, or ``channels`` along ``axis``; zero points are 0."""
        quantization = tensor.quantization
        if quantization is None:
            raise self.refusal(f"its int8 tensor {tensor.index} is not quantized")
        self.require(not any(quantization.zero_point), "its weights have a zero point")
        if quantization.per_channel:
            self.require(
                quantization.axis == axis and len(quantization.scale) == channels,
                f"its weights are quantized along axis {quantization.axis} instead of {axis}",
            )
        return np.array(quantization.scale, np.float64)
