"""PlatformIO script of lib/nn: a file in src/MACHINE takes the place of its namesake in src.

MACHINE is the first part of what ``gcc -dumpmachine`` says: ``avr``, ``arm``, ``x86_64``. Files
there that have no namesake are added. Other folders of src are left out.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

Import("env")  # type: ignore[name-defined]  # noqa: F821  SCons gives scripts their names this way.
env: Any = env  # type: ignore[name-defined]  # noqa: F821


def machine() -> str:
    """Return the processor's family, as the compiler names it."""
    command = [env.subst("$CC"), "-dumpmachine"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=env["ENV"], timeout=60
    )
    return done.stdout.partition("-")[0].strip()


def selection(faster: Path) -> list[str]:
    """Return PlatformIO's filter of sources: the portable ones, but for the namesakes."""
    names = sorted(path.stem for path in faster.glob("*.[cS]"))
    return ["-<*>", "+<*.c>", *(f"-<{name}.c>" for name in names), f"+<{faster.name}/*.[cS]>"]


env.Replace(SRC_FILTER=selection(Path("src") / machine()))
