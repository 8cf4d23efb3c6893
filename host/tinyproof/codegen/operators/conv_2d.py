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
from tinyproof.graph.options import Conv2DOptions


@dataclass(frozen=True)
class _Shapes:
    """Shapes of one convolution: input NHWC, filter OHWI, output NHWC."""

    input: Tensor
    filter: Tensor
    output: Tensor
    groups: int
    rows: Window
    columns: Window

    @property
    def depth(self) -> int:
        """Taps of one output: filter height x width x its channels."""
        return self.filter.elements // self.filter.shape[0]


def lower(node: Node) -> list[Layer]:
    """Return the one layer of a CONV_2D: int8 (weights per tensor or per channel) or float32."""
    node.count((2, 3))
    options = node.options(Conv2DOptions)
    shapes = _shapes(node, options)
    weights: NDArray[Any] = node.constant(1).reshape(-1, shapes.depth)
    variant = node.variant(shapes.input, shapes.filter, shapes.output)
    if variant == "s8":
        matvec = matvec_s8(node, weights, shapes.filter, options.activation, "tp_requantize_twice")
        padding = node.scale(shapes.input)[1]
    else:
        matvec = matvec_f32(node, weights, options.activation)
        padding = 0
    matvec["weights"] = Array("weights", interleave(weights, shapes.groups))
    matvec["channels"] = shapes.filter.shape[0] // shapes.groups
    parameters = {"matvec": matvec, "padding": padding, **_geometry(shapes, options)}
    layer = Layer(
        "conv_2d",
        variant,
        parameters,
        (shapes.input.index,),
        shapes.output.index,
        (node.operator,),
        macs=shapes.output.elements * shapes.depth,
        scratch_bytes=shapes.depth * shapes.input.dtype.itemsize,
        scratch_type=shapes.input.type,
    )
    return [layer]


def _shapes(node: Node, options: Conv2DOptions) -> _Shapes:
    source, kernel, output = node.activation_input(0), node.input(1), node.output()
    for tensor in (source, kernel, output):
        node.image(tensor)
    steps = (options.stride_h, options.stride_w, options.dilation_h, options.dilation_w)
    node.require(all(1 <= step < 1 << 15 for step in steps), f"it has the strides {steps}")
    batch, height, width, channels = source.shape
    filters, filter_h, filter_w, filter_channels = kernel.shape
    node.require(
        channels % filter_channels == 0 and filters % (channels // filter_channels) == 0,
        f"its filters of {filter_channels} channels do not divide its {channels} input channels",
    )
    rows = window(options.padding, height, filter_h, options.stride_h, options.dilation_h)
    columns = window(options.padding, width, filter_w, options.stride_w, options.dilation_w)
    node.windows(rows, columns)
    node.shape(output, (batch, rows.size, columns.size, filters))
    return _Shapes(source, kernel, output, channels // filter_channels, rows, columns)


def _geometry(shapes: _Shapes, options: Conv2DOptions) -> dict[str, Value]:
    """Return the members of ``tp_conv_2d_shape_t``; a pool of 1 x 1 is none."""
    batch, height, width, channels = shapes.input.shape
    _, filter_h, filter_w, filter_channels = shapes.filter.shape
    contiguous = options.dilation_w == 1 and shapes.groups == 1
    return {
        "shape": {
            "batch": batch,
            "input_h": height,
            "input_w": width,
            "input_channels": channels,
            "groups": shapes.groups,
            "group_channels": filter_channels,
            "filter_h": filter_h,
            "filter_w": filter_w,
            "run": filter_w if contiguous else 1,
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
    if layer.kernel != "conv_2d" or len(layer.operators) > 1:
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
