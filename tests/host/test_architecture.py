"""The import rules of docs/architecture.md, held against the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "host" / "tinyproof"


def layers() -> dict[str, int]:
    """Return each module's row in the table of docs/architecture.md, top row 0."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| [a-z ]+ \| ((?:`\w+` ?)+)\|", text, flags=re.MULTILINE)
    return {name: level for level, row in enumerate(rows) for name in re.findall(r"`(\w+)`", row)}


def module_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Return the tinyproof modules (first component) that a file imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module == "tinyproof":
                names |= {alias.name for alias in node.names}
            elif node.module.startswith("tinyproof."):
                names.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names |= {a.name.split(".")[1] for a in node.names if a.name.startswith("tinyproof.")}
    return names - {"__version__"}


SOURCES = sorted(PACKAGE.rglob("*.py"))


def test_every_module_has_a_row() -> None:
    modules = {module_of(path) for path in SOURCES} - {"__init__", "__main__"}
    assert modules == set(layers())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_its_row_and_above(path: Path) -> None:
    level = layers()
    if module_of(path) in {"__init__", "__main__"}:
        return
    below = {name for name in imported(path) if level[name] > level[module_of(path)]}
    assert not below


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_its_job_in_its_first_line(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring
    assert docstring.splitlines()[0].endswith((".", "::"))
