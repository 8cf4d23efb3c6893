"""Damages model files in every way that has ever mattered, and sees that each is refused or taken.

The tests run a few thousand mutants; the whole campaign is a command::

    python tests/host/mutate_models.py --count 20000 MODEL.tflite...

It prints one line, and ends with 1 and the mutant's file when reading one does anything but succeed
or raise ModelError, takes more than 10 s, or brings the process beyond 1 GiB.
"""

from __future__ import annotations

import argparse
import resource
import signal
import struct
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from types import FrameType

from tinyproof.codegen import generate
from tinyproof.errors import ModelError

LIMIT_SECONDS = 10
LIMIT_KIB = 1 << 20
WORDS = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
"""Values that counts, offsets and sizes break on."""


def truncate(data: bytearray, random: Random) -> None:
    """Cut the end off."""
    del data[random.randrange(len(data)) :]


def flip_bits(data: bytearray, random: Random) -> None:
    """Flip one to sixteen bits."""
    for _ in range(random.choice([1, 1, 2, 4, 16])):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def change_word(data: bytearray, random: Random) -> None:
    """Put a telling value, or one near the old one, into an aligned word."""
    position = 4 * random.randrange(len(data) // 4)
    (old,) = struct.unpack_from("<I", data, position)
    near = (old + random.choice([-8, -4, -1, 1, 4, 8, 64, len(data)])) & 0xFFFFFFFF
    value = random.choice([*WORDS, len(data), len(data) - 4, random.randrange(1 << 32), near, near])
    struct.pack_into("<I", data, position, value)


def change_short(data: bytearray, random: Random) -> None:
    """Put a telling value into an aligned half-word: the entries of vtables."""
    position = 2 * random.randrange(len(data) // 2)
    struct.pack_into("<H", data, position, random.choice([0, 2, 4, 8, 0x7FFF, 0xFFFF, 12]))


def swap_words(data: bytearray, random: Random) -> None:
    """Exchange two words, so that offsets lead to tables of another kind, or back to themselves."""
    a, b = (4 * random.randrange(len(data) // 4) for _ in range(2))
    data[a : a + 4], data[b : b + 4] = data[b : b + 4], data[a : a + 4]


def move_block(data: bytearray, random: Random) -> None:
    """Copy some bytes over others."""
    size = 4 * random.randrange(1, 16)
    a, b = (random.randrange(max(1, len(data) - size)) for _ in range(2))
    data[a : a + size] = data[b : b + size]


def resize(data: bytearray, random: Random) -> None:
    """Insert or remove a few bytes, so that everything behind them moves."""
    position = random.randrange(len(data))
    if random.random() < 0.5:
        data[position:position] = random.randbytes(random.randrange(1, 9))
    else:
        del data[position : position + random.randrange(1, 9)]


MUTATIONS: Sequence[Callable[[bytearray, Random], None]] = (
    *(truncate, flip_bits, flip_bits, change_word, change_word, change_word),
    *(change_short, change_short, swap_words, move_block, resize),
)


def mutate(model: bytes, seed: int) -> bytes:
    """Return ``model`` with one to three mutations; the same seed always makes the same."""
    random = Random(seed)
    data = bytearray(model)
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        if len(data) >= 8:
            random.choice(MUTATIONS)(data, random)
    return bytes(data)


def outcome(model: bytes) -> str:
    """Return ``taken`` or the class of the error that refused the model; others pass through."""
    try:
        generate(model)
    except ModelError as error:
        return type(error).__name__
    return "taken"


def _too_slow(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"reading took more than {LIMIT_SECONDS} s")


def campaign(models: Sequence[bytes], count: int, first: int = 0) -> tuple[Counter[str], int]:
    """Return the outcomes of ``count`` mutants, and the seed of the first bad one, -1 if none."""
    signal.signal(signal.SIGALRM, _too_slow)
    outcomes: Counter[str] = Counter()
    for seed in range(first, first + count):
        signal.alarm(LIMIT_SECONDS)
        try:
            outcomes[outcome(mutate(models[seed % len(models)], seed))] += 1
        except Exception:  # anything at all is what the campaign looks for
            traceback.print_exc()
            return outcomes, seed
        finally:
            signal.alarm(0)
        if peak_kib() > LIMIT_KIB:
            return outcomes, seed
    return outcomes, -1


def peak_kib() -> int:
    """Return the most memory that this process ever held, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> int:
    """Run the campaign over the files given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first mutant")
    parser.add_argument("models", nargs="+", type=Path)
    arguments = parser.parse_args()
    models = [path.read_bytes() for path in arguments.models]
    outcomes, bad = campaign(models, arguments.count, arguments.first)
    print(f"{sum(outcomes.values())} mutants: {dict(outcomes)}, peak {peak_kib() // 1024} MiB")
    if bad < 0:
        return 0
    Path("bad-mutant.tflite").write_bytes(mutate(models[bad % len(models)], bad))
    print(f"seed {bad} is bad: bad-mutant.tflite")
    return 1


if __name__ == "__main__":
    sys.exit(main())
