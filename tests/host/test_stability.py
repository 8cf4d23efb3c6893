"""Repetitions: the same samples again, shuffled, with poisoned memory; and what they find."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from native_cli import DIGITS_RUN, call, report_of
from tinyproof.device import Device
from tinyproof.progress import Step
from tinyproof.project import Project
from tinyproof.simulators.fake import FakeBoard, FakeFirmware, default_model
from tinyproof.stability import Difference, repeat, sentence

SAMPLES = [bytes([number]) * 64 for number in range(30)]


@dataclass
class Fickle:
    """A model that answers ``SAMPLES[7]`` in its own way."""

    board: FakeBoard | None = None
    inferences: int = 0
    last: bytes = b""

    def __call__(self, sample: bytes) -> bytes:
        before, self.last = self.last, sample
        self.inferences += 1
        right = default_model(sample)
        return right if sample != SAMPLES[7] or self.is_right(before) else right[:4] + bytes(6)

    def is_right(self, before: bytes) -> bool:
        return True


class AfterOthers(Fickle):
    """Depends on the sample before."""

    def is_right(self, before: bytes) -> bool:
        return before == SAMPLES[6]


class OfItsAge(Fickle):
    """Changes with time."""

    def is_right(self, before: bytes) -> bool:
        return self.inferences <= 30


class OfDirtyMemory(Fickle):
    """Reads memory that it did not write."""

    def is_right(self, before: bytes) -> bool:
        assert self.board is not None
        return self.board.firmware.poison != bytes([3, 0xA5])


def differences(model: Fickle, times: int) -> list[Difference]:
    board: Any = FakeBoard(FakeFirmware(model=model))
    model.board = board
    device = Device(board)
    device.hello()
    answers = [answer.output for answer in device.stream(SAMPLES)]
    stand_in: Any = SimpleNamespace(device=device, stream=device.stream)
    found = repeat(stand_in, SAMPLES, answers, times, Step())
    assert board.firmware.poison[:1] == b"\0"
    return found


@pytest.mark.parametrize(
    ("model", "times", "when"),
    [
        (OfItsAge, 1, "repeated"),
        (AfterOthers, 2, "in shuffled order"),
        (OfDirtyMemory, 4, "with arena and stack full of 0xA5"),
    ],
)
def test_each_repetition_finds_what_the_ones_before_do_not(
    model: type[Fickle], times: int, when: str
) -> None:
    assert differences(model(), times - 1) == []
    (found,) = differences(model(), times)
    assert (found.sample, found.byte, found.first, found.then) == (7, 4, 7, 0)
    assert found.when == when


def test_a_steady_board_has_no_differences() -> None:
    assert differences(Fickle(), 6) == []


def test_the_sentence_names_samples_and_bytes_the_first_few() -> None:
    many = [Difference(number, 2, 255, -1, "repeated") for number in range(7)]
    assert sentence(many[:1]) == "sample 0, byte 2: 0xff, then nothing repeated"
    assert sentence(many).endswith("; and 2 more samples")


def test_a_run_that_is_repeated_passes(project: Project, out: Any) -> None:
    ended = call(*DIGITS_RUN, "--out", out, "--repeat", "5")
    assert ended.code == 0, ended
    assert report_of(out)["verdicts"]["exact"] == 359
