"""Reads TFLite metadata: a FlatBuffer inside of the model, and files in a zip archive behind it.

Slots are those of ``metadata_schema.fbs`` (file identifier M001, schema 1.1.0) in
https://github.com/tensorflow/tflite-support/tree/master/tensorflow_lite_support/metadata; where
the two parts lie is told by https://ai.google.dev/edge/litert/models/metadata. Neither is trusted.
"""

from __future__ import annotations

import io
import math
import zipfile

from tinyproof.archive import ARCHIVE_DAMAGE
from tinyproof.errors import ModelError
from tinyproof.graph.flatbuffer import Buffer, Table, malformed
from tinyproof.metadata.model import Metadata, Normalization, TensorNotes
from tinyproof.text import printable

ENTRY = "TFLITE_METADATA"
"""Name of the entry in the model's ``metadata`` that refers to the buffer."""
IDENTIFIER = b"M001"
AXIS_LABELS = 2
"""``AssociatedFileType.TENSOR_AXIS_LABELS``: a line for each index of the output."""
NORMALIZATION = 1
"""Number of ``NormalizationOptions`` in the union ``ProcessUnitOptions``."""
MAX_LABEL_BYTES = 1 << 20
MAX_LABELS = 1 << 15
_LIMIT = 256
"""Most entries of the lists in it; real ones have a handful."""


def read_metadata(model: bytes) -> Metadata | None:
    """Return what the file says of itself; None if it says nothing.

    Args:
        model: the bytes of a ``.tflite`` file.

    Raises:
        ModelError: the metadata contradicts its own format, or files that it names are not there.
    """
    found = _buffer(model)
    if found is None:
        return None
    if found[4:8] != IDENTIFIER:
        raise malformed("its metadata is not of the format M001")
    root = Buffer(found).root()
    graphs = root.tables(3, _LIMIT)
    inputs, outputs = (
        tuple(_notes(table, model) for table in graphs[0].tables(slot, _LIMIT)) if graphs else ()
        for slot in (2, 3)
    )
    return Metadata(_text(root, 0), _text(root, 1), inputs, outputs)


def class_names(model: bytes, classes: int) -> tuple[str, ...]:
    """Return the names of the classes of the first output; none unless there is one for each.

    Names are an ornament: metadata that cannot be read has none, and stops nothing.
    """
    try:
        metadata = read_metadata(model)
    except ModelError:
        return ()
    labels = metadata.outputs[0].labels if metadata and metadata.outputs else ()
    return labels if len(labels) == classes else ()


def normalizations(model: bytes, inputs: int) -> tuple[Normalization, ...]:
    """Return how raw values of each input are prepared.

    Raises:
        ModelError: the metadata is malformed, or does not say it of every input.
    """
    metadata = read_metadata(model)
    notes = metadata.inputs if metadata else ()
    found = tuple(note.normalization for note in notes if note.normalization)
    if len(found) != inputs or len(notes) != inputs:
        raise ModelError(
            "The model has no metadata that says how raw samples are prepared.",
            hint="Write it with tinyproof convert MODEL --mean M --std S, or give samples that are "
            "prepared already, without --raw-samples.",
        )
    return found


def _buffer(model: bytes) -> bytes | None:
    """Return the buffer that holds the metadata."""
    root = Buffer(model).root()
    buffers = root.tables(4)
    for entry in root.tables(6, _LIMIT):
        if entry.text(0) == ENTRY:
            number = entry.integer(1, "I")
            if number >= len(buffers):
                raise malformed(f"its metadata is said to be in buffer {number}")
            return bytes(buffers[number].raw(0))
    return None


def _text(table: Table, slot: int) -> str:
    return printable(table.text(slot), limit=200)


def _notes(table: Table, model: bytes) -> TensorNotes:
    statistics = table.table(5)
    return TensorNotes(
        name=_text(table, 0),
        description=_text(table, 1),
        normalization=_normalization(table),
        labels=_labels(table, model),
        minimum=_numbers(statistics, 1) if statistics else (),
        maximum=_numbers(statistics, 0) if statistics else (),
    )


def _normalization(table: Table) -> Normalization | None:
    """Return the first normalization among the steps that prepare the tensor."""
    for unit in table.tables(4, _LIMIT):
        options = unit.table(1)
        if unit.integer(0, "B") != NORMALIZATION or options is None:
            continue
        mean, std = _numbers(options, 0) or (0.0,), _numbers(options, 1) or (1.0,)
        if not all(map(math.isfinite, (*mean, *std))) or 0.0 in std:
            raise malformed("its metadata has a mean or deviation that is 0 or not finite")
        return Normalization(mean, std)
    return None


def _numbers(table: Table, slot: int) -> tuple[float, ...]:
    return tuple(float(value) for value in table.numbers(slot, "<f4", 4096).tolist())


def _labels(table: Table, model: bytes) -> tuple[str, ...]:
    """Return the lines of the first file of labels; empty lines at its end do not count."""
    for file in table.tables(6, _LIMIT):
        if file.integer(2, "b") == AXIS_LABELS:
            lines = _associated(model, file.text(0)).splitlines()
            while lines and not lines[-1].strip():
                lines.pop()
            if len(lines) > MAX_LABELS:
                raise malformed(f"its metadata has {len(lines)} labels")
            return tuple(printable(line.strip(), limit=60) for line in lines)
    return ()


def _associated(model: bytes, name: str) -> str:
    """Return a text file of the archive behind the model."""
    shown = printable(name, limit=60)
    try:
        with zipfile.ZipFile(io.BytesIO(model)) as archive, archive.open(name) as file:
            content = file.read(MAX_LABEL_BYTES + 1)
    except ARCHIVE_DAMAGE as error:
        raise malformed(f"its metadata names the file {shown}, which cannot be read") from error
    if len(content) > MAX_LABEL_BYTES:
        raise malformed(f"the file {shown} of its metadata has more than {MAX_LABEL_BYTES} bytes")
    return content.decode("utf-8", "replace")
