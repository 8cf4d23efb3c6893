"""Helpers that tests of every folder share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def require_tool(name: str) -> str:
    """Return a system tool's path; without it skip, or fail if TINYPROOF_REQUIRE_TOOLS is set."""
    path = shutil.which(name)
    if path is None:
        if os.environ.get("TINYPROOF_REQUIRE_TOOLS"):
            pytest.fail(f"{name} is not installed; .ci/packages.txt names its package.")
        pytest.skip(f"{name} is not installed")
    return path


def require_file(path: Path) -> Path:
    """Return ``path`` of a system package; without it skip or fail as ``require_tool`` does."""
    if not path.exists():
        if os.environ.get("TINYPROOF_REQUIRE_TOOLS"):
            pytest.fail(f"{path} is missing; .ci/packages.txt names its package.")
        pytest.skip(f"{path} is not installed")
    return path
