"""What every board must show, whatever the target: run with --tp-target and --tp-port.

Without options the digits model is proved on ``native``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from tinyproof.device import Answer
from tinyproof.harness import Board
from tinyproof.samples import PreparedSamples
from tinyproof.stats import accuracy, latency
from tinyproof.subject import Subject

REPEATS = 20


def answers(board: Board, samples: Sequence[bytes]) -> list[Answer]:
    """Stream ``samples`` and return the answers, all of which must be there."""
    given = list(board.stream(samples))
    assert [answer.index for answer in given] == list(range(len(samples)))
    assert not [answer.error for answer in given if answer.error]
    return given


def outputs(board: Board, samples: Sequence[bytes]) -> list[bytes]:
    return [answer.output for answer in answers(board, samples)]


@pytest.fixture(scope="module")
def few(tp_samples: PreparedSamples) -> list[bytes]:
    """Forty samples: enough to differ, few enough for a slow board."""
    chosen: list[bytes] = tp_samples[:40]
    return chosen


def test_the_board_runs_the_model_that_was_asked_for(tp_device: Board, tp_model: Subject) -> None:
    import hashlib

    assert tp_device.hello.model.model_sha256 == hashlib.sha256(tp_model.model).digest()
    assert tp_device.hello.build_id == tp_device.firmware.build.id


def test_every_output_agrees_with_the_reference(
    tp_device: Board, tp_samples: PreparedSamples
) -> None:
    judgement = tp_device.verify(tp_samples)
    assert judgement.passed, judgement.counts()


def test_accuracy_is_the_references_accuracy(tp_device: Board, tp_samples: PreparedSamples) -> None:
    if tp_samples.labels is None:
        pytest.fail("These tests need labels: give --tp-samples a file with y.")
    judgement = tp_device.verify(tp_samples)
    labels = tp_samples.labels
    assert accuracy(labels, judgement.got) == accuracy(labels, judgement.wanted)


def test_the_same_sample_always_gives_the_same_answer(tp_device: Board, few: list[bytes]) -> None:
    assert len(set(outputs(tp_device, [few[0]] * REPEATS))) == 1


def test_the_order_of_samples_does_not_matter(tp_device: Board, few: list[bytes]) -> None:
    order = list(range(len(few)))
    random.Random(1).shuffle(order)
    straight = outputs(tp_device, few)
    shuffled = outputs(tp_device, [few[i] for i in order])
    assert shuffled == [straight[i] for i in order]


@pytest.mark.parametrize("pattern", [0x00, 0xA5, 0xFF])
def test_a_poisoned_arena_changes_no_answer(
    tp_device: Board, few: list[bytes], pattern: int
) -> None:
    clean = outputs(tp_device, few)
    tp_device.device.poison(True, pattern)
    try:
        assert outputs(tp_device, few) == clean
    finally:
        tp_device.device.poison(False)


def test_the_last_layers_trace_is_the_output(tp_device: Board, few: list[bytes]) -> None:
    last = tp_device.hello.model.layers - 1
    traced = tp_device.device.trace(last, few[0])
    assert traced.output == tp_device.device.infer(few[0]).output


def test_the_layers_ticks_add_up_to_at_most_the_whole(tp_device: Board, few: list[bytes]) -> None:
    profile = tp_device.device.profile(few[0])
    assert len(profile.layers) == tp_device.hello.model.layers
    assert 0 < sum(profile.layers) <= profile.ticks


def test_latency_is_measured_and_within_the_budget(
    tp_device: Board, few: list[bytes], tp_max_latency_us: float | None
) -> None:
    ticks = [answer.ticks for answer in answers(tp_device, few)]
    figures = latency(np.array(ticks), tp_device.hello.tick_rate)
    assert figures is not None
    assert figures.min > 0
    if tp_max_latency_us is not None:
        assert figures.p99 <= tp_max_latency_us
