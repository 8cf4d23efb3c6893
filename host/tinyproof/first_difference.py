"""Finds the first layer whose output on the board is not LiteRT's, for one sample.

Layers are traced in the engine's order until one differs, so the one that is named is the first,
whatever later layers do. A fused group counts as one layer: its output is that of its last
operator, which is the tensor that LiteRT has as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.deadline import Deadline
from tinyproof.device import Device
from tinyproof.layers import PlannedLayer
from tinyproof.progress import Step
from tinyproof.reference import DEFAULT_ENGINE, run_reference
from tinyproof.report import FirstDifference, HistogramBin
from tinyproof.tensors import TensorDescription, byte_count, element_type
from tinyproof.verdict import FLOAT_TOLERANCE, float_distance

MOST_SECONDS = 120.0
"""How long a search may take; a trace repeats the inference up to its layer."""
MOST_BINS = 64
"""Most bins of a histogram: the most frequent differences."""


def find_first_difference(
    device: Device,
    model: bytes,
    layers: Sequence[PlannedLayer],
    index: int,
    sample: bytes,
    step: Step,
    engine: str = DEFAULT_ENGINE,
) -> tuple[FirstDifference | None, int]:
    """Trace ``sample`` layer by layer; return the first difference and how many layers agree.

    Fewer layers than there are, and no difference, mean that the time was up.

    Args:
        device: the board.
        model: the ``.tflite`` file.
        layers: what the board's layers stand for.
        index: the sample's position, for the report.
        sample: as the model takes it.
        step: told of each layer.
        engine: what the board runs, and so what it is held against.

    Raises:
        TinyProofError: see ``Device.trace`` and ``run_reference``.
    """
    deadline = Deadline(MOST_SECONDS)
    wanted_tensors = [layer.tensor for layer in layers]
    expected = run_reference(model, [sample], engine=engine, tensors=wanted_tensors)
    try:
        record = expected.records[0]
    finally:
        expected.close()
    offset = 0
    for number, (layer, tensor) in enumerate(zip(layers, expected.tensors, strict=True)):
        if deadline.expired:
            return None, number
        size = byte_count(tensor)
        wanted = record[offset : offset + size]
        offset += size
        step.update(number, len(layers), layer.name)
        got = device.trace(number, sample).output
        found = compare_layer(index, number, layer, tensor, wanted, got)
        if found:
            return found, number
    return None, len(layers)


def compare_layer(
    sample: int,
    number: int,
    layer: PlannedLayer,
    tensor: TensorDescription,
    wanted: bytes,
    got: bytes,
) -> FirstDifference | None:
    """Hold one layer's output against the reference's; None if it is exact.

    Exact means what it means for a model's outputs, see ``verdict``. An output of another length
    differs in all its elements.
    """
    dtype = element_type(tensor)
    a = np.frombuffer(wanted, dtype)
    if len(got) != len(wanted):
        return FirstDifference(sample, number, layer.name, tensor.shape, a.size, a.size)
    b = np.frombuffer(got, dtype)
    if dtype.kind == "f":
        return _compare_float(sample, number, layer, tensor, a, b)
    distance = b.astype(np.int64) - a.astype(np.int64)
    differing = int(np.count_nonzero(distance))
    if not differing:
        return None
    return FirstDifference(
        sample,
        number,
        layer.name,
        tensor.shape,
        a.size,
        differing,
        max_lsb=int(np.abs(distance).max()),
        histogram=_histogram(distance),
    )


def _compare_float(
    sample: int,
    number: int,
    layer: PlannedLayer,
    tensor: TensorDescription,
    wanted: NDArray[Any],
    got: NDArray[Any],
) -> FirstDifference | None:
    error = float_distance(wanted, got)
    largest = np.abs(wanted[np.isfinite(wanted)].astype(np.float64)).max(initial=0.0)
    beyond = error > FLOAT_TOLERANCE * largest
    if not beyond.any():
        return None
    worst = float(error.max())
    return FirstDifference(
        sample,
        number,
        layer.name,
        tensor.shape,
        wanted.size,
        int(np.count_nonzero(beyond)),
        max_abs=worst if np.isfinite(worst) else None,
    )


def _histogram(distance: NDArray[np.int64]) -> tuple[HistogramBin, ...]:
    """Return the most frequent differences, ascending."""
    values, counts = np.unique(distance, return_counts=True)
    kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_BINS])
    return tuple(HistogramBin(int(values[i]), int(counts[i])) for i in kept)
