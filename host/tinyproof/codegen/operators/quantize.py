"""QUANTIZE (from float32, or int8 to int8) and DEQUANTIZE."""

from __future__ import annotations

from tinyproof.codegen.layer import Layer, Value
from tinyproof.codegen.node import Node
from tinyproof.graph import TensorType


def lower_quantize(node: Node) -> list[Layer]:
    """Return the one layer of a QUANTIZE with int8 output."""
    node.count((1,))
    source, output = node.activation_input(0), node.output()
    node.shape(output, source.shape)
    node.require(output.type is TensorType.INT8, f"it makes {output.type.name.lower()}")
    scale, zero_point = node.scale(output)
    if source.type is TensorType.FLOAT32:
        parameters: dict[str, Value] = {
            "count": source.elements,
            "scale": scale,
            "zero_point": zero_point,
        }
        kernel, variant = "quantize", "f32"
        in_place: tuple[int, ...] = ()
    else:
        node.require(source.type is TensorType.INT8, f"it reads {source.type.name.lower()}")
        input_scale, input_zero = node.scale(source)
        multiplier, shift = node.multiplier(input_scale / scale)
        parameters = {
            "count": source.elements,
            "multiplier": multiplier,
            "shift": shift,
            "input_zero": input_zero,
            "output_zero": zero_point,
        }
        kernel, variant, in_place = "rescale", "s8", (source.index,)
    return [
        Layer(
            kernel,
            variant,
            parameters,
            (source.index,),
            output.index,
            (node.operator,),
            in_place=in_place,
        )
    ]


def lower_dequantize(node: Node) -> list[Layer]:
    """Return the one layer of a DEQUANTIZE of int8."""
    node.count((1,))
    source, output = node.activation_input(0), node.output()
    node.shape(output, source.shape)
    node.require(
        source.type is TensorType.INT8,
        f"it reads {source.type.name.lower()}; int8 is supported",
    )
    node.require(output.type is TensorType.FLOAT32, f"it makes {output.type.name.lower()}")
    scale, zero_point = node.scale(source)
    parameters = {"count": source.elements, "scale": scale, "zero_point": zero_point}
    return [Layer("dequantize", "s8", parameters, (source.index,), output.index, (node.operator,))]
