"""Helpers that tests of every folder share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip a test for what this machine lacks, or fail if TINYPROOF_REQUIRE_TOOLS is set."""
    if os.environ.get("TINYPROOF_REQUIRE_TOOLS"):
        pytest.fail(what)
    pytest.skip(what)


def require_tool(name: str) -> str:
    """Return a system tool's path; without it skip, or fail if TINYPROOF_REQUIRE_TOOLS is set."""
    path = shutil.which(name)
    if path is None:
        missing(f"{name} is not installed; .ci/packages.txt names its package.")
    return path


def require_file(path: Path) -> Path:
    """Return ``path`` of a system package; without it skip or fail as ``require_tool`` does."""
    if not path.exists():
        missing(f"{path} is missing; .ci/packages.txt names its package.")
    return path
