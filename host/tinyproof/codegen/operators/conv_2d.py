"""CONV_2D, alone or with the MAX_POOL_2D that follows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from tinyproof.codegen.arithmetic import Window, window
from tinyproof.codegen.layer import Array, Layer, Value
from tinyproof.codegen.node import Node
from tinyproof.codegen.operators.matvec import interleave, matvec_f32, matvec_s8
from tinyproof.codegen.operators.max_pool_2d import Pool, read_pool
from tinyproof.graph import Tensor
from tinyproof.graph.options import Conv2DOptions, DepthwiseConv2DOptions

ConvOptions = Conv2DOptions | DepthwiseConv2DOptions


@dataclass(frozen=True)
class Shapes:
    """Shapes of one convolution: input and output NHWC, and how the filter slides.

    Attributes:
        groups: parts that the channels are divided into.
    """

    input: Tensor
    output: Tensor
    filter_h: int
    filter_w: int
    groups: int
    rows: Window
    columns: Window

    @property
    def group_channels(self) -> int:
        """Input channels of one group."""
        return self.input.shape[3] // self.groups

    @property
    def depth(self) -> int:
        """Elements of the input that one group of filters meets at one position."""
        return self.filter_h * self.filter_w * self.group_channels


def lower(node: Node) -> list[Layer]:
    """Return the one layer of a CONV_2D: int8 (weights per tensor or per channel) or float32."""
    node.count((2, 3))
    options = node.options(Conv2DOptions)
    source, kernel = node.activation_input(0), node.input(1)
    node.image(source)
    node.image(kernel)
    channels = source.shape[3]
    filters, filter_h, filter_w, group_channels = kernel.shape
    node.require(
        channels % group_channels == 0 and filters % (channels // group_channels) == 0,
        f"its filters of {group_channels} channels do not divide its {channels} input channels",
    )
    groups = channels // group_channels
    shapes = read_shapes(node, options, filters, (filter_h, filter_w), groups)
    matvec = matrix(node, node.constant(1).reshape(filters, -1), options, groups)
    if shapes.depth == channels and _touches_pixels_once(shapes, options):
        return [_pointwise(node, shapes, matvec)]
    return [convolution(node, "conv_2d", shapes, options, matvec)]


def _touches_pixels_once(shapes: Shapes, options: Conv2DOptions) -> bool:
    """Return whether the filter is 1 x 1 of stride 1, and few enough pixels for one batch."""
    batch, height, width, _ = shapes.input.shape
    single = shapes.filter_h == shapes.filter_w == options.stride_h == options.stride_w == 1
    return single and batch * height * width < 1 << 16


def _pointwise(node: Node, shapes: Shapes, matvec: dict[str, Value]) -> Layer:
    """Return a 1 x 1 convolution as a batch of vectors that are multiplied where they lie."""
    batch, height, width, _ = shapes.input.shape
    pixels = batch * height * width
    return Layer(
        "fully_connected",
        node.variant(shapes.input, shapes.output),
        {"matvec": matvec, "batch": pixels},
        (shapes.input.index,),
        shapes.output.index,
        (node.operator,),
        macs=shapes.output.elements * shapes.depth,
    )


def read_shapes(
    node: Node, options: ConvOptions, filters: int, taps: tuple[int, int], groups: int
) -> Shapes:
    """Return the shapes of a convolution with ``filters`` of ``taps``, all of them checked."""
    source, output = node.activation_input(0), node.output()
    node.image(source)
    node.image(output)
    steps = (options.stride_h, options.stride_w, options.dilation_h, options.dilation_w)
    node.require(all(1 <= step < 1 << 15 for step in steps), f"it has the strides {steps}")
    batch, height, width, _ = source.shape
    rows = window(options.padding, height, taps[0], options.stride_h, options.dilation_h)
    columns = window(options.padding, width, taps[1], options.stride_w, options.dilation_w)
    node.windows(rows, columns)
    node.shape(output, (batch, rows.size, columns.size, filters))
    return Shapes(source, output, *taps, groups, rows, columns)


def matrix(
    node: Node, weights: NDArray[Any], options: ConvOptions, groups: int, axis: int = 0
) -> dict[str, Value]:
    """Return the members of ``tp_matvec_*_t`` for ``weights`` (filters x depth).

    The filters' scales lie along ``axis`` of input 1.
    """
    kernel = node.input(1)
    if node.variant(node.input(0), kernel, node.output()) == "f32":
        matvec = matvec_f32(node, weights, options.activation)
    else:
        rounding = "tp_requantize_twice"
        matvec = matvec_s8(node, weights, kernel, options.activation, rounding, axis)
    matvec["weights"] = Array("weights", interleave(weights, groups))
    matvec["channels"] = weights.shape[0] // groups
    return matvec


def convolution(
    node: Node, kernel: str, shapes: Shapes, options: ConvOptions, matvec: dict[str, Value]
) -> Layer:
    """Return the layer in which ``kernel`` multiplies each patch with ``matvec``."""
    variant = node.variant(shapes.input, shapes.output)
    padding = node.scale(shapes.input)[1] if variant == "s8" else 0
    depth = matvec["depth"]
    assert isinstance(depth, int)
    return Layer(
        kernel,
        variant,
        {"matvec": matvec, "padding": padding, **_geometry(shapes, options)},
        (shapes.input.index,),
        shapes.output.index,
        (node.operator,),
        macs=shapes.output.elements * depth,
        scratch_bytes=shapes.depth * shapes.input.dtype.itemsize,
        scratch_type=shapes.input.type,
    )


def _geometry(shapes: Shapes, options: ConvOptions) -> dict[str, Value]:
    """Return the members of ``tp_conv_2d_shape_t``; a pool of 1 x 1 is none."""
    batch, height, width, channels = shapes.input.shape
    contiguous = options.dilation_w == 1 and shapes.groups == 1
    return {
        "shape": {
            "batch": batch,
            "input_h": height,
            "input_w": width,
            "input_channels": channels,
            "groups": shapes.groups,
            "group_channels": shapes.group_channels,
            "filter_h": shapes.filter_h,
            "filter_w": shapes.filter_w,
            "run": shapes.filter_w if contiguous else 1,
            "stride_h": options.stride_h,
            "stride_w": options.stride_w,
            "dilation_h": options.dilation_h,
            "dilation_w": options.dilation_w,
            "pad_h": shapes.rows.before,
            "pad_w": shapes.columns.before,
            "conv_h": shapes.rows.size,
            "conv_w": shapes.columns.size,
            **_pooling(Pool(1, 1, 1, 1, shapes.rows, shapes.columns)),
        }
    }


def _pooling(pool: Pool) -> dict[str, Value]:
    return {
        "pool_h": pool.filter_h,
        "pool_w": pool.filter_w,
        "pool_stride_h": pool.stride_h,
        "pool_stride_w": pool.stride_w,
        "pool_pad_h": pool.rows.before if pool.filter_h > 1 else 0,
        "pool_pad_w": pool.columns.before if pool.filter_w > 1 else 0,
        "output_h": pool.rows.size,
        "output_w": pool.columns.size,
    }


def fuse_max_pool(layer: Layer, node: Node) -> Layer | None:
    """Return ``layer``, a convolution, pooling its accumulators before it requantizes them.

    Exact because requantization, bias and clamp never decrease with the accumulator: the maximum
    may be taken before them. Only for windows that do not overlap (nothing is computed twice) and
    where the patches of one window take no more memory than the output that is saved.
    """
    if layer.kernel not in ("conv_2d", "depthwise_conv_2d") or len(layer.operators) > 1:
        return None
    pool = read_pool(node)
    saved = node.graph.tensors[layer.output]
    patches = layer.scratch_bytes * pool.filter_h * pool.filter_w
    overlap = pool.stride_h < pool.filter_h or pool.stride_w < pool.filter_w
    if overlap or patches > saved.bytes or not _monotone(layer):
        return None
    matvec, shape = layer.parameters["matvec"], layer.parameters["shape"]
    assert isinstance(matvec, dict)
    assert isinstance(shape, dict)
    low, high = (max(pool.low, min(pool.high, matvec[key])) for key in ("low", "high"))
    parameters = {
        **layer.parameters,
        "matvec": {**matvec, "low": low, "high": high},
        "shape": {**shape, **_pooling(pool)},
    }
    return replace(
        layer,
        parameters=parameters,
        output=node.output().index,
        operators=(*layer.operators, node.operator),
        scratch_bytes=patches,
    )


def _monotone(layer: Layer) -> bool:
    """Return whether no requantization shifts to the left, where it could wrap around."""
    return all(array.values.max() <= 0 for array in layer.arrays() if array.role == "shift")
