"""lib/port_arduino's painted stack: marks that are right, and that poison leaves as they are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from compiling import FIRMWARE

from tools import require_tool

PORT = FIRMWARE / "lib" / "port_arduino" / "src"
PROGRAM = """
#include "tp_stack.h"
#include <cstdio>
#include <cstring>

static __attribute__((noinline)) int spend(unsigned bytes) {
    volatile uint8_t *frame = static_cast<uint8_t *>(__builtin_alloca(bytes));
    for (unsigned i = 0; i < bytes; i++) frame[i] = 1;
    return frame[bytes / 2];
}

static __attribute__((noinline)) unsigned count(const tp_stack_t *stack, uint8_t pattern) {
    unsigned found = 0;
    for (const uint8_t *byte = stack->low; byte < stack->high; byte++) found += *byte == pattern;
    return found;
}

int main() {
    uint8_t *here = static_cast<uint8_t *>(__builtin_frame_address(0));
    const tp_stack_t stack = {here - 65536, here};
    std::printf(" "); /* what the C library needs at first is behind us */
    tp_stack_paint(&stack);
    const unsigned quiet = tp_stack_used(&stack);
    spend(10000);
    const unsigned spent = tp_stack_used(&stack);
    spend(5000);
    const unsigned same = tp_stack_used(&stack);
    tp_stack_poison(&stack, 0x5A);
    const unsigned poisoned = count(&stack, 0x5A);
    const unsigned after = tp_stack_used(&stack);
    tp_stack_poison(&stack, TP_STACK_PAINT);
    const unsigned painted = tp_stack_used(&stack);
    std::printf("%u %u %u %u %u %u %u\\n", quiet, spent, same, poisoned, after, painted,
                tp_stack_unused(&stack));
    return 0;
}
"""


@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_the_mark_is_the_deepest_byte_and_poison_leaves_it(level: str, tmp_path: Path) -> None:
    source = tmp_path / "main.cpp"
    source.write_text(PROGRAM)
    program = tmp_path / "program"
    command = [require_tool("g++"), level, "-Wall", "-Wextra", "-Werror", f"-I{PORT}"]
    command += [str(source), str(PORT / "painted_stack.cpp"), "-o", str(program)]
    subprocess.run(command, check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=True)
    quiet, spent, same, poisoned, after, painted, unused = map(int, done.stdout.split())
    assert quiet < 2000
    assert 10000 <= spent < 10000 + 2000
    assert same == spent, "a shallower call leaves the mark"
    assert spent - 2000 < poisoned < spent, "all that is free above the mark"
    assert after == spent
    assert painted == spent, "even where the pattern is the paint"
    assert unused == 65536 - spent
