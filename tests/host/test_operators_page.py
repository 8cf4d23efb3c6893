"""docs/operators.md lists exactly the operators that engine aot has."""

from __future__ import annotations

import re
from pathlib import Path

from tinyproof.codegen.normalise import ALIASES, FOLDS
from tinyproof.codegen.operators import LOWERINGS

PAGE = Path(__file__).parents[2] / "docs/operators.md"


def rows() -> list[str]:
    """Return the names in the first column of the page's table, in order."""
    return re.findall(r"^\| `([A-Z0-9_]+)` \|", PAGE.read_text(), re.MULTILINE)


def test_every_operator_has_a_row_and_every_row_an_operator() -> None:
    assert set(rows()) == {*LOWERINGS, *ALIASES, *FOLDS}


def test_each_operator_has_one_row_in_alphabetical_order() -> None:
    assert rows() == sorted(set(rows()))


def test_every_row_has_four_cells() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    assert all(line.count("|") == 5 for line in lines)
    assert len(lines) == len(rows()) + 1
