"""TFLite metadata: what a model file says of its inputs and outputs. Pure: bytes in, values out."""

from tinyproof.metadata.model import Metadata, Normalization, TensorNotes
from tinyproof.metadata.reader import class_names, normalizations, read_metadata

__all__ = [
    "Metadata",
    "Normalization",
    "TensorNotes",
    "class_names",
    "normalizations",
    "read_metadata",
]
