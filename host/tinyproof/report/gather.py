"""Gathers a run's evidence: the samples that differ, what each layer made of one, the training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.errors import ModelError, TinyProofError
from tinyproof.graph import Graph, Operator, Tensor, TensorType, read_graph
from tinyproof.integer import before_activation
from tinyproof.records import Records
from tinyproof.reference import ReferenceRun
from tinyproof.report.evidence import Curve, Evidence, FeatureMap
from tinyproof.report.model import listed_samples
from tinyproof.report.result import RunResult
from tinyproof.samples import PreparedSamples
from tinyproof.tensors import TensorDescription, TensorLike, byte_count, element_type
from tinyproof.verdict import Judgement
from tinyproof.zoo import load_trained

MAX_LAYERS = 40
MAX_PRODUCTS = 1 << 26
"""More than about so many products of one layer are not computed for a picture."""
MAX_ELEMENTS = 1 << 20
"""Larger layers are left out."""
MAX_CHANNELS = 32
MAX_SIDE = 64
"""Larger images lose every second (third, ...) row and column."""
MAX_VALUES = 1024
DEADLINE_S = 60.0
_DRAWN = (TensorType.FLOAT32, TensorType.INT8, TensorType.UINT8, TensorType.INT16)


class Gathering:
    """Evidence in the making: LiteRT computes the layers of the first sample beside the run."""

    def __init__(self, model: bytes, path: Path, samples: PreparedSamples) -> None:
        """Start; ``path`` is where the model lies, and perhaps the training that made it.

        Raises:
            StorageError: the temporary folder cannot be written.
            ReferenceFailedError: the process cannot be started.
        """
        self._path = path
        self._samples = samples
        self._graph = read_graph(model)
        self._layers = list(_layers(self._graph))
        self._first = Records(samples.records.size)
        self._first.append(samples.records[0])
        wanted = [tensor.index for _, tensor in self._layers]
        self._run = ReferenceRun(model, self._first, tensors=wanted, deadline_s=DEADLINE_S)

    def collect(
        self,
        outputs: Sequence[TensorLike],
        reference: Sequence[bytes],
        answers: Sequence[bytes | None],
        judgement: Judgement,
    ) -> Evidence:
        """Return the evidence of what ``judge`` was given, and what it said."""
        chosen = [int(index) for index in listed_samples(judgement)]
        first = outputs[0]
        shape = (len(chosen), *self._samples.inputs[0].shape)
        inputs = [self._input(index) for index in chosen]
        return Evidence(
            differing_index=np.array(chosen, np.int64),
            differing_input=np.array(inputs, np.float32).reshape(shape),
            differing_device=_rows(first, [answers[index] for index in chosen]),
            differing_reference=_rows(first, [reference[index] for index in chosen]),
            features=tuple(self._features()),
            curve=training_curve(self._path),
        )

    def _input(self, index: int) -> NDArray[np.float32]:
        return real_values(self._samples.inputs[0], self._samples.values(index)[0])

    def _features(self) -> Iterator[FeatureMap]:
        """Yield the maps of the first sample, its input first; none if LiteRT cannot tell them."""
        if not self._layers:
            return
        try:
            found = self._run.collect()
        except TinyProofError:
            return
        record, offset = found.records[0], 0
        found.close()
        known = dict(zip(self._graph.inputs, self._samples.values(0), strict=True))
        yield feature_map("input", self._samples.inputs[0].shape, self._input(0))
        for (operator, made), tensor in zip(self._layers, found.tensors, strict=True):
            size = byte_count(tensor)
            values = np.frombuffer(record[offset : offset + size], element_type(tensor))
            offset += size
            known[made.index] = values.reshape(tensor.shape)
            before = _before_activation(self._graph, operator, known)
            if before is not None:
                yield feature_map(operator.name, tensor.shape, before)
            name = _name(operator) if before is None else _activation(operator)
            yield feature_map(name, tensor.shape, real_values(tensor, values))

    def close(self) -> None:
        """End the process, if it still runs."""
        self._run.close()
        self._first.close()

    def __enter__(self) -> Gathering:
        """Return itself; the process already runs."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End the process."""
        self.close()


def evidence_of(result: RunResult) -> Evidence:
    """Return what the run gathered, its ticks included."""
    return replace(result.evidence or Evidence(), ticks=narrow(result.ticks))


def real_values(tensor: TensorLike, values: NDArray[Any]) -> NDArray[np.float32]:
    """Return stored values as the real ones they stand for, in the same shape."""
    scaled = values.astype(np.float64)
    if tensor.scale:
        scaled = (scaled - tensor.zero_point) * tensor.scale
    return scaled.astype(np.float32)


def feature_map(name: str, shape: tuple[int, ...], values: NDArray[np.float32]) -> FeatureMap:
    """Return a layer's output, cut down to what a page can show.

    Args:
        name: for people.
        shape: (1, height, width, channels) for images; anything else is shown as a line.
        values: as many as ``shape`` tells.
    """
    if len(shape) == 4 and shape[0] == 1 and min(shape[1:3]) > 1:
        image = values.reshape(shape[1:])
        step = -(-max(shape[1:3]) // MAX_SIDE)
        return FeatureMap(name, shape, image[::step, ::step, :MAX_CHANNELS])
    return FeatureMap(name, shape, values.reshape(-1)[:MAX_VALUES])


def training_curve(model: Path) -> Curve | None:
    """Return the training recorded beside a model of the zoo; None for any other model."""
    try:
        trained = load_trained(model.parent)
        if model.name not in trained.sha256:
            return None
        metric, epochs = trained.metric, trained.history()
    except (ModelError, OSError, ValueError, LookupError, TypeError):
        return None
    columns = ("loss", "metric", "validation_loss", "validation_metric")
    return Curve(metric, *(np.array([getattr(e, c) for e in epochs], float) for c in columns))


def narrow(ticks: NDArray[Any]) -> NDArray[Any]:
    """Return integers in 32 bits where they fit: half the file."""
    fits = ticks.max(initial=0) < 1 << 32
    return ticks.astype(np.uint32) if fits else ticks


def _layers(graph: Graph) -> Iterator[tuple[Operator, Tensor]]:
    """Yield the operators whose output can be drawn, with that output."""
    count = 0
    for operator in graph.operators:
        for tensor in map(graph.tensors.__getitem__, operator.outputs[:1]):
            if tensor.type in _DRAWN and tensor.elements <= MAX_ELEMENTS and count < MAX_LAYERS:
                count += 1
                yield operator, tensor


def _before_activation(
    graph: Graph, operator: Operator, known: Mapping[int, NDArray[Any]]
) -> NDArray[np.float32] | None:
    """Return what a convolution makes before its fused activation, which LiteRT does not tell."""
    output = graph.tensors[operator.outputs[0]]
    if operator.inputs[0] not in known or len(operator.inputs) < 2:
        return None
    weights = graph.tensors[operator.inputs[1]]
    channels = output.shape[-1] if output.shape else 1
    if weights.data is None or output.elements * weights.elements > MAX_PRODUCTS * channels:
        return None
    try:
        found = before_activation(graph, operator, known)
    except (ValueError, IndexError, ArithmeticError):
        return None  # A model that only LiteRT can make sense of.
    return None if found is None else found.astype(np.float32)


def _name(operator: Operator) -> str:
    """Return the operator with its fused activation, as ``CONV_2D + RELU``."""
    fused = _activation(operator)
    return f"{operator.name} + {fused}" if fused else operator.name


def _activation(operator: Operator) -> str:
    fused = getattr(operator.options, "activation", None)
    return fused.name if fused else ""


def _rows(tensor: TensorLike, records: Sequence[bytes | None]) -> NDArray[np.float32]:
    """Return (m, values) of the first output; NaN where there is no answer of the right length."""
    size = byte_count(tensor)
    description = TensorDescription(
        tensor.name, element_type(tensor), tensor.shape, tensor.scale, tensor.zero_point
    )
    count = size // description.dtype.itemsize
    rows = np.full((len(records), count), np.nan, np.float32)
    for row, record in zip(rows, records, strict=True):
        if record is not None and len(record) >= size:
            row[:] = real_values(description, np.frombuffer(record[:size], description.dtype))
    return rows
