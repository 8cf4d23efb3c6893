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
    found: dict[int, Difference] = {}
    try:
        for number in range(times):
            when = _prepare(board, number)
            step.update(number, times, when)
            _compare(board, samples, answers, _order(len(samples), number), when, found)
    finally:
        if times > 2:
            board.device.poison(False)
    return [found[sample] for sample in sorted(found)]


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


def _compare(
    board: Board,
    samples: Sequence[bytes],
    answers: Sequence[bytes | None],
    order: list[int],
    when: str,
    found: dict[int, Difference],
) -> None:
    for answer in board.stream(samples[index] for index in order):
        sample = order[answer.index]
        first = answers[sample]
        if first is not None and answer.output != first and sample not in found:
            found[sample] = _difference(sample, first, answer.output, when)


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
