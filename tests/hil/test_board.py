"""What every board must show, whatever its target and model: see the options --tp-*.

Without options the digits model is proved on ``native``.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

import numpy as np
import pytest

from tinyproof.budgets import Verified
from tinyproof.device import Answer
from tinyproof.harness import Board
from tinyproof.samples import PreparedSamples
from tinyproof.stats import accuracy, latency
from tinyproof.subject import Subject
from tinyproof.verdict import Judgement, Task, Verdict

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


@pytest.fixture(scope="module")
def judgement(tp_device: Board, tp_samples: PreparedSamples) -> Verified:
    """The verdicts on all samples, streamed once."""
    return tp_device.verify(tp_samples, task=Task.CLASSIFICATION)


def test_the_board_runs_the_model_that_was_asked_for(tp_device: Board, tp_model: Subject) -> None:
    said = tp_device.device.hello()
    assert said.model.model_sha256 == hashlib.sha256(tp_model.model).digest()
    assert said.build_id == tp_device.firmware.build.id
    assert said.weights_crc32 == tp_device.firmware.generated.weights_crc32
    assert said.target == tp_device.firmware.target.name


def test_every_output_agrees_with_the_reference(
    tp_device: Board, tp_samples: PreparedSamples
) -> None:
    found = tp_device.verify(tp_samples)
    assert len(found)
    assert not found.failing.any(), found


def test_every_prediction_agrees_with_the_references(judgement: Judgement) -> None:
    differing = np.flatnonzero(judgement.got != judgement.wanted)
    # Ties are only excused by a tolerance that was asked for.
    excused = () if judgement.tolerance_lsb is None else judgement.which(Verdict.TIE)
    assert set(differing) <= set(excused)


def test_accuracy_is_the_references_accuracy(
    judgement: Judgement, tp_samples: PreparedSamples
) -> None:
    # Without labels the reference's own classes serve: the board has to reach 100 %.
    labels = judgement.wanted if tp_samples.labels is None else tp_samples.labels
    ties = len(judgement.which(Verdict.TIE)) if judgement.tolerance_lsb is not None else 0
    lost = abs(accuracy(labels, judgement.got) - accuracy(labels, judgement.wanted))
    assert lost <= ties / len(labels)


def test_one_at_a_time_gives_the_streams_answers(tp_device: Board, few: list[bytes]) -> None:
    alone = [tp_device.device.infer(sample).output for sample in few[:10]]
    assert outputs(tp_device, few)[:10] == alone


def test_the_same_sample_always_gives_the_same_answer(tp_device: Board, few: list[bytes]) -> None:
    assert len(set(outputs(tp_device, [few[0]] * REPEATS))) == 1


def test_the_order_of_samples_does_not_matter(tp_device: Board, few: list[bytes]) -> None:
    order = list(range(len(few)))
    random.Random(1).shuffle(order)
    straight = outputs(tp_device, few)
    shuffled = outputs(tp_device, [few[i] for i in order])
    assert shuffled == [straight[i] for i in order]


def test_a_restart_changes_no_answer(tp_device: Board, few: list[bytes]) -> None:
    before = outputs(tp_device, few)
    tp_device.device.reset()
    assert outputs(tp_device, few) == before


@pytest.mark.parametrize("pattern", [0x00, 0xA5, 0xC5, 0xFF])
def test_poisoned_arena_and_stack_change_no_answer(
    tp_device: Board, few: list[bytes], pattern: int
) -> None:
    clean = outputs(tp_device, few)
    tp_device.device.poison(True, pattern, stack=True)
    try:
        mark = tp_device.device.status().stack_used
        assert outputs(tp_device, few) == clean
        assert tp_device.device.status().stack_used >= mark, "the high-water mark never falls"
    finally:
        tp_device.device.poison(False)


def test_the_last_layers_trace_is_the_output(tp_device: Board, few: list[bytes]) -> None:
    last = tp_device.hello.model.layers - 1
    traced = tp_device.device.trace(last, few[0])
    assert traced.output == tp_device.device.infer(few[0]).output


def test_every_layer_takes_its_share_of_the_time(tp_device: Board, few: list[bytes]) -> None:
    profile = tp_device.device.profile(few[0])
    assert len(profile.layers) == tp_device.hello.model.layers
    assert 0 < sum(profile.layers) <= profile.ticks


def test_every_budget_is_kept(judgement: Verified) -> None:
    assert judgement.missed == ()


def test_latency_is_measured(tp_device: Board, few: list[bytes]) -> None:
    ticks = [answer.ticks for answer in answers(tp_device, few)]
    figures = latency(np.array(ticks), tp_device.hello.tick_rate)
    assert figures is not None
    assert figures.min > 0
