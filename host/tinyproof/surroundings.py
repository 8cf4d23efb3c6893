"""What a report says about where it was made: tool versions and the user's git commit."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

_PACKAGES = ("tinyproof", "ai-edge-litert", "numpy", "platformio")


@dataclass(frozen=True)
class Commit:
    """The commit a folder is at, in hexadecimal, and whether tracked files differ from it."""

    commit: str
    dirty: bool


def versions() -> dict[str, str]:
    """Return the versions of Python, the system and the packages that matter for a result."""
    found = {"python": platform.python_version(), "system": platform.platform()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def git_commit(folder: Path) -> Commit | None:
    """Return the commit of the checkout around ``folder``; None outside of one, or without git."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return Commit(commit, bool(changed))


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
