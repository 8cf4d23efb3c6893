"""Loads test samples and turns them into the bytes that board and reference both get.

A samples file holds ``x``, N x the input's shape (or one array for each input, under the input's
name), and optionally ``y``, N labels; see docs/report.md. Real values are quantized here, once, as
LiteRT's QUANTIZE does.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.errors import SamplesError
from tinyproof.metadata import Normalization
from tinyproof.npz import SAVE_HINT, MemoryArray, NpzArray, NpzFile, Rows
from tinyproof.ranges import RangeWatch
from tinyproof.records import BLOCK_BYTES, Records
from tinyproof.tensors import TensorLike, byte_count, element_type, plain_name
from tinyproof.text import count, printable
from tinyproof.wanted import read_wanted

LABELS = "y"


class SampleSet:
    """Samples and labels as the user gave them, not yet held against a model.

    Attributes:
        source: where they come from, safe to print.
        names: the arrays given, labels excepted.
        labels: (N,) int64, at least 0; None without labels.
        truth: (N, ...) float32, the real values wanted of a regression; None without them. Of
            one-hot labels, both: rows of one 1, which nobody wants of a regression.
    """

    def __init__(
        self, source: str, names: Sequence[str], file: NpzFile | None, arrays: Mapping[str, Rows]
    ) -> None:
        """Take the arrays of ``file`` or else ``arrays``; see ``load_samples``, ``from_arrays``."""
        self.source = source
        self._file = file
        self._arrays = arrays
        self.names = tuple(name for name in names if name != LABELS)
        given = LABELS in names
        self.labels, self.truth = read_wanted(self.array(LABELS), source) if given else (None, None)

    @classmethod
    def from_arrays(
        cls,
        x: NDArray[Any] | Mapping[str, NDArray[Any]],
        y: NDArray[Any] | None = None,
        *,
        source: str = "the samples",
    ) -> SampleSet:
        """Take arrays in memory: ``x`` alone, or one for each input name.

        Raises:
            SamplesError: labels unusable, or arrays of objects.
        """
        given = dict(x) if isinstance(x, Mapping) else {"x": x}
        if y is not None:
            given[LABELS] = y
        arrays = {name: MemoryArray(name, np.asarray(values)) for name, values in given.items()}
        return cls(source, tuple(arrays), None, arrays)

    def array(self, name: str) -> Rows:
        """Return one array of ``names``.

        Raises:
            SamplesError: its header is damaged or refused.
        """
        return NpzArray(self._file, name) if self._file else self._arrays[name]


def load_samples(path: str | Path) -> SampleSet:
    """Open a samples file; its values are read by ``prepare``.

    Raises:
        SamplesError: missing, not an ``.npz`` file, damaged, without samples, or labels unusable.
    """
    file = NpzFile(Path(path))
    if not set(file.names) - {LABELS}:
        raise SamplesError(f"{file.label} has no array x{_held(file.names)}.", hint=SAVE_HINT)
    return SampleSet(file.label, file.names, file, {})


@dataclass(frozen=True)
class PreparedSamples(Sequence[bytes]):
    """The samples as the model takes them: all inputs in order, without gaps, little-endian.

    Attributes:
        records: one record of bytes for each sample.
        labels: (N,) int64, None without labels.
        truth: (N, ...) float32, the real values wanted of a regression; None without them.
        inputs: the model's inputs.
        source: where the samples come from, safe to print.
        sha256: of all records in order, hexadecimal.
        warnings: sentences on samples that suit the model badly; see ``ranges``.
    """

    records: Records
    labels: NDArray[np.int64] | None
    inputs: tuple[TensorLike, ...]
    source: str
    sha256: str
    truth: NDArray[np.float32] | None = None
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return how many samples there are."""
        return len(self.records)

    def __getitem__(self, index: Any) -> Any:
        """Return one sample's bytes, or a list of them."""
        return self.records[index]

    def __iter__(self) -> Iterator[bytes]:
        """Yield all samples' bytes in order."""
        return iter(self.records)

    def values(self, index: int) -> list[NDArray[Any]]:
        """Return one sample's inputs in the model's types and shapes."""
        record, arrays, offset = self.records[index], [], 0
        for tensor in self.inputs:
            size = math.prod(tensor.shape)
            values = np.frombuffer(record, element_type(tensor), size, offset)
            arrays.append(values.reshape(tensor.shape))
            offset += values.nbytes
        return arrays

    def close(self) -> None:
        """Release the temporary file."""
        self.records.close()


def prepare(
    samples: SampleSet,
    inputs: Sequence[TensorLike],
    raw: Sequence[Normalization] | None = None,
) -> PreparedSamples:
    """Check the samples against the model's inputs and convert them, block by block.

    Args:
        samples: as the user gave them.
        inputs: of the model.
        raw: how the values of each input become the model's; None if they are prepared already.

    Raises:
        SamplesError: an array is missing or of the wrong shape, type or length, holds NaN or
            infinity, has no rows, or is of another range than the model's.
        StorageError: the temporary folder is full.
    """
    arrays = _choose(samples, inputs)
    for array, tensor in zip(arrays, inputs, strict=True):
        _check_shape(array, tensor, samples.source)
        if raw is None or array.dtype.kind not in "fiu":
            _check_type(array, tensor, samples.source)
    _check_lengths(arrays, samples)
    records = Records(sum(byte_count(tensor) for tensor in inputs))
    digest = hashlib.sha256()
    row_bytes = sum(math.prod(tensor.shape) * 8 for tensor in inputs)
    rows = max(1, BLOCK_BYTES // row_bytes)
    watches = [RangeWatch(tensor, samples.source) for tensor in inputs]
    steps: Sequence[Normalization | None] = raw or [None] * len(inputs)
    start = 0
    for blocks in zip(*(array.blocks(rows) for array in arrays), strict=True):
        columns = [
            _convert(block if step is None else step.apply(block), watch, start)
            for block, watch, step in zip(blocks, watches, steps, strict=True)
        ]
        packed = np.concatenate(columns, axis=1).tobytes()
        digest.update(packed)
        records.append(packed)
        start += len(columns[0])
    return PreparedSamples(
        records,
        samples.labels,
        tuple(inputs),
        samples.source,
        digest.hexdigest(),
        samples.truth,
        tuple(filter(None, (watch.finish() for watch in watches))),
    )


def quantize(
    values: NDArray[np.float32], dtype: np.dtype[Any], scale: float, zero_point: int
) -> NDArray[Any]:
    """Return real values as LiteRT's QUANTIZE gives them: int8, uint8, int16 or int32.

    The quotient is float32, rounded half away from zero, then shifted and saturated
    (tensorflow/lite/kernels/internal/reference/quantize.h).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        quotient = values / np.float32(scale)
        whole = np.trunc(quotient)
        # Adding 0.5 and truncating would round 0.49999997 up: the sum is not exact in float32.
        whole += np.copysign(np.abs(quotient - whole) >= 0.5, quotient)
    limits = np.iinfo(dtype)
    shifted = whole.astype(np.float64) + zero_point
    clipped: NDArray[Any] = np.clip(shifted, limits.min, limits.max).astype(dtype)
    return clipped


def _choose(samples: SampleSet, inputs: Sequence[TensorLike]) -> list[Rows]:
    if len(inputs) == 1:
        names = ["x" if "x" in samples.names else _array_name(samples, inputs[0])]
    else:
        names = [_array_name(samples, tensor) for tensor in inputs]
    missing = [name for name in names if name not in samples.names]
    if LABELS in names or len(set(names)) < len(names):
        raise SamplesError(
            f"The model's inputs {_join(names)} cannot be told apart by name.",
            hint=f"Give each input a name of its own, none of them {LABELS}.",
        )
    if missing:
        wanted = "x" if len(inputs) == 1 else _join(missing)
        raise SamplesError(
            f"{samples.source} has no array {wanted}{_held(samples.names)}.",
            hint=SAVE_HINT
            if len(inputs) == 1
            else f"Save one array for each input: {_join(names)}.",
        )
    return [samples.array(name) for name in names]


def _array_name(samples: SampleSet, tensor: TensorLike) -> str:
    """Return what the array for an input is called: its name in the file, or before conversion."""
    return tensor.name if tensor.name in samples.names else plain_name(tensor.name)


def _check_shape(array: Rows, tensor: TensorLike, source: str) -> None:
    """Accept N x input shape, and N x input shape without a leading 1."""
    full, got = tuple(tensor.shape), tuple(array.shape)
    short = full[1:] if full[:1] == (1,) else full
    if len(got) and got[1:] in (full, short):
        return
    wanted = " x ".join(["N", *map(str, short)])
    raise SamplesError(
        f"Array {_name(array)} of {source} has shape {got}, the model wants {wanted}.",
        hint=_shape_hint(got, full, short),
    )


def _shape_hint(got: tuple[int, ...], full: tuple[int, ...], short: tuple[int, ...]) -> str:
    if got in (full, short):
        return "This is one sample: add the sample dimension with x[numpy.newaxis]."
    if short[-1:] == (1,) and got[1:] == short[:-1]:
        return "Only the channel dimension is missing: add it with x[..., numpy.newaxis]."
    if len(got) and math.prod(got[1:]) == math.prod(short):
        return f"The number of values fits: if their order does too, use x.reshape((-1, *{short}))."
    return "Prepare the samples as the model was trained, or name the model they belong to."


def _check_type(array: Rows, tensor: TensorLike, source: str) -> None:
    wanted, got = element_type(tensor), array.dtype
    if got.newbyteorder("<") == wanted:
        return
    real = got.kind == "f" and got.itemsize <= 8
    if real and (wanted.kind == "f" or (wanted.kind in "iu" and tensor.scale)):
        return
    choices = f"{wanted}" if wanted.kind == "f" or not tensor.scale else f"float32 or {wanted}"
    raise SamplesError(
        f"Array {_name(array)} of {source} is {_shown(got)}, the model wants {choices}.",
        hint="Give real values as float32, scaled as in training."
        if tensor.scale or wanted.kind == "f"
        else f"This input is not quantized: give it as {wanted}.",
    )


def _check_lengths(arrays: Sequence[Rows], samples: SampleSet) -> None:
    lengths = {array.name: array.shape[0] for array in arrays}
    first = next(iter(lengths.values()))
    if len(set(lengths.values())) > 1:
        got = ", ".join(f"{printable(name, limit=60)}: {n}" for name, n in lengths.items())
        raise SamplesError(
            f"The inputs in {samples.source} differ in their number of samples ({got}).",
            hint="Give every input the same number of rows.",
        )
    if first == 0:
        raise SamplesError(
            f"{samples.source} holds no samples: x has 0 rows.", hint="Give at least one sample."
        )
    wanted = samples.labels if samples.truth is None else samples.truth
    if wanted is not None and len(wanted) != first:
        raise SamplesError(
            f"{samples.source} holds {count(first, 'sample')} but {count(len(wanted), 'label')}.",
            hint="Give one label for each sample, in the same order.",
        )


def _convert(block: NDArray[Any], watch: RangeWatch, start: int) -> NDArray[np.uint8]:
    """Return a block's rows as the model's bytes, (n, bytes of the input)."""
    tensor = watch.tensor
    wanted = element_type(tensor)
    if block.dtype.kind == "f":
        with np.errstate(over="ignore"):
            real = block.astype(np.float32 if wanted.kind != "f" else wanted)
        _check_finite(real, tensor, start, watch.source)
        watch.add(real)
        block = real if wanted.kind == "f" else _quantized(real, tensor)
    packed = np.ascontiguousarray(block, wanted).reshape(len(block), -1)
    return packed.view(np.uint8)


def _quantized(real: NDArray[np.float32], tensor: TensorLike) -> NDArray[Any]:
    return quantize(real, element_type(tensor), float(tensor.scale), int(tensor.zero_point))


def _check_finite(real: NDArray[Any], tensor: TensorLike, start: int, source: str) -> None:
    if np.isfinite(real).all():
        return
    row, *at = (int(i) for i in np.argwhere(~np.isfinite(real))[0])
    value = real[(row, *at)]
    raise SamplesError(
        f"Sample {start + row} in {source} is {value} at {at} of input "
        f"{printable(tensor.name, limit=60)}; only finite float32 values can be tested.",
        hint="Remove or repair that sample.",
    )


def _name(array: Rows) -> str:
    return printable(array.name, limit=60)


def _join(names: Sequence[str]) -> str:
    return ", ".join(printable(name, limit=60) for name in names)


def _held(names: Sequence[str]) -> str:
    shown = _join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"; it holds {shown}" if names else "; it holds no arrays"


def _shown(dtype: np.dtype[Any]) -> str:
    """Return an element type in words; a file may declare one of any length."""
    return printable(str(dtype), limit=80)
