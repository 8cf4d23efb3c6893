"""Writes TFLite metadata into a model: input normalization, class names.

The format is told of in ``tinyproof.metadata.reader``. What a file already says is replaced.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tinyproof.convert.flatbuffer import read_model, rewriting, write_model
from tinyproof.errors import ModelError, UsageError
from tinyproof.metadata.model import Metadata, TensorNotes
from tinyproof.metadata.reader import (
    AXIS_LABELS,
    ENTRY,
    IDENTIFIER,
    MAX_LABELS,
    NORMALIZATION,
)

LABELS_FILE = "labels.txt"
_PARSER_VERSION = "1.0.0"
"""The metadata's own version that suffices to read what is written here."""
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of the file in the archive: the same bytes every time."""


def annotate(content: bytes, metadata: Metadata) -> bytes:
    """Return the model with ``metadata``, of which inputs' normalization and outputs' labels count.

    Args:
        content: a valid ``.tflite`` file; an archive behind it is left out.
        metadata: one entry for each input and output, or fewer. One set of labels at most.

    Raises:
        ModelError: a malformed file, or labels that are not as many as the first output has values.
    """
    with rewriting():
        model = read_model(content)
        _check_labels(model, metadata)
        model.buffers[_place(model)].data = np.frombuffer(pack(metadata), np.uint8)
        return write_model(model) + _archive(metadata)


def _place(model: Any) -> int:
    """Return the number of the buffer for the metadata, made if there is none."""
    entries = list(model.metadata or [])
    for entry in entries:
        if bytes(entry.name or b"") == ENTRY.encode():
            return int(entry.buffer)
    made = schema.MetadataT()
    made.name, made.buffer = ENTRY, len(model.buffers)
    model.buffers.append(schema.BufferT())
    model.metadata = [*entries, made]
    return len(model.buffers) - 1


def read_labels(path: Path) -> tuple[str, ...]:
    """Return the class names in a text file, one a line.

    Raises:
        UsageError: missing, empty, too long, not text.
    """
    try:
        lines = path.read_text("utf-8").rstrip().splitlines()
    except OSError as error:
        raise UsageError(
            f"The class names {path} cannot be read: {error.strerror}.",
            hint="Name a text file with one class name a line.",
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8 text.", hint="Write one class name a line."
        ) from error
    if not 0 < len(lines) <= MAX_LABELS or not all(line.strip() for line in lines):
        raise UsageError(
            f"{path} should name each class on a line of its own.",
            hint="Write one class name a line, in the order of the model's outputs.",
        )
    return tuple(line.strip() for line in lines)


def _check_labels(model: Any, metadata: Metadata) -> None:
    graph = model.subgraphs[0]
    for index, notes in zip(graph.outputs, metadata.outputs, strict=False):
        values = int(np.prod(np.array(graph.tensors[index].shape)))
        if notes.labels and len(notes.labels) != values:
            raise ModelError(
                f"There are {len(notes.labels)} class names for an output of {values} values.",
                hint="Give one name for each value, in the order of the training's class numbers.",
            )


def _archive(metadata: Metadata) -> bytes:
    """Return the zip archive that goes behind the model; empty if there is nothing in it."""
    labels = next((notes.labels for notes in metadata.outputs if notes.labels), ())
    if not labels:
        return b""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(LABELS_FILE, _DATE), "\n".join(labels) + "\n")
    return file.getvalue()


def pack(metadata: Metadata) -> bytes:
    """Return the ``ModelMetadata`` FlatBuffer."""
    builder = flatbuffers.Builder(256)
    inputs, outputs = (
        _vector(builder, [_notes(builder, notes) for notes in side])
        for side in (metadata.inputs, metadata.outputs)
    )
    graph = _table(builder, 10, {2: inputs, 3: outputs})
    fields = {
        0: builder.CreateString(metadata.name),
        1: builder.CreateString(metadata.description),
        3: _vector(builder, [graph]),
        7: builder.CreateString(_PARSER_VERSION),
    }
    builder.Finish(_table(builder, 8, fields), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _notes(builder: Any, notes: TensorNotes) -> int:
    fields = {0: builder.CreateString(notes.name), 1: builder.CreateString(notes.description)}
    if notes.normalization:
        mean, std = (
            builder.CreateNumpyVector(np.array(part, np.float32))
            for part in (notes.normalization.mean, notes.normalization.std)
        )
        options = _table(builder, 2, {0: mean, 1: std})
        fields[4] = _vector(builder, [_table(builder, 2, {1: options}, {0: NORMALIZATION})])
    if notes.labels:
        name = builder.CreateString(LABELS_FILE)
        fields[6] = _vector(builder, [_table(builder, 5, {0: name}, {2: AXIS_LABELS})])
    return _table(builder, 7, fields)


def _table(
    builder: Any, slots: int, offsets: dict[int, int], bytes_: dict[int, int] | None = None
) -> int:
    """Write a table whose fields are references, and numbers of one byte."""
    builder.StartObject(slots)
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    for slot, value in (bytes_ or {}).items():
        builder.PrependUint8Slot(slot, value, 0)
    return int(builder.EndObject())


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
