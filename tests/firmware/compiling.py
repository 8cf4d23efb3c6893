"""Compiles the firmware's C code for the host's tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tools import require_tool

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
WIRE = FIRMWARE / "lib" / "wire"
WIRE_SOURCES = sorted((WIRE / "src").glob("*.c"))
WIRE_TESTS = ROOT / "tests" / "firmware" / "wire"
FAKES = [WIRE_TESTS / name for name in ("fake_port.c", "fake_engine.c")]
PEER = [WIRE_TESTS / name for name in ("peer.c", "conversation.c")]

WARNINGS = ("-std=gnu11", "-Wall", "-Wextra", "-Wconversion", "-Werror")
SANITIZERS = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
INCLUDES = tuple(f"-I{folder}" for folder in (FIRMWARE / "include", WIRE / "include", WIRE_TESTS))


def compile_program(compiler: str, sources: list[Path], program: Path, *flags: str) -> Path:
    """Compile and link ``sources`` with warnings as errors; return ``program``."""
    command = [require_tool(compiler), *WARNINGS, *flags, *INCLUDES, *map(str, sources)]
    done = subprocess.run([*command, "-o", str(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return program


def run(program: Path, *arguments: str, seconds: float = 60) -> str:
    """Run a test program to its end; return what it printed."""
    done = subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
