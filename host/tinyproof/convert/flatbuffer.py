"""Read and write ``.tflite`` files as the schema's objects, for changes after the converter."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from tinyproof.errors import ModelError

_IDENTIFIER = b"TFL3"
_ALIGNMENT = 16
"""What the schema demands of buffers; the generated Python code forgets it."""


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """A buffer whose data is written at a multiple of 16 bytes."""

    def Pack(self, builder: Any) -> Any:  # noqa: N802  (the generated base class calls it so)
        """Write the buffer; an empty one has no data field, as the converter's have none."""
        data = b"" if self.data is None else bytes(self.data)
        vector = None
        if data:
            builder.Prep(_ALIGNMENT, len(data))
            vector = builder.CreateByteVector(data)
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


_DAMAGE = (
    struct.error,
    ArithmeticError,
    AttributeError,
    BufferError,
    LookupError,
    TypeError,
    ValueError,
)
"""What the generated code raises on tables that contradict the schema: it checks nothing."""


@contextmanager
def rewriting() -> Iterator[None]:
    """Rewrite a file that others made.

    Raises:
        ModelError: a part of it contradicts the schema, even though no engine reads that part.
    """
    try:
        yield
    except _DAMAGE as error:
        raise ModelError(
            "The model file cannot be rewritten: a part of it is malformed.",
            hint="Convert the model again, or copy the file again.",
        ) from error


def read_model(content: bytes) -> Any:
    """Return the ``ModelT`` of a ``.tflite`` file that the converter has just written."""
    return schema.ModelT.InitFromPackedBuf(content, 0)


def write_model(model: Any) -> bytes:
    """Return the bytes of a ``.tflite`` file; the same for the same model."""
    model.buffers = [_aligned(buffer) for buffer in model.buffers]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _aligned(buffer: Any) -> _AlignedBuffer:
    aligned = _AlignedBuffer()
    aligned.data = buffer.data
    return aligned
