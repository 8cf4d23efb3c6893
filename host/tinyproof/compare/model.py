"""What a comparison says: a row for each figure, what got worse, what got better. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tinyproof.text import count

PROVED = "proved"
"""Name of the row that tells whether a run was proved: 1 or 0."""


class Change(StrEnum):
    """What became of a figure; not judged: not measured in both runs, or too noisy to tell."""

    SAME = "same"
    BETTER = "better"
    WORSE = "worse"
    UNJUDGED = "not judged"


@dataclass(frozen=True)
class Row:
    """One figure of both runs.

    Attributes:
        name: what it is, such as ``p50 latency`` or ``layer 0 (CONV_2D)``.
        unit: of all figures in the row; empty for counts and shares.
        old: before; None where it was not measured.
        new: now; None where it was not measured.
        band: how far they may lie apart without meaning anything; 0 where they are exact.
        change: what became of it.
    """

    name: str
    unit: str
    old: float | None
    new: float | None
    band: float
    change: Change

    @property
    def percent(self) -> float | None:
        """Change in per cent of the old value; None where there is none."""
        if self.old is None or self.new is None or not self.old:
            return None
        return 100 * (self.new - self.old) / abs(self.old)

    @property
    def sentence(self) -> str:
        """The row in words: ``arena: 100 before, 105 bytes now (+5.0 %)``."""
        unit = f" {self.unit}" if self.unit else ""
        percent = "" if self.percent is None or self._is_yes_or_no else f" ({self.percent:+.1f} %)"
        old, new = self.text(self.old), self.text(self.new)
        return f"{self.name}: {old} before, {new}{unit} now{percent}"

    @property
    def noise(self) -> str:
        """The band as people read it, to three digits; empty where figures are exact."""
        if not self.band:
            return ""
        return f"±{self.band:,.0f}" if 100 <= self.band < _READABLE else f"±{self.band:.3g}"

    def text(self, value: float | None) -> str:
        """Return one of the row's figures as people read it."""
        if self._is_yes_or_no and value is not None:
            return "yes" if value else "no"
        return figure(value)

    @property
    def _is_yes_or_no(self) -> bool:
        return self.name == PROVED


@dataclass(frozen=True)
class Comparison:
    """Two runs of the same model on the same target, held against each other.

    Attributes:
        target: and engine, of both.
        engine: of both.
        model: its name in the newer run.
        old: what tells the older run from others: date and commit.
        new: the same of the newer.
        rows: all figures.
        notes: what else differs and may explain a change, a sentence each.
    """

    target: str
    engine: str
    model: str
    old: str
    new: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def regressions(self) -> tuple[Row, ...]:
        """What got worse, beyond noise."""
        return tuple(row for row in self.rows if row.change is Change.WORSE)

    @property
    def improvements(self) -> tuple[Row, ...]:
        """What got better, beyond noise."""
        return tuple(row for row in self.rows if row.change is Change.BETTER)

    @property
    def passed(self) -> bool:
        """Whether nothing got worse."""
        return not self.regressions

    @property
    def sentence(self) -> str:
        """The outcome in one line."""
        if self.passed:
            better = count(len(self.improvements), "figure")
            return f"No regression; {better} improved." if self.improvements else "No regression."
        named = "; ".join(row.sentence for row in self.regressions)
        return f"{count(len(self.regressions), 'regression')}: {named}."


_READABLE = 1e15
"""Beyond this nobody counts digits."""


def figure(value: float | None) -> str:
    """Return ``12,345``, ``4317.25`` or ``4.217``; a dash for None.

    Whole numbers are whole, large ones keep two decimals so that a single tick shows.
    """
    if value is None:
        return "-"
    if not abs(value) < _READABLE:
        return f"{value:.5g}"
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 1000 else f"{value:.5g}"
