"""Words for people: foreign text made harmless, counts with their unit, plain tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence


def printable(text: str, *, limit: int = 0, keep_lines: bool = False) -> str:
    r"""Return ``text`` with everything a terminal might act on shown as an escape such as ``\x1b``.

    Control and format characters (direction overrides among them) and lone surrogates are escaped;
    letters of every script stay. ``keep_lines`` leaves line feeds alone. Text longer than ``limit``
    characters is cut and ends in ``...``; 0 means no limit.
    """
    kept = text if not limit or len(text) <= limit else text[: max(0, limit - 3)] + "..."
    return "".join(c if c.isprintable() or (keep_lines and c == "\n") else _escape(c) for c in kept)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def count(number: int, noun: str, plural: str = "") -> str:
    """Return ``1 sample``, ``2 samples``, ``1,234 samples``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def table(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> Iterator[str]:
    """Yield ``rows`` with columns as wide as their widest cell, those in ``right`` flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
