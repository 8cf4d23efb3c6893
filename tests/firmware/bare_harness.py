"""Proves kernels against LiteRT on a simulated AVR: as many models in a program as RAM can hold."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from bare import PROGRAMS, ROOT, Chip
from nn_harness import Arrays, Case, Draw, Harness, draw_case, model_sources, split_answers

ARENAS_BYTES = 6000
"""All models of a program lie in RAM side by side; 2 KiB are for the stack and the tables."""

FLASH_BYTES = 160_000
"""Constants of all models of a program; the rest is for kernels."""

SAMPLES = 2


class BareHarness(Harness):
    """Runs batches of models on ``chip``."""

    def __init__(self, chip: Chip) -> None:
        super().__init__(chip.folder)
        self.chip = chip

    def prove_draws(self, draws: Sequence[Draw], rounds: int) -> None:
        """Assert that models drawn by all ``draws``, ``rounds`` times each, answer as LiteRT does.

        Models that are too large for the chip are passed over; most are not.
        """
        seeds = range(rounds * len(draws))
        drawn = [draw_case(draws[seed % len(draws)], seed, SAMPLES) for seed in seeds]
        fitting = [case for case in drawn if case.generated.arena_bytes <= ARENAS_BYTES]
        assert 2 * len(fitting) > len(drawn)
        for batch in batches(fitting):
            self.prove_cases(batch)

    def run(self, cases: Sequence[Case]) -> list[list[Arrays]]:
        """Return the models' outputs for every input of every case."""
        ran = self.chip.run(self._build(cases, self._next_folder()), b"".join(_requests(cases)))
        return split_answers(cases, ran.output)

    def _build(self, cases: Sequence[Case], folder: Path) -> Path:
        folder.mkdir(parents=True)
        sources = model_sources(cases, folder)
        crc = ROOT / "firmware/lib/wire/src/tp_crc32.c"
        objects = self.chip.compile(
            [*sources, PROGRAMS / "cases.c", crc], f"{folder.name}/objects", f"-I{folder}"
        )
        return self.chip.link(objects, f"{folder.name}/program")


def batches(cases: Sequence[Case]) -> Iterator[list[Case]]:
    """Yield ``cases`` in batches that fit one program."""
    batch: list[Case] = []
    for case in cases:
        whole = [*batch, case]
        arenas = sum(item.generated.arena_bytes for item in whole)
        constants = sum(item.generated.weight_bytes + 400 for item in whole)
        if batch and (arenas > ARENAS_BYTES or constants > FLASH_BYTES):
            yield batch
            whole = [case]
        batch = whole
    yield batch


def _requests(cases: Sequence[Case]) -> Iterator[bytes]:
    for number, case in enumerate(cases):
        for sample, arrays in enumerate(case.inputs):
            data = b"".join(array.tobytes() for array in arrays)
            yield struct.pack("<BB", number + 1, (0xA5 + 31 * sample) & 0xFF) + 2 * data
    yield b"\0"
