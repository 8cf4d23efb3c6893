"""The builtin options of every operator an engine may take, as typed dataclasses.

A field's position is its slot in TFLite's ``schema.fbs``; its marker gives the type stored there.
Reading them is generic, so a new operator adds one dataclass and one line in ``OPTIONS``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from functools import cache
from typing import Annotated, ClassVar, get_args, get_type_hints

from tinyproof.graph.flatbuffer import Table, malformed


class Padding(IntEnum):
    """How a window meets the border."""

    SAME = 0
    VALID = 1


class Activation(IntEnum):
    """An activation fused into another operator."""

    NONE = 0
    RELU = 1
    RELU_N1_TO_1 = 2
    RELU6 = 3
    TANH = 4
    SIGN_BIT = 5


Int8 = Annotated[int, "b"]
Int32 = Annotated[int, "i"]
Bool = Annotated[bool, "B"]
Float32 = Annotated[float, "f"]
Int32Vector = Annotated[tuple[int, ...], "<i4"]
PaddingField = Annotated[Padding, "b"]
ActivationField = Annotated[Activation, "b"]


@dataclass(frozen=True)
class Options:
    """Base of all options; ``UNION`` is the number in the schema's ``BuiltinOptions``."""

    UNION: ClassVar[int] = 0


@dataclass(frozen=True)
class Conv2DOptions(Options):
    """CONV_2D; strides and dilations in elements."""

    UNION: ClassVar[int] = 1
    padding: PaddingField = Padding.SAME
    stride_w: Int32 = 0
    stride_h: Int32 = 0
    activation: ActivationField = Activation.NONE
    dilation_w: Int32 = 1
    dilation_h: Int32 = 1


@dataclass(frozen=True)
class DepthwiseConv2DOptions(Options):
    """DEPTHWISE_CONV_2D; LiteRT ignores ``depth_multiplier`` and divides the channels."""

    UNION: ClassVar[int] = 2
    padding: PaddingField = Padding.SAME
    stride_w: Int32 = 0
    stride_h: Int32 = 0
    depth_multiplier: Int32 = 0
    activation: ActivationField = Activation.NONE
    dilation_w: Int32 = 1
    dilation_h: Int32 = 1


@dataclass(frozen=True)
class Pool2DOptions(Options):
    """MAX_POOL_2D and AVERAGE_POOL_2D."""

    UNION: ClassVar[int] = 5
    padding: PaddingField = Padding.SAME
    stride_w: Int32 = 0
    stride_h: Int32 = 0
    filter_w: Int32 = 0
    filter_h: Int32 = 0
    activation: ActivationField = Activation.NONE


@dataclass(frozen=True)
class FullyConnectedOptions(Options):
    """FULLY_CONNECTED; ``weights_format`` 0 is the plain one."""

    UNION: ClassVar[int] = 8
    activation: ActivationField = Activation.NONE
    weights_format: Int8 = 0
    keep_num_dims: Bool = False
    asymmetric_quantize_inputs: Bool = False


@dataclass(frozen=True)
class SoftmaxOptions(Options):
    """SOFTMAX."""

    UNION: ClassVar[int] = 9
    beta: Float32 = 0.0


@dataclass(frozen=True)
class ConcatenationOptions(Options):
    """CONCATENATION; a negative axis counts from the last."""

    UNION: ClassVar[int] = 10
    axis: Int32 = 0
    activation: ActivationField = Activation.NONE


@dataclass(frozen=True)
class AddOptions(Options):
    """ADD."""

    UNION: ClassVar[int] = 11
    activation: ActivationField = Activation.NONE


@dataclass(frozen=True)
class ReshapeOptions(Options):
    """RESHAPE; the second input, when there is one, takes precedence."""

    UNION: ClassVar[int] = 17
    new_shape: Int32Vector = ()


@dataclass(frozen=True)
class MulOptions(Options):
    """MUL."""

    UNION: ClassVar[int] = 21
    activation: ActivationField = Activation.NONE


@dataclass(frozen=True)
class ReducerOptions(Options):
    """MEAN and its like."""

    UNION: ClassVar[int] = 27
    keep_dims: Bool = False


@dataclass(frozen=True)
class SubOptions(Options):
    """SUB."""

    UNION: ClassVar[int] = 28
    activation: ActivationField = Activation.NONE


@dataclass(frozen=True)
class SqueezeOptions(Options):
    """SQUEEZE."""

    UNION: ClassVar[int] = 30
    squeeze_dims: Int32Vector = ()


@dataclass(frozen=True)
class StridedSliceOptions(Options):
    """STRIDED_SLICE; the masks have one bit per axis."""

    UNION: ClassVar[int] = 32
    begin_mask: Int32 = 0
    end_mask: Int32 = 0
    ellipsis_mask: Int32 = 0
    new_axis_mask: Int32 = 0
    shrink_axis_mask: Int32 = 0
    offset: Bool = False


@dataclass(frozen=True)
class SplitOptions(Options):
    """SPLIT."""

    UNION: ClassVar[int] = 35
    num_splits: Int32 = 0


@dataclass(frozen=True)
class ArgMaxOptions(Options):
    """ARG_MAX; ``output_type`` is a TensorType number."""

    UNION: ClassVar[int] = 40
    output_type: Int8 = 0


@dataclass(frozen=True)
class ShapeOptions(Options):
    """SHAPE; ``out_type`` is a TensorType number."""

    UNION: ClassVar[int] = 55
    out_type: Int8 = 0


@dataclass(frozen=True)
class PackOptions(Options):
    """PACK."""

    UNION: ClassVar[int] = 59
    values_count: Int32 = 0
    axis: Int32 = 0


@dataclass(frozen=True)
class ResizeNearestNeighborOptions(Options):
    """RESIZE_NEAREST_NEIGHBOR."""

    UNION: ClassVar[int] = 74
    align_corners: Bool = False
    half_pixel_centers: Bool = False


@dataclass(frozen=True)
class LeakyReluOptions(Options):
    """LEAKY_RELU."""

    UNION: ClassVar[int] = 75
    alpha: Float32 = 0.0


OPTIONS: dict[str, type[Options]] = {
    "ADD": AddOptions,
    "ARG_MAX": ArgMaxOptions,
    "AVERAGE_POOL_2D": Pool2DOptions,
    "CONCATENATION": ConcatenationOptions,
    "CONV_2D": Conv2DOptions,
    "DEPTHWISE_CONV_2D": DepthwiseConv2DOptions,
    "FULLY_CONNECTED": FullyConnectedOptions,
    "LEAKY_RELU": LeakyReluOptions,
    "MAX_POOL_2D": Pool2DOptions,
    "MEAN": ReducerOptions,
    "MUL": MulOptions,
    "PACK": PackOptions,
    "RESHAPE": ReshapeOptions,
    "RESIZE_NEAREST_NEIGHBOR": ResizeNearestNeighborOptions,
    "SHAPE": ShapeOptions,
    "SOFTMAX": SoftmaxOptions,
    "SPLIT": SplitOptions,
    "SQUEEZE": SqueezeOptions,
    "STRIDED_SLICE": StridedSliceOptions,
    "SUB": SubOptions,
}
"""Which options each operator reads; operators without any are not listed."""


def read_options(operator: str, union: int, table: Table | None) -> Options:
    """Return the options of ``operator``; absent options have the schema's defaults.

    Raises:
        ModelError: the file stores another operator's options, or values out of range.
    """
    kind = OPTIONS.get(operator, Options)
    if kind is Options or table is None:
        return kind()
    if union != kind.UNION:
        raise malformed(f"{operator} has options of kind {union} instead of {kind.UNION}")
    values = {
        name: _read_field(table, slot, value_type, code, default)
        for slot, (name, value_type, code, default) in enumerate(_layout(union))
    }
    return kind(**values)


@cache
def _layout(union: int) -> tuple[tuple[str, type, str, object], ...]:
    """Return name, type, stored format and default of each field, by slot."""
    kind = next(kind for kind in OPTIONS.values() if union == kind.UNION)
    markers = get_type_hints(kind, include_extras=True)
    return tuple(
        (field.name, *get_args(markers[field.name]), field.default) for field in fields(kind)
    )


def _read_field(table: Table, slot: int, kind: type, code: str, default: object) -> object:
    if code.startswith("<"):
        return tuple(int(value) for value in table.numbers(slot, code, limit=16))
    if not isinstance(default, int | float):  # pragma: no cover - a fault in this file
        raise TypeError(f"slot {slot} needs a numeric default")
    value = table.number(slot, code, default)
    try:
        return kind(value)
    except ValueError as error:
        raise malformed(f"{value} is no {kind.__name__}") from error
