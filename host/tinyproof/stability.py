"""Streams samples that were answered once more: an answer that changes is unstable.

The first repetition keeps the order, the second shuffles it, the following ones shuffle it and
poison arena and stack, each with another pattern; then they begin anew.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tinyproof.harness import Board
from tinyproof.progress import Step
from tinyproof.text import count

PATTERNS = (0x00, 0xA5, 0xFF)
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """An answer that was another one the next time.

    Attributes:
        sample: its index.
        byte: the first byte that differs, from 0.
        first: its value in the first answer; -1 if that answer was shorter.
        then: its value in the other one; -1 if that answer was shorter.
        when: what was done differently, a few words.
    """

    sample: int
    byte: int
    first: int
    then: int
    when: str


def repeat(
    board: Board,
    samples: Sequence[bytes],
    answers: Sequence[bytes | None],
    times: int,
    step: Step,
) -> list[Difference]:
    """Stream the samples ``times`` more times; return the first difference of each that has one.

    Raises:
        TinyProofError: see ``Device.stream``.
    """
    changes = Changes(answers)
    try:
        for number in range(times):
            when, order = _prepare(board, number), _order(len(samples), number)
            step.update(number, times, when)
            for answer in board.stream(samples[index] for index in order):
                changes.note(order[answer.index], answer.output, when)
    finally:
        if times > 2:
            board.device.poison(False)
    return changes.found


class Changes:
    """Collects what differs from the answers that were given first."""

    def __init__(self, answers: Sequence[bytes | None]) -> None:
        """Begin with the first answers; None where none came."""
        self._answers = answers
        self._found: dict[int, Difference] = {}

    def note(self, sample: int, output: bytes, when: str) -> None:
        """Take one more answer to a sample, empty for an error; ``when`` are a few words."""
        first = self._answers[sample]
        if first is not None and output != first and sample not in self._found:
            self._found[sample] = _difference(sample, first, output, when)

    @property
    def found(self) -> list[Difference]:
        """The first difference of each sample that has one, by sample."""
        return [self._found[sample] for sample in sorted(self._found)]


def _prepare(board: Board, number: int) -> str:
    """Do what makes this repetition a special one, and return words for it."""
    kind = number % (2 + len(PATTERNS))
    if kind < 2:
        board.device.poison(False)
        return ("repeated", "in shuffled order")[kind]
    board.device.poison(True, PATTERNS[kind - 2], stack=True)
    return f"with arena and stack full of 0x{PATTERNS[kind - 2]:02X}"


def _order(total: int, number: int) -> list[int]:
    order = list(range(total))
    if number:
        random.Random(number).shuffle(order)  # noqa: S311 - reproducible, not secret
    return order


def _difference(sample: int, first: bytes, then: bytes, when: str) -> Difference:
    pairs = enumerate(zip(first, then, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(first), len(then)))
    return Difference(sample, at, _byte(first, at), _byte(then, at), when)


def _byte(data: bytes, at: int) -> int:
    return data[at] if at < len(data) else -1


def sentence(differences: Sequence[Difference]) -> str:
    """Return the samples and bytes that changed, the first few of them."""
    shown = [
        f"sample {d.sample}, byte {d.byte}: {_shown(d.first)}, then {_shown(d.then)} {d.when}"
        for d in differences[:_SHOWN]
    ]
    more = len(differences) - len(shown)
    return "; ".join(shown) + (f"; and {count(more, 'more sample')}" if more else "")


def _shown(byte: int) -> str:
    return f"0x{byte:02x}" if byte >= 0 else "nothing"
