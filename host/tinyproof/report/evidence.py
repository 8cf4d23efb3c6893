"""The arrays behind a report: what its pictures are drawn from, in ``evidence.npz`` beside it.

The file is NumPy's, without pickles, and is read with the same distrust as samples. A report is
whole without it; only pictures are missing then.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.errors import SamplesError, UsageError
from tinyproof.npz import NpzArray, NpzFile
from tinyproof.storage import write_atomic

FILE_NAME = "evidence.npz"
MAX_BYTES = 256 << 20
"""The largest array that is read, unpacked."""
MAX_LAYERS = 200
MAX_COUNT = 1 << 62
"""No board has counted as many ticks."""
_FEATURE = "features_"


def _none(*shape: int) -> NDArray[np.float32]:
    return np.empty(shape, np.float32)


@dataclass(frozen=True)
class FeatureMap:
    """What one layer of the reference made of the sample that is shown.

    Attributes:
        name: the operator and the tensor, for people.
        shape: of the whole output.
        values: real values, (height, width, channels) of an image or else (n,); float32. May hold
            fewer channels or values than ``shape`` tells.
    """

    name: str
    shape: tuple[int, ...]
    values: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Curve:
    """A training: one value for each epoch, each (epochs,) float64.

    Attributes:
        metric_name: what the metric is, such as ``accuracy``.
    """

    metric_name: str
    loss: NDArray[np.float64]
    metric: NDArray[np.float64]
    validation_loss: NDArray[np.float64]
    validation_metric: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evidence:
    """The arrays of a run; what does not apply is empty.

    Attributes:
        ticks: (n,) integers, one for each inference answered, in order.
        differing_index: (m,) int64, the samples that ``report.json`` lists under ``differing``.
        differing_input: (m, *shape of the first input) float32, real values.
        differing_device: (m, values) float32, first output as real values; NaN without an answer.
        differing_reference: (m, values) float32.
        features_sample: index of the sample whose feature maps follow.
        features: what each layer made of it, in the model's order, the input first.
        curve: the training; None where it is not known.
    """

    ticks: NDArray[Any] = field(default_factory=lambda: np.empty(0, np.uint32))
    differing_index: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    differing_input: NDArray[np.float32] = field(default_factory=lambda: _none(0, 1))
    differing_device: NDArray[np.float32] = field(default_factory=lambda: _none(0, 1))
    differing_reference: NDArray[np.float32] = field(default_factory=lambda: _none(0, 1))
    features_sample: int = 0
    features: tuple[FeatureMap, ...] = ()
    curve: Curve | None = None


_PLAIN = ("ticks", "differing_index", "differing_input", "differing_device", "differing_reference")
_CURVE = tuple(f.name for f in fields(Curve) if f.name != "metric_name")


def write_evidence(evidence: Evidence, folder: Path) -> Path:
    """Write ``folder/evidence.npz`` whole or not at all, and return its path.

    Raises:
        StorageError: the folder cannot be written.
    """
    buffer = io.BytesIO()
    arrays: dict[str, Any] = dict(_arrays(evidence))
    np.savez_compressed(buffer, **arrays)
    path = folder / FILE_NAME
    write_atomic(path, buffer.getvalue())
    return path


def load_evidence(folder: Path) -> Evidence | None:
    """Read ``folder/evidence.npz``; None if there is none.

    Raises:
        UsageError: the file is damaged or not what ``write_evidence`` writes.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    try:
        file = NpzFile(path)
        return _evidence({name: _read(file, name) for name in file.names})
    except (SamplesError, LookupError, ValueError, OverflowError) as error:
        reason = error.sentence if isinstance(error, SamplesError) else "an array is not as written"
        raise UsageError(
            f"The evidence of the report cannot be used: {reason.rstrip('.')}.",
            hint=f"Remove {FILE_NAME} to get the report without pictures, or run again.",
        ) from error


def _arrays(evidence: Evidence) -> Iterator[tuple[str, NDArray[Any]]]:
    for name in _PLAIN:
        yield name, getattr(evidence, name)
    yield "features_sample", np.array([evidence.features_sample])
    for number, feature in enumerate(evidence.features):
        yield f"{_FEATURE}{number}_name", np.array([feature.name])
        yield f"{_FEATURE}{number}_shape", np.array(feature.shape, np.int64)
        yield f"{_FEATURE}{number}", feature.values
    if evidence.curve:
        yield "curve_metric_name", np.array([evidence.curve.metric_name])
        for name in _CURVE:
            yield f"curve_{name}", getattr(evidence.curve, name)


def _read(file: NpzFile, name: str) -> NDArray[Any]:
    array = NpzArray(file, name)
    if math.prod(array.shape) * array.dtype.itemsize > MAX_BYTES or not array.shape:
        raise ValueError(name)
    blocks = list(array.blocks(max(1, array.shape[0])))
    return blocks[0] if blocks else np.empty(array.shape, array.dtype)


def _evidence(arrays: dict[str, NDArray[Any]]) -> Evidence:
    count = len(arrays["differing_index"])
    plain = {name: arrays[name] for name in _PLAIN}
    if any(len(plain[name]) != count for name in _PLAIN[1:]):
        raise ValueError("differing")
    real = {name: _numbers(plain[name], np.float32) for name in _PLAIN[2:]}
    if any(real[name].ndim != 2 for name in _PLAIN[3:]):
        raise ValueError("differing")
    if real["differing_device"].shape != real["differing_reference"].shape:
        raise ValueError("differing")
    return Evidence(
        ticks=_counts(plain["ticks"]),
        differing_index=_counts(plain["differing_index"]),
        features_sample=int(arrays["features_sample"][0]),
        features=tuple(_features(arrays)),
        curve=_curve(arrays),
        **real,
    )


def _features(arrays: dict[str, NDArray[Any]]) -> Iterator[FeatureMap]:
    for number in range(MAX_LAYERS):
        key = f"{_FEATURE}{number}"
        if key not in arrays:
            return
        values = _numbers(arrays[key], np.float32)
        if values.ndim not in (1, 3):
            raise ValueError(key)
        shape = tuple(int(n) for n in _numbers(arrays[f"{key}_shape"], np.int64).reshape(-1))
        yield FeatureMap(str(arrays[f"{key}_name"][0]), shape, values)


def _curve(arrays: dict[str, NDArray[Any]]) -> Curve | None:
    if "curve_loss" not in arrays:
        return None
    columns = [_numbers(arrays[f"curve_{name}"], np.float64).reshape(-1) for name in _CURVE]
    if len({len(column) for column in columns}) > 1:
        raise ValueError("curve")
    return Curve(str(arrays["curve_metric_name"][0]), *columns)


def _counts(values: NDArray[Any]) -> NDArray[np.int64]:
    most = int(values.max(initial=0)) if values.dtype.kind in "iu" else MAX_COUNT
    if most >= MAX_COUNT or (values < 0).any() or values.ndim != 1:
        raise ValueError(values.dtype)
    return values.astype(np.int64)


def _numbers(values: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    if values.dtype.kind not in "iufb":
        raise ValueError(values.dtype)
    return values.astype(dtype, copy=False)
