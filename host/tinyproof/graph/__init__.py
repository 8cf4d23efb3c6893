"""A model's typed, validated form, read from the bytes of a ``.tflite`` file. Pure: no I/O."""

from tinyproof.graph.model import Graph, Operator, Quantization, Tensor, TensorType
from tinyproof.graph.reader import read_graph

__all__ = ["Graph", "Operator", "Quantization", "Tensor", "TensorType", "read_graph"]
