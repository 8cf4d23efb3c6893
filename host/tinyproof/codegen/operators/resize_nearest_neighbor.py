"""RESIZE_NEAREST_NEIGHBOR."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen.layer import Array, Layer, Value
from tinyproof.codegen.node import Node
from tinyproof.graph.options import ResizeNearestNeighborOptions


def lower(node: Node) -> list[Layer]:
    """Return the one layer of a RESIZE_NEAREST_NEIGHBOR, int8 or float32."""
    node.count((2,))
    source, output = node.activation_input(0), node.output()
    variant = node.variant(source, output)
    node.image(source)
    node.image(output)
    batch, height, width, channels = source.shape
    size = node.constant(1)
    node.require(size.shape == (2,) and size.dtype.kind == "i", "its size is not two integers")
    node.shape(output, (batch, int(size[0]), int(size[1]), channels))
    _, output_h, output_w, _ = output.shape
    options = node.options(ResizeNearestNeighborOptions)
    parameters: dict[str, Value] = {
        "rows": Array("rows", nearest(height, output_h, options)),
        "columns": Array("columns", nearest(width, output_w, options)),
        "batch": batch,
        "input_h": height,
        "input_w": width,
        "channels": channels,
        "output_h": output_h,
        "output_w": output_w,
    }
    return [
        Layer(
            "resize_nearest_neighbor",
            variant,
            parameters,
            (source.index,),
            output.index,
            (node.operator,),
        )
    ]


def nearest(
    length: int, output_length: int, options: ResizeNearestNeighborOptions
) -> NDArray[np.int16]:
    """Return for each output position the input position, in float32 as LiteRT computes it.

    From TFLite's ``reference/resize_nearest_neighbor.h`` (GetNearestNeighbor).
    """
    corners = options.align_corners and output_length > 1
    ends = (length - 1, output_length - 1) if corners else (length, output_length)
    scale = np.float32(ends[0]) / np.float32(ends[1])
    offset = np.float32(0.5 if options.half_pixel_centers else 0)
    places = (np.arange(output_length, dtype=np.float32) + offset) * scale
    # Places are not negative: rounding half away from zero is rounding half up.
    whole = np.floor(places)
    if options.align_corners:
        whole += places - whole >= 0.5
    positions: NDArray[np.int16] = np.clip(whole, 0, length - 1).astype(np.int16)
    return positions
