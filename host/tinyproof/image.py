"""What a firmware image is made of, for reports: its sections and its largest symbols."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tinyproof import elf
from tinyproof.report import ImageFigures, Section, Symbol

LARGEST = 10
"""Symbols that are listed for each of flash and RAM."""
_FLASH, _RAM = ("text", "data"), ("data", "bss")


def image_figures(program: Path) -> ImageFigures:
    """Read the ELF file ``program``.

    Raises:
        BuildError: it is not one.
    """
    sections = elf.sections(program).items()
    found = elf.symbols(program)
    return ImageFigures(
        tuple(Section(name, kind, size) for name, (kind, size) in sections if size),
        (*_largest(found, "flash", _FLASH), *_largest(found, "ram", _RAM)),
    )


def _largest(
    symbols: Sequence[elf.LoadedSymbol], memory: str, kinds: tuple[str, ...]
) -> tuple[Symbol, ...]:
    there = [symbol for symbol in symbols if symbol.kind in kinds]
    there.sort(key=lambda symbol: (-symbol.bytes, symbol.name))
    return tuple(Symbol(symbol.name, memory, symbol.bytes) for symbol in there[:LARGEST])
