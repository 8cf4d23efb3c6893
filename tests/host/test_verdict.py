"""The verdict rules: by example, by property, and against a slow textbook version."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyproof.tensors import TensorDescription
from tinyproof.verdict import (
    Judgement,
    SampleVerdict,
    Task,
    Verdict,
    find_unstable,
    judge,
)

CLASSES, TENSOR = Task.CLASSIFICATION, Task.TENSOR


def output(dtype: Any, values: int) -> TensorDescription:
    return TensorDescription("out", np.dtype(dtype), (1, values), 0.1, 0)


def judge_one(
    outputs: list[TensorDescription],
    wanted: bytes,
    got: bytes,
    task: Task,
    tolerance_lsb: int | None = None,
) -> SampleVerdict:
    return judge(outputs, [wanted], [got], task=task, tolerance_lsb=tolerance_lsb)[0]


def one(
    wanted: list[float], got: list[float], dtype: Any = np.int8, task: Task = CLASSES, **k: Any
) -> SampleVerdict:
    a, b = (
        np.array(values, np.dtype(dtype).newbyteorder("<")).tobytes() for values in (wanted, got)
    )
    return judge_one([output(dtype, len(wanted))], a, b, task=task, **k)


# By example: integers


@pytest.mark.parametrize(
    ("wanted", "got", "k", "verdict"),
    [
        ([10, 5, 0], [10, 5, 0], None, Verdict.EXACT),
        ([10, 5, 0], [10, 5, 1], None, Verdict.WRONG),
        ([10, 5, 0], [10, 5, 1], 0, Verdict.WRONG),
        ([10, 5, 0], [10, 5, 1], 1, Verdict.CLOSE),
        ([10, 5, 0], [10, 5, 2], 1, Verdict.WRONG),
        ([10, 9, 0], [9, 10, 0], 1, Verdict.TIE),
        ([10, 8, 0], [8, 10, 0], 1, Verdict.WRONG),
        ([10, 8, 0], [8, 10, 0], 2, Verdict.TIE),
        ([10, 10, 0], [9, 10, 0], None, Verdict.TIE),
        ([10, 5, 0], [5, 10, 0], 4, Verdict.WRONG),
        ([127, -128], [-128, 127], 254, Verdict.WRONG),
        ([127, -128], [-128, 127], 255, Verdict.TIE),
    ],
)
def test_a_classification_is_judged(
    wanted: list[float], got: list[float], k: int | None, verdict: Verdict
) -> None:
    assert one(wanted, got, tolerance_lsb=k).verdict is verdict


@pytest.mark.parametrize(
    ("got", "k", "verdict"),
    [
        ([10, 9], 0, Verdict.EXACT),
        ([9, 10], 1, Verdict.CLOSE),
        ([9, 10], None, Verdict.WRONG),
        ([12, 9], 1, Verdict.WRONG),
    ],
)
def test_a_tensor_has_no_class_and_no_tie(
    got: list[float], k: int | None, verdict: Verdict
) -> None:
    found = one([10, 9], got, task=TENSOR, tolerance_lsb=k)
    assert found.verdict is verdict
    assert (found.wanted, found.got) == (-1, -1)
    assert math.isnan(found.margin)


def test_the_figures_behind_a_verdict_are_told() -> None:
    found = one([3, -7, 100], [3, 101, 98])
    assert found == SampleVerdict(Verdict.WRONG, 108, 0.0, 97.0, 2, 1)


def test_the_largest_difference_does_not_overflow() -> None:
    assert one([127], [-128], task=TENSOR).lsb_error == 255
    for name in ("int32", "uint32"):
        limits = np.iinfo(name)
        assert one([limits.max], [limits.min], name, TENSOR).lsb_error == 2**32 - 1
    for name in ("int64", "uint64"):
        limits = np.iinfo(name)
        assert one([limits.max], [limits.min], name, TENSOR).lsb_error == 2**63 - 1
        assert one([limits.max], [limits.max - 3], name, TENSOR).lsb_error == 3
        assert one([5], [9], name, TENSOR).lsb_error == 4


def test_booleans_are_integers_of_one_step() -> None:
    found = judge_one([output(np.bool_, 2)], b"\1\0", b"\1\1", task=TENSOR)
    assert (found.verdict, found.lsb_error) == (Verdict.WRONG, 1)


# By example: float


@pytest.mark.parametrize(
    ("wanted", "got", "verdict"),
    [
        ([100.0, 1.0], [100.0, 1.0009], Verdict.EXACT),
        ([100.0, 1.0], [100.0, 1.0011], Verdict.WRONG),
        ([0.0, 0.0], [0.0, -0.0], Verdict.EXACT),
        ([0.0, 0.0], [1e-30, 0.0], Verdict.WRONG),
        ([math.nan, 1.0], [math.nan, 1.0], Verdict.EXACT),
        ([math.nan, 1.0], [1.0, 1.0], Verdict.WRONG),
        ([1.0, 1.0], [math.nan, 1.0], Verdict.WRONG),
        ([math.nan, 1.0], [1.0, math.nan], Verdict.WRONG),
        ([math.inf, 1.0], [math.inf, 1.0], Verdict.EXACT),
        ([math.inf, 1.0], [-math.inf, 1.0], Verdict.WRONG),
        ([math.inf, 1.0], [math.inf, 1.1], Verdict.WRONG),
        ([1.0, 1.0], [math.inf, 1.0], Verdict.WRONG),
        ([3e38, 0.0], [-3e38, 0.0], Verdict.WRONG),
        ([1e-45, 0.0], [0.0, 0.0], Verdict.WRONG),
    ],
)
def test_a_float_output_is_judged(wanted: list[float], got: list[float], verdict: Verdict) -> None:
    assert one(wanted, got, np.float32).verdict is verdict


def test_no_tolerance_in_lsb_excuses_a_float_output() -> None:
    for task in Task:
        assert one([1.0, 0.999], [0.999, 1.0], np.float32, task, tolerance_lsb=99).verdict is (
            Verdict.WRONG
        )


def test_a_class_may_flip_within_the_float_bound() -> None:
    found = one([1.0, 1.0 - 2e-6], [1.0 - 2e-6, 1.0], np.float32)
    assert (found.verdict, found.wanted, found.got) == (Verdict.EXACT, 0, 1)


# By example: the rest


def test_every_output_counts() -> None:
    outputs = [output(np.int8, 2), output(np.float32, 1), output(np.int8, 1)]

    def packed(scores: list[int], real: float, last: int) -> bytes:
        parts = (scores, np.int8), ([real], np.float32), ([last], np.int8)
        return b"".join(np.array(values, dtype).tobytes() for values, dtype in parts)

    def verdict(*answer: Any, k: int = 1) -> Verdict:
        wanted = packed([5, 4], 1.0, 7)
        return judge_one(outputs, wanted, packed(*answer), task=CLASSES, tolerance_lsb=k).verdict

    assert verdict([5, 4], 1.0, 7) is Verdict.EXACT
    assert verdict([5, 4], 1.0, 8) is Verdict.CLOSE
    assert verdict([5, 4], 1.0, 9) is Verdict.WRONG
    assert verdict([5, 4], 1.1, 7) is Verdict.WRONG
    assert verdict([4, 5], 1.0, 7) is Verdict.TIE
    assert verdict([4, 5], 1.0, 9) is Verdict.WRONG
    assert verdict([4, 5], 1.1, 7) is Verdict.WRONG


@pytest.mark.parametrize("answer", [b"", b"\1", b"\1\2\3"])
def test_an_answer_of_the_wrong_length_is_wrong(answer: bytes) -> None:
    found = judge_one([output(np.int8, 2)], b"\1\2", answer, task=CLASSES, tolerance_lsb=255)
    assert (found.verdict, found.lsb_error, found.got) == (Verdict.WRONG, -1, -1)


def test_missing_and_unstable_outrank_what_was_answered() -> None:
    judgement = judge(
        [output(np.int8, 1)],
        [b"\1"] * 4,
        [b"\1", b"\1", b"\2", None],
        task=TENSOR,
        unstable={1, 2, 3},
    )
    kinds = [judgement[i].verdict for i in range(4)]
    assert kinds == [Verdict.EXACT, Verdict.UNSTABLE, Verdict.UNSTABLE, Verdict.MISSING]
    assert judgement.which(Verdict.UNSTABLE, Verdict.MISSING).tolist() == [1, 2, 3]
    assert judgement.counts()[Verdict.UNSTABLE] == 2


def test_the_same_input_must_give_the_same_answer() -> None:
    inputs = [b"a", b"b", b"a", b"c", b"b", b"c"]
    assert find_unstable(inputs, [b"1", b"2", b"1", b"3", b"9", None]) == {1, 4}
    assert find_unstable(inputs, [b"1", b"2", b"1", b"3", b"2", b"3"]) == set()


def test_lengths_and_tolerances_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="2 answers for 1"):
        judge([output(np.int8, 1)], [b"\1"], [b"\1", b"\1"], task=TENSOR)
    with pytest.raises(ValueError, match="-1 LSB"):
        judge([output(np.int8, 1)], [b"\1"], [b"\1"], task=TENSOR, tolerance_lsb=-1)


# Passing


def judgement_of(*verdicts: Verdict, k: int | None) -> Judgement:
    codes = np.array([list(Verdict).index(v) for v in verdicts], np.uint8)
    n = len(codes)
    zeros, real = np.zeros(n, np.int64), np.zeros(n)
    return Judgement(codes, zeros, real, real, zeros, zeros, CLASSES, k)


def test_a_run_passes_when_exact_or_tolerated_and_never_when_empty() -> None:
    tolerated = {Verdict.EXACT, Verdict.CLOSE, Verdict.TIE}
    assert not judgement_of(k=None).passed
    assert not judgement_of(k=5).passed
    for pair in itertools.product(Verdict, repeat=2):
        assert judgement_of(*pair, k=None).passed is (set(pair) == {Verdict.EXACT})
        assert judgement_of(*pair, k=1).passed is (set(pair) <= tolerated)


# Against a slow textbook version


def textbook(
    wanted: list[float], got: list[float] | None, floating: bool, task: Task, k: int
) -> Verdict:
    """Judge one sample of one output as the design words it."""
    if got is None:
        return Verdict.MISSING
    if floating:
        finite = [abs(w) for w in wanted if math.isfinite(w)]
        bound = 1e-5 * max(finite, default=0.0)
        if all(_same(w, g) or abs(w - g) <= bound for w, g in zip(wanted, got, strict=True)):
            return Verdict.EXACT
        return Verdict.WRONG
    if wanted == got:
        return Verdict.EXACT
    same_class = task is TENSOR or wanted.index(max(wanted)) == got.index(max(got))
    if same_class:
        near = all(abs(w - g) <= k for w, g in zip(wanted, got, strict=True))
        return Verdict.CLOSE if near else Verdict.WRONG
    best, second = sorted(wanted, reverse=True)[:2]
    return Verdict.TIE if best - second <= k else Verdict.WRONG


def _same(w: float, g: float) -> bool:
    return w == g or (math.isnan(w) and math.isnan(g))


SMALL = st.integers(-4, 4)
NEAR_ONE = st.sampled_from([0.0, 1.0, 1.0 + 2**-17, 1.0 + 2**-16, -1.0, math.nan, math.inf, 1e-40])
RUN = st.fixed_dictionaries(
    {"floating": st.booleans(), "task": st.sampled_from(Task), "k": st.integers(0, 3)}
)


@given(RUN, st.integers(1, 5), st.data())
def test_batches_equal_the_textbook(run: dict[str, Any], values: int, data: st.DataObject) -> None:
    element = NEAR_ONE if run["floating"] else SMALL
    row = st.lists(element, min_size=values, max_size=values)
    pairs = data.draw(st.lists(st.tuples(row, st.none() | row), max_size=6))
    dtype = np.dtype("<f4" if run["floating"] else "i1")
    rounded = [(_cast(w, dtype), None if g is None else _cast(g, dtype)) for w, g in pairs]
    judgement = judge(
        [output(dtype, values)],
        [np.array(w, dtype).tobytes() for w, _ in rounded],
        [None if g is None else np.array(g, dtype).tobytes() for _, g in rounded],
        task=run["task"],
        tolerance_lsb=run["k"],
    )
    expected = [textbook(w, g, **run) for w, g in rounded]
    assert [judgement[i].verdict for i in range(len(judgement))] == expected
    assert judgement.counts() == {v: expected.count(v) for v in Verdict}


def _cast(values: list[float], dtype: np.dtype[Any]) -> list[float]:
    cast: list[float] = np.array(values, dtype).tolist()
    return cast


PAIR = st.tuples(*[st.lists(st.integers(-128, 127), min_size=3, max_size=3)] * 2)


@given(PAIR, st.integers(0, 300), st.integers(0, 300))
def test_a_larger_tolerance_never_fails_what_a_smaller_one_passed(
    pair: tuple[list[float], list[float]], k: int, more: int
) -> None:
    order = list(Verdict)
    strict, loose = (one(*pair, tolerance_lsb=t).verdict for t in (k, k + more))
    assert order.index(loose) <= order.index(strict)


@given(PAIR, st.sampled_from(Task))
def test_without_a_tolerance_only_equal_bytes_pass(
    pair: tuple[list[float], list[float]], task: Task
) -> None:
    assert (one(*pair, task=task).verdict is Verdict.EXACT) is (pair[0] == pair[1])


@pytest.mark.parametrize("values", [3, 700_000])
def test_blocks_join_without_a_seam(values: int) -> None:
    rng = np.random.default_rng(5)
    rows = [rng.integers(-9, 9, values, np.int8).tobytes() for _ in range(20)]
    answers: list[bytes | None] = [*rows[:19], None]
    answers[13] = rows[12]
    judgement = judge([output(np.int8, values)], rows, answers, task=TENSOR)
    assert judgement.which(Verdict.WRONG).tolist() == [13]
    assert judgement.which(Verdict.MISSING).tolist() == [19]
    assert len(judgement) == 20


def test_a_tie_passes_only_if_the_error_is_within_the_tolerance_too() -> None:
    tensor = output("i1", 2)
    reference = np.array([10, 9], "i1").tobytes()
    for answer, passed in (([9, 10], True), ([9, 100], False)):
        judgement = judge(
            [tensor],
            [reference],
            [np.array(answer, "i1").tobytes()],
            task=Task.CLASSIFICATION,
            tolerance_lsb=1,
        )
        assert judgement[0].verdict is Verdict.TIE
        assert judgement.passed is passed
