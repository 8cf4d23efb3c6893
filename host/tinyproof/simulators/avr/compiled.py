"""Programs compiled once and kept in the user's cache, keyed by everything that went into them."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs

from tinyproof.errors import ToolchainError
from tinyproof.storage import lock, make_folder, storage_errors

TIMEOUT_SECONDS = 120
"""No compilation here takes more than a few seconds."""


def tool(name: str, *, install: str) -> str:
    """Return the path of a program of the system.

    Raises:
        ToolchainError: it is missing; the hint is the ``install`` command.
    """
    path = shutil.which(name)
    if path is None:
        raise ToolchainError(f"The program {name} is missing.", hint=f"Install it: {install}")
    return path


def output_of(command: Sequence[str], *, doing: str, install: str) -> bytes:
    """Run ``command`` and return what it writes on stdout.

    Raises:
        ToolchainError: it cannot be run, or fails; the sentence quotes its first error.
    """
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolchainError(f"{doing} failed: {error}.", hint=f"Install: {install}") from error
    if done.returncode != 0:
        reason = _first_error(done.stderr.decode(errors="replace"))
        raise ToolchainError(
            f"{doing} failed: {reason.rstrip('.')}.", hint=f"Install what is missing: {install}"
        )
    return done.stdout


def _first_error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error|cannot find|undefined", line)]
    return (errors or lines or ["it says nothing"])[0]


def digest(*parts: bytes | str) -> str:
    """Return a key of 16 hex digits for everything that decides a result."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "little") + data)
    return total.hexdigest()[:16]


def cached(name: str, key: str, make: Callable[[Path], None]) -> Path:
    """Return the cache's file ``name``, made by ``make(draft)`` if there is none for ``key`` yet.

    Only one process makes it, the others wait; it appears whole or not at all.

    Raises:
        StorageError: the cache is not writable.
        ToolchainError: whatever ``make`` raises.
    """
    folder = platformdirs.user_cache_path("tinyproof") / "simulators" / f"avr-{key}"
    path = folder / name
    if path.is_file():
        return path
    with lock(folder.with_suffix(".lock")):
        if not path.is_file():
            _make(path, make)
    return path


def _make(path: Path, make: Callable[[Path], None]) -> None:
    make_folder(path.parent)
    with storage_errors(path), tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        draft = Path(scratch) / path.name
        make(draft)
        draft.replace(path)
