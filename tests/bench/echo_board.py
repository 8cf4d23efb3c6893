"""Builds the real firmware for this machine around an engine that tells its samples apart."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from tinyproof.simulators.fake import describe

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
WIRE = FIRMWARE / "lib" / "wire"
WINDOW = 16384
DESCRIPTOR = replace(describe().model, engine_version="echo", layers=1)


def build(folder: Path, window: int = WINDOW) -> Path:
    """Compile the program into ``folder`` and return its path."""
    program = folder / "echo_board"
    sources = [
        FIRMWARE / "src" / "main.cpp",
        *sorted((FIRMWARE / "lib" / "port_posix" / "src").glob("*.c")),
        *sorted((WIRE / "src").glob("*.c")),
        Path(__file__).with_name("echo_engine.c"),
    ]
    descriptor = ",".join(map(str, DESCRIPTOR.pack()))
    command = [
        shutil.which("gcc") or "gcc",
        *("-O2", "-std=gnu11", "-x", "c"),
        f"-DTP_RX_WINDOW={window}",
        f"-DTEST_DESCRIPTOR={descriptor}",
        f"-I{FIRMWARE / 'include'}",
        f"-I{WIRE / 'include'}",
        *map(str, sources),
        *("-o", str(program)),
    ]
    subprocess.run(command, check=True)
    return program
