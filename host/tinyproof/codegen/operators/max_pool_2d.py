"""MAX_POOL_2D and AVERAGE_POOL_2D."""

from __future__ import annotations

from dataclasses import dataclass

from tinyproof.codegen.arithmetic import FLOAT_MAX, Window, window
from tinyproof.codegen.layer import Layer
from tinyproof.codegen.node import Node
from tinyproof.codegen.operators.matvec import clamp_f32, clamp_s8
from tinyproof.graph.options import Pool2DOptions

MAX_TAPS = (1 << 24) - 1
"""Largest window whose int8 sum always fits 32 bits."""


@dataclass(frozen=True)
class Pool:
    """A pooling window and the clamp of its fused activation."""

    filter_h: int
    filter_w: int
    stride_h: int
    stride_w: int
    rows: Window
    columns: Window
    low: float = -FLOAT_MAX
    high: float = FLOAT_MAX


def read_pool(node: Node) -> Pool:
    """Return the pooling of ``node``, with types, shapes and quantization checked."""
    node.count((1,))
    options = node.options(Pool2DOptions)
    source, output = node.activation_input(0), node.output()
    node.image(source)
    steps = (options.filter_h, options.filter_w, options.stride_h, options.stride_w)
    node.require(all(1 <= step < 1 << 15 for step in steps), f"it has the window {steps}")
    batch, height, width, channels = source.shape
    rows = window(options.padding, height, options.filter_h, options.stride_h)
    columns = window(options.padding, width, options.filter_w, options.stride_w)
    node.windows(rows, columns)
    node.shape(output, (batch, rows.size, columns.size, channels))
    if node.variant(source, output) == "s8":
        node.require(node.scale(source) == node.scale(output), "its input and output scales differ")
        low, high = clamp_s8(node, options.activation, *node.scale(output))
        return Pool(*steps, rows, columns, low, high)
    return Pool(*steps, rows, columns, *clamp_f32(node, options.activation))


def lower(node: Node) -> list[Layer]:
    """Return the one layer of a MAX_POOL_2D, int8 or float32."""
    return _layer(node, "max_pool_2d", read_pool(node))


def lower_average(node: Node) -> list[Layer]:
    """Return the one layer of an AVERAGE_POOL_2D, int8 or float32."""
    pool = read_pool(node)
    _, height, width, _ = node.input(0).shape
    taps = min(pool.filter_h, height) * min(pool.filter_w, width)
    node.require(taps <= MAX_TAPS, f"its window of {taps} elements may overflow 32 bits")
    return _layer(node, "average_pool_2d", pool)


def _layer(node: Node, kernel: str, pool: Pool) -> list[Layer]:
    source, output = node.input(0), node.output()
    batch, height, width, channels = source.shape
    parameters = {
        "batch": batch,
        "input_h": height,
        "input_w": width,
        "channels": channels,
        "filter_h": pool.filter_h,
        "filter_w": pool.filter_w,
        "stride_h": pool.stride_h,
        "stride_w": pool.stride_w,
        "pad_h": pool.rows.before,
        "pad_w": pool.columns.before,
        "output_h": pool.rows.size,
        "output_w": pool.columns.size,
        "low": pool.low,
        "high": pool.high,
    }
    variant = node.variant(source, output)
    return [Layer(kernel, variant, parameters, (source.index,), output.index, (node.operator,))]
