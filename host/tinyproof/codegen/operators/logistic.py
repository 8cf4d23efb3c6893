"""LOGISTIC and TANH; int8 ones are tables of the float32 functions, as LiteRT's are."""

from __future__ import annotations

import math

import numpy as np

from tinyproof.codegen.layer import Layer
from tinyproof.codegen.node import Node
from tinyproof.codegen.operators.elementwise import elementwise, lookup_real, variant_of


def lower_logistic(node: Node) -> list[Layer]:
    """Return the one layer of a LOGISTIC, int8 (output scale 1/256) or float32."""
    if variant_of(node) == "f32":
        return elementwise(node, "logistic", "f32")
    scale, _ = node.scale(node.output())
    node.require(scale == 1 / 256, f"its output has the scale {scale:g} instead of 1/256")
    return lookup_real(node, _logistic)


def lower_tanh(node: Node) -> list[Layer]:
    """Return the one layer of a TANH, int8 or float32."""
    if variant_of(node) == "f32":
        return elementwise(node, "tanh", "f32")
    return lookup_real(node, lambda value: np.float32(math.tanh(value)))


def _logistic(value: np.float32) -> np.float32:
    """Return 1 / (1 + exp(-value)), each step rounded to float32 once."""
    power = np.float32(np.inf) if value < -700 else np.float32(math.exp(-value))
    return np.float32(1) / (np.float32(1) + power)
