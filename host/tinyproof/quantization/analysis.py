"""Runs both forms of a model in LiteRT and compares every layer that both have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen import Interface
from tinyproof.graph import Graph, read_graph
from tinyproof.quantization.losses import LayerLoss, Sums
from tinyproof.quantization.pairing import Pair, pair_layers
from tinyproof.records import Records
from tinyproof.reference import ReferenceOutputs, run_reference
from tinyproof.samples import SampleSet, prepare
from tinyproof.stats import accuracy
from tinyproof.tensors import byte_count, element_type

_BLOCK = 64
"""Samples whose layers are held in memory at once."""


@dataclass(frozen=True)
class Analysis:
    """What quantization costs.

    Attributes:
        layers: inputs first, in the order of execution.
        samples: how many were compared.
        flips: of how many the largest output is another one.
        accuracy_float: share of right classes; None without labels.
        accuracy_quantized: the same of the int8 form.
    """

    layers: tuple[LayerLoss, ...]
    samples: int
    flips: int
    accuracy_float: float | None
    accuracy_quantized: float | None

    def worst(self, least_db: float = 0.0) -> list[LayerLoss]:
        """Return the layers that lose most, worst first, none that loses less than ``least_db``."""
        found = [layer for layer in self.layers if layer.lost_db >= max(least_db, 1e-9)]
        return sorted(found, key=lambda layer: -layer.lost_db)


def analyse(real: bytes, quantized: bytes, samples: SampleSet, limit: int = 1000) -> Analysis:
    """Compare two ``.tflite`` files of one model on the first ``limit`` samples of real values.

    Raises:
        ModelError: a file is unreadable.
        UsageError: the two are not forms of one model; see ``pair_layers``.
        SamplesError: the samples do not suit a model.
        ReferenceFailedError: LiteRT cannot run one of them.
    """
    graphs = read_graph(real), read_graph(quantized)
    pairs = pair_layers(*graphs)
    outcomes = [
        _run(model, graph, samples, limit, tensors)
        for model, graph, tensors in zip(
            (real, quantized),
            graphs,
            ([p.real.index for p in pairs], [p.quantized.index for p in pairs]),
            strict=True,
        )
    ]
    sums = [Sums(pair.quantized) for pair in pairs]
    classes: list[list[int]] = [[], []]
    for blocks in zip(*(outcome.blocks() for outcome in outcomes), strict=True):
        for layer, a, b in zip(sums, *(block[1:] for block in blocks), strict=True):
            layer.add(a, b)
        for taken, block in zip(classes, blocks, strict=True):
            taken += np.argmax(block[0], axis=1).tolist()
    labels = None if samples.labels is None else samples.labels[: len(classes[0])]
    return Analysis(
        layers=_losses(graphs[1], pairs, sums),
        samples=len(classes[0]),
        flips=sum(a != b for a, b in zip(*classes, strict=True)),
        accuracy_float=None if labels is None else accuracy(labels, classes[0]),
        accuracy_quantized=None if labels is None else accuracy(labels, classes[1]),
    )


@dataclass(frozen=True)
class _Outcome:
    """What LiteRT computed: the first output, then each layer, of every sample."""

    outputs: ReferenceOutputs

    def blocks(self) -> Iterator[list[NDArray[Any]]]:
        """Yield for each block of samples one array (samples, elements) for each tensor."""
        records = self.outputs.records
        for start in range(0, len(records), _BLOCK):
            block = b"".join(records[start : start + _BLOCK])
            rows = np.frombuffer(block, np.uint8).reshape(-1, records.size)
            yield list(self._columns(rows))

    def _columns(self, rows: NDArray[np.uint8]) -> Iterator[NDArray[Any]]:
        offset = 0
        for tensor in self.outputs.tensors:
            end = offset + byte_count(tensor)
            yield np.ascontiguousarray(rows[:, offset:end]).view(element_type(tensor))
            offset = end


def _run(
    model: bytes, graph: Graph, samples: SampleSet, limit: int, tensors: Sequence[int]
) -> _Outcome:
    prepared = prepare(samples, [Interface.of(graph.tensors[index]) for index in graph.inputs])
    records = Records(prepared.records.size)
    for sample in prepared.records[:limit]:
        records.append(sample)
    return _Outcome(run_reference(model, records, tensors=(graph.outputs[0], *tensors)))


def _losses(graph: Graph, pairs: Sequence[Pair], sums: Sequence[Sums]) -> tuple[LayerLoss, ...]:
    entering = _entering(graph, pairs, sums)
    return tuple(
        LayerLoss(
            name=pair.name,
            operator=pair.operator,
            index=pair.index,
            shape=pair.quantized.shape,
            scale=layer.scale,
            max_error=layer.largest,
            mean_error=layer.mean_error,
            snr_db=layer.snr_db,
            lost_db=_lost(entering[pair.quantized.index], layer.snr_db),
            gain=layer.gain,
            saturated=layer.saturated,
            elements=layer.elements,
        )
        for pair, layer in zip(pairs, sums, strict=True)
    )


def _entering(graph: Graph, pairs: Sequence[Pair], sums: Sequence[Sums]) -> Mapping[int, float]:
    """Return for each paired tensor the least signal to noise of what it is computed from."""
    leaving = {p.quantized.index: s.snr_db for p, s in zip(pairs, sums, strict=True)}
    entering = {p.quantized.index: _ideal(s) for p, s in zip(pairs, sums, strict=True)}
    made_by = {index for operator in graph.operators for index in operator.outputs}
    for operator in graph.operators:
        known = [leaving[index] for index in operator.inputs if index in leaving]
        for index in operator.outputs:
            if known and index in entering and index in made_by:
                entering[index] = min(known)
            leaving.setdefault(index, min(known, default=math.inf))
    return entering


def _ideal(layer: Sums) -> float:
    """Return the signal to noise of an input whose 8 bits just span its values.

    The noise of rounding to steps of s is s^2 / 12; the values' root mean square stays as it is.
    """
    if not layer.elements or not layer.signal or not layer.noise:
        return layer.snr_db
    step = (layer.real_highest - layer.real_lowest) / 255
    noise = max(layer.elements * step**2 / 12, 1e-300)
    return max(layer.snr_db, 10 * math.log10(layer.signal / noise))


def _lost(before: float, after: float) -> float:
    if math.isinf(before) or math.isinf(after):
        return 0.0
    return max(0.0, before - after)
