"""A comparison for the terminal and for programs: a table, one line of outcome, JSON's types."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tinyproof.compare.model import Change, Comparison, Row
from tinyproof.text import printable

SCHEMA = 1
"""Version of ``--json``: fields may be added under it, none changes its meaning or vanishes."""
_STYLES = {
    Change.WORSE: "bold red",
    Change.BETTER: "green",
    Change.SAME: "",
    Change.UNJUDGED: "dim",
}
TABLE_WIDTH = 72
"""Columns that the table needs; narrower terminals get lines."""


def render(comparison: Comparison, console: Console) -> None:
    """Print the comparison; plain text unless ``console`` is a terminal."""
    head = f"{comparison.model} on {comparison.target} ({comparison.engine})"
    console.print(Text(printable(head)), soft_wrap=True)
    for name, label in (("old", comparison.old), ("new", comparison.new)):
        console.print(Text(f"{name}  {printable(label)}"), soft_wrap=True)
    console.print()
    if console.width >= TABLE_WIDTH:
        console.print(_table(comparison))
    else:
        for row in comparison.rows:
            line = f"{printable(row.sentence)}: {row.change.value}"
            console.print(Text(line, _STYLES[row.change]), soft_wrap=True)
    for note in comparison.notes:
        console.print(Text(f"note  {printable(note)}"), soft_wrap=True)
    console.print()
    style = "bold green" if comparison.passed else "bold red"
    console.print(Text(printable(comparison.sentence), style), soft_wrap=True)


def _table(comparison: Comparison) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("figure", overflow="fold")
    for name in ("old", "new", "change", "noise"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in comparison.rows:
        cells = [row.name, row.text(row.old), row.text(row.new), _percent(row), row.noise, row.unit]
        said = "" if row.change is Change.SAME else row.change.value
        style = _STYLES[row.change]
        table.add_row(*(Text(printable(cell), style) for cell in (*cells, said)))
    return table


def _percent(row: Row) -> str:
    return "" if not row.percent else f"{row.percent:+.1f} %"


def to_dict(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as JSON's own types; docs/compare.md describes the fields."""
    return {
        "schema": SCHEMA,
        "passed": comparison.passed,
        "sentence": comparison.sentence,
        "target": comparison.target,
        "engine": comparison.engine,
        "model": comparison.model,
        "old": comparison.old,
        "new": comparison.new,
        "regressions": [row.name for row in comparison.regressions],
        "improvements": [row.name for row in comparison.improvements],
        "notes": list(comparison.notes),
        "rows": [
            {
                "name": row.name,
                "unit": row.unit,
                "old": _finite(row.old),
                "new": _finite(row.new),
                "percent": _finite(row.percent),
                "band": _finite(row.band),
                "change": row.change.value,
            }
            for row in comparison.rows
        ],
    }


def _finite(value: float | None) -> float | None:
    """Return None for what JSON cannot say; reports may hold any number."""
    return value if value is not None and math.isfinite(value) else None
