"""Nothing but training and converting may load tensorflow and its like, which take seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "host" / "tinyproof"
HEAVY = ("tensorflow", "keras", "sklearn", "scipy", "pandas", "matplotlib")
# Importing these starts something: the program itself.
PROGRAMS = {"tinyproof.__main__", "tinyproof.reference_worker"}


def modules() -> list[str]:
    """Return the dotted names of all modules of the package."""
    names = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if not (path.parent / "__init__.py").exists():
            continue  # A file for another program: PlatformIO's build scripts, for one.
        parts = ("tinyproof", *path.relative_to(PACKAGE).with_suffix("").parts)
        names.append(".".join(parts).removesuffix(".__init__"))
    return [name for name in names if name not in PROGRAMS]


def heavy_after(names: list[str]) -> list[str]:
    """Import ``names`` in a fresh interpreter and return which heavy packages that loaded."""
    code = (
        "import importlib, json, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == 0, result.stderr
    loaded: list[str] = json.loads(result.stdout)
    return loaded


def test_the_check_sees_a_heavy_package() -> None:
    assert "sklearn" in heavy_after(["sklearn"])


def test_no_module_of_the_package_loads_tensorflow_when_imported() -> None:
    assert len(modules()) > 10
    assert heavy_after(modules()) == []


@pytest.mark.parametrize("name", ["tinyproof.cli", "tinyproof.zoo", "tinyproof.convert"])
def test_an_entry_point_alone_loads_nothing_heavy(name: str) -> None:
    assert heavy_after([name]) == []
