"""A comparison as one page that opens from disk: every figure, and what changed as bars. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tinyproof import __version__
from tinyproof.compare.model import Change, Comparison, Row
from tinyproof.report.html import environment


@dataclass(frozen=True)
class Bars:
    """Two bars of one row, before and now.

    Attributes:
        old: length of the bar before, 0 to 1 of the longer of both.
        new: length of the bar now.
        kind: class of the bar now: ``good``, ``bad`` or empty.
    """

    old: float
    new: float
    kind: str


def bars(row: Row) -> Bars | None:
    """Return a row's bars; None where there is nothing to draw."""
    if row.old is None or row.new is None or max(row.old, row.new) <= 0:
        return None
    longest = max(row.old, row.new)
    kind = {Change.WORSE: "bad", Change.BETTER: "good"}.get(row.change, "")
    return Bars(max(row.old, 0.0) / longest, max(row.new, 0.0) / longest, kind)


def render_page(comparison: Comparison) -> str:
    """Return the page; all text of the reports is escaped."""
    template = environment().get_template("compare.html")
    return template.render(
        version=__version__,
        title=f"{comparison.model} on {comparison.target}, compared",
        comparison=comparison,
        rows=[(row, bars(row)) for row in comparison.rows],
    )
