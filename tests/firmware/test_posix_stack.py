"""The POSIX port's stack: its mark equals a canary's, poison and signals leave it as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiling import FIRMWARE, SANITIZERS, WIRE, compile_program, run

PORT = FIRMWARE / "lib" / "port_posix" / "src"
SOURCE = Path(__file__).parent / "posix" / "stack.c"
PAINTED = 65_536
CALL = 64
"""Bytes at most that a call to the C library's thinnest functions takes."""


def answers(compiler: str, folder: Path, *flags: str) -> dict[str, list[list[int]]]:
    """Compile and run the program; return the numbers that it printed, by question."""
    program = folder / "stack"
    options = (*flags, f"-I{PORT}", f"-I{WIRE / 'src'}", "-Wl,-z,now")
    compile_program(compiler, [SOURCE], program, *options)
    found: dict[str, list[list[int]]] = {}
    for line in run(program).splitlines()[1:]:
        name, *numbers = line.split()
        found.setdefault(name, []).append([int(number) for number in numbers])
    return found


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_the_mark_is_the_deepest_byte_that_a_canary_wrote(
    compiler: str, level: str, tmp_path: Path
) -> None:
    found = answers(compiler, tmp_path, level)
    deepest = found["rest"][0][0]
    assert 0 < deepest < 3000
    for canary, mark in found["spend"]:
        deepest = max(deepest, canary)
        assert mark == deepest, "and no later call is as deep"
    for poisoned, mark in found["poison"]:
        assert mark == deepest
        assert poisoned > PAINTED - 2000, "all that is free, used before or not"
    ((canary, mark),) = found["signal"]
    assert canary > deepest
    assert canary <= mark <= canary + CALL, "the kernel's frame lies elsewhere"
    assert found["beyond"] == [[0]], "deeper than the paint is not known"


def test_sanitizers_frames_have_no_mark(tmp_path: Path) -> None:
    found = answers("gcc", tmp_path, *SANITIZERS)
    assert found["rest"] == [[0]]
