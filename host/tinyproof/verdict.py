"""Compares a board's answers with the reference's: one verdict for each sample. Pure arithmetic.

For each sample, the first that applies:

- ``missing``: no answer came.
- ``unstable``: the same input gave different answers.
- ``exact``: integer outputs equal byte for byte; float outputs differ by at most 1e-5 times the
  largest finite magnitude in that output of the reference.
- ``close``: same class, integer outputs within k LSB, float outputs exact.
- ``tie``: another class, where the reference's best and second-best class lie within k LSB of each
  other.
- ``wrong``: anything else, an answer of the wrong length included.

k is 0 unless given, and excuses k LSB and no more: a run does not pass with a tie whose error is
larger. An LSB is one step of an integer output; float outputs have none, so k never
excuses them. NaN and infinities are exact only where the reference has the same, with the same
sign. Classes are those of the first output: the index of its largest value, the first of equals.
Tensors have none.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.tensors import TensorLike, byte_count, element_type

FLOAT_TOLERANCE = 1e-5
"""Largest difference of an exact float output, as a share of the sample's largest magnitude."""
_BLOCK_BYTES = 4 << 20


class Verdict(StrEnum):
    """What comparing one answer with the reference says."""

    EXACT = "exact"
    CLOSE = "close"
    TIE = "tie"
    WRONG = "wrong"
    UNSTABLE = "unstable"
    MISSING = "missing"


class Task(StrEnum):
    """Whether outputs name a class or are values to be compared as they are."""

    CLASSIFICATION = "classification"
    TENSOR = "tensor"


_ORDER = tuple(Verdict)
_EXACT, _CLOSE, _TIE, _WRONG, _UNSTABLE, _MISSING = range(len(_ORDER))


@dataclass(frozen=True, slots=True)
class SampleVerdict:
    """One sample's verdict and the figures behind it.

    Attributes:
        verdict: what the comparison says.
        lsb_error: largest difference of an integer output; -1 if nothing could be compared.
        relative_error: largest difference of a float output, as a share of that output's largest
            magnitude in the reference; NaN if nothing could be compared.
        margin: by how much the reference's best class leads the second, in LSB for integer outputs
            and in units of the output for float; NaN without classes or with a single one.
        wanted: the reference's class, -1 without classes.
        got: the board's class, -1 without classes or without an answer.
    """

    verdict: Verdict
    lsb_error: int
    relative_error: float
    margin: float
    wanted: int
    got: int


@dataclass(frozen=True)
class Judgement:
    """The verdicts of a run, as columns of length n; see ``SampleVerdict`` for their meaning.

    Attributes:
        codes: (n,) uint8, the position of each verdict in ``Verdict``.
        lsb_error: (n,) int64.
        relative_error: (n,) float64.
        margin: (n,) float64.
        wanted: (n,) int64.
        got: (n,) int64.
        task: what was compared.
        tolerance_lsb: k as given, None if not given.
    """

    codes: NDArray[np.uint8]
    lsb_error: NDArray[np.int64]
    relative_error: NDArray[np.float64]
    margin: NDArray[np.float64]
    wanted: NDArray[np.int64]
    got: NDArray[np.int64]
    task: Task
    tolerance_lsb: int | None

    def __len__(self) -> int:
        """Return how many samples were judged."""
        return len(self.codes)

    def __getitem__(self, index: int) -> SampleVerdict:
        """Return one sample's verdict."""
        return SampleVerdict(
            _ORDER[self.codes[index]],
            int(self.lsb_error[index]),
            float(self.relative_error[index]),
            float(self.margin[index]),
            int(self.wanted[index]),
            int(self.got[index]),
        )

    def counts(self) -> dict[Verdict, int]:
        """Return how many samples got each verdict, zeros included."""
        found = np.bincount(self.codes, minlength=len(_ORDER))
        return {verdict: int(n) for verdict, n in zip(_ORDER, found, strict=True)}

    def which(self, *verdicts: Verdict) -> NDArray[np.int64]:
        """Return the indices of the samples with one of these verdicts, ascending."""
        return np.flatnonzero(np.isin(self.codes, [_ORDER.index(v) for v in verdicts]))

    def with_unstable(self, samples: Collection[int]) -> Judgement:
        """Return the same, with these answered samples unstable."""
        codes, chosen = self.codes.copy(), np.fromiter(samples, np.int64)
        codes[chosen[codes[chosen] != _MISSING]] = _UNSTABLE
        return replace(self, codes=codes)

    @property
    def failing(self) -> NDArray[np.bool_]:
        """Which samples keep the run from passing, (n,): all but exact ones, or what k excuses."""
        if self.tolerance_lsb is None:
            return np.not_equal(self.codes, _EXACT)
        # That it is a tie says nothing of the board's error, which k must cover as well.
        excessive = (self.codes == _TIE) & (self.lsb_error > self.tolerance_lsb)
        beyond: NDArray[np.bool_] = (self.codes > _TIE) | excessive
        return beyond

    @property
    def passed(self) -> bool:
        """Whether each sample is exact, or close or tie under a k that was given; never if none."""
        return len(self) > 0 and not bool(np.any(self.failing))


def judge(
    outputs: Sequence[TensorLike],
    reference: Sequence[bytes],
    answers: Sequence[bytes | None],
    *,
    task: Task,
    tolerance_lsb: int | None = None,
    unstable: Collection[int] = (),
) -> Judgement:
    """Compare all answers with the reference's.

    Args:
        outputs: the model's outputs, in order.
        reference: n records: all outputs in order, without gaps, little-endian.
        answers: n records of the same form; None where none came.
        task: whether classes matter.
        tolerance_lsb: k, at least 0; None means 0, and that close and tie do not pass.
        unstable: indices of samples whose input gave different answers; see ``find_unstable``.
    """
    if len(reference) != len(answers):
        raise ValueError(f"{len(answers)} answers for {len(reference)} references")
    if tolerance_lsb is not None and tolerance_lsb < 0:
        raise ValueError(f"tolerance of {tolerance_lsb} LSB")
    size = sum(byte_count(tensor) for tensor in outputs)
    step = max(1, _BLOCK_BYTES // size)
    parts = [_no_columns()]
    for start in range(0, len(reference), step):
        block = slice(start, start + step)
        parts.append(_judge_block(outputs, reference[block], answers[block], task, tolerance_lsb))
    codes, *figures = (np.concatenate(column) for column in zip(*parts, strict=True))
    lsb_error, relative_error, margin, wanted, got = figures
    judgement = Judgement(
        codes, lsb_error, relative_error, margin, wanted, got, task, tolerance_lsb=tolerance_lsb
    )
    return judgement.with_unstable(unstable)


def find_unstable(inputs: Iterable[Hashable], answers: Iterable[bytes | None]) -> set[int]:
    """Return the positions of all answers whose input also gave a different answer.

    Inputs may be the samples' bytes or anything that is equal when they are; missing answers differ
    from none.
    """
    given: dict[Hashable, dict[bytes, list[int]]] = {}
    for position, (key, answer) in enumerate(zip(inputs, answers, strict=True)):
        if answer is not None:
            given.setdefault(key, {}).setdefault(answer, []).append(position)
    mixed = (positions for positions in given.values() if len(positions) > 1)
    return {position for kinds in mixed for same in kinds.values() for position in same}


_Columns = tuple[NDArray[Any], ...]


def _no_columns() -> _Columns:
    whole, real = np.empty(0, np.int64), np.empty(0, np.float64)
    return np.empty(0, np.uint8), whole, real, real, whole, whole


def _judge_block(
    outputs: Sequence[TensorLike],
    reference: Sequence[bytes],
    answers: Sequence[bytes | None],
    task: Task,
    tolerance_lsb: int | None,
) -> _Columns:
    """Return the columns of ``Judgement`` for some samples."""
    size = sum(byte_count(tensor) for tensor in outputs)
    usable = np.array([a is not None and len(a) == size for a in answers])
    missing = np.array([a is None for a in answers])
    filler = bytes(size)
    wanted = _rows(list(reference), size)
    got = _rows([a if a is not None and len(a) == size else filler for a in answers], size)
    k = tolerance_lsb or 0
    match = _compare(outputs, wanted, got, k)
    classes = _classes(outputs, wanted, got, task)
    same_class = classes.wanted == classes.got
    first_is_integer = element_type(outputs[0]).kind != "f"
    tie = ~same_class & match.others_close & (classes.margin <= k) & first_is_integer
    codes = np.select(
        [missing, ~usable, match.exact, same_class & match.close, tie],
        [_MISSING, _WRONG, _EXACT, _CLOSE, _TIE],
        _WRONG,
    ).astype(np.uint8)
    return (
        codes,
        np.where(usable, match.lsb_error, -1),
        np.where(usable, match.relative_error, np.nan),
        classes.margin,
        classes.wanted,
        np.where(usable, classes.got, -1),
    )


def _rows(records: list[bytes], size: int) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(records), np.uint8).reshape(len(records), size)


@dataclass
class _Match:
    """How well some samples match, over all outputs together."""

    exact: NDArray[np.bool_]
    close: NDArray[np.bool_]
    others_close: NDArray[np.bool_]
    lsb_error: NDArray[np.int64]
    relative_error: NDArray[np.float64]


def _compare(
    outputs: Sequence[TensorLike], wanted: NDArray[np.uint8], got: NDArray[np.uint8], k: int
) -> _Match:
    n = len(wanted)
    yes = np.ones(n, np.bool_)
    match = _Match(yes, yes, yes, np.zeros(n, np.int64), np.zeros(n))
    offset = 0
    for position, tensor in enumerate(outputs):
        pair = _columns_of(tensor, offset, wanted), _columns_of(tensor, offset, got)
        if element_type(tensor).kind == "f":
            exact, error = _float_errors(*pair)
            close = exact
            match.relative_error = np.maximum(match.relative_error, error)
        else:
            distance = _integer_errors(*pair)
            exact, close = distance == 0, distance <= k
            match.lsb_error = np.maximum(match.lsb_error, distance)
        match.exact = match.exact & exact
        match.close = match.close & close
        if position:
            match.others_close = match.others_close & close
        offset += byte_count(tensor)
    return match


def _columns_of(tensor: TensorLike, offset: int, rows: NDArray[np.uint8]) -> NDArray[Any]:
    """Return one output of all samples, (n, values)."""
    part = np.ascontiguousarray(rows[:, offset : offset + byte_count(tensor)])
    dtype = element_type(tensor)
    return part.view(np.uint8 if dtype.kind == "b" else dtype)


def _integer_errors(wanted: NDArray[Any], got: NDArray[Any]) -> NDArray[np.int64]:
    """Return each sample's largest difference, (n,); beyond 2^63 - 1 it stays there."""
    if wanted.dtype.itemsize < 8:
        signed = wanted.astype(np.int64) - got.astype(np.int64)
        small: NDArray[np.int64] = np.abs(signed).max(axis=1)
        return small
    high, low = np.maximum(wanted, got), np.minimum(wanted, got)
    difference = high.astype(np.uint64) - low.astype(np.uint64)
    most = np.uint64(np.iinfo(np.int64).max)
    errors: NDArray[np.int64] = np.minimum(difference, most).astype(np.int64).max(axis=1)
    return errors


def _float_errors(
    wanted: NDArray[Any], got: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return for each sample whether it is exact, (n,), and its relative error, (n,).

    The error is 0 where all values are equal, infinite where NaN or infinity stand in one of the
    two only, or where the reference is all zero and the board is not.
    """
    a = wanted.astype(np.float64)
    largest = np.where(np.isfinite(a), np.abs(a), 0.0).max(axis=1)
    worst = float_distance(wanted, got).max(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return worst <= FLOAT_TOLERANCE * largest, np.where(worst == 0, 0.0, worst / largest)


def float_distance(wanted: NDArray[Any], got: NDArray[Any]) -> NDArray[np.float64]:
    """Return how far each value is from the one wanted, in the shape of both.

    It is 0 where both are NaN or the same infinity, else infinite where one of them is not finite.
    """
    a, b = wanted.astype(np.float64), got.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        distance = np.where(same, 0.0, np.abs(a - b))
    distance[~same & ~(np.isfinite(a) & np.isfinite(b))] = np.inf
    return distance


@dataclass
class _Classes:
    """Classes of the first output, -1 and NaN where the task has none."""

    wanted: NDArray[np.int64]
    got: NDArray[np.int64]
    margin: NDArray[np.float64]


def _classes(
    outputs: Sequence[TensorLike], wanted: NDArray[np.uint8], got: NDArray[np.uint8], task: Task
) -> _Classes:
    if task is Task.TENSOR:
        none = np.full(len(wanted), -1, np.int64)
        return _Classes(none, none, np.full(len(wanted), np.nan))
    expected, answered = (_columns_of(outputs[0], 0, rows) for rows in (wanted, got))
    return _Classes(expected.argmax(axis=1), answered.argmax(axis=1), _margins(expected))


def _margins(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return by how much each row's largest value leads its second, (n,); NaN for single values."""
    if values.shape[1] < 2:
        return np.full(len(values), np.nan)
    ordered = np.partition(values, -2, axis=1)
    with np.errstate(invalid="ignore"):
        return ordered[:, -1].astype(np.float64) - ordered[:, -2].astype(np.float64)
