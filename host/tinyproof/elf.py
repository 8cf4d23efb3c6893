"""How much flash and RAM a firmware image takes: the sections of its ELF file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinyproof.errors import BuildError

_WRITE, _ALLOC, _EXECUTE = 0x1, 0x2, 0x4
# avr-gcc gives data addresses from 0x800000 on and, past them, memories that are neither flash nor
# RAM: EEPROM, fuses, lock bits, signature.
_AVR_ELSEWHERE = 0x810000


@dataclass(frozen=True)
class Sizes:
    """Sizes in bytes, as ``size`` prints them for the same file.

    Attributes:
        text: code and constants.
        data: initialised data; on a microcontroller its initial values lie in flash, too.
        bss: data without initial values.
    """

    text: int
    data: int
    bss: int

    @property
    def flash(self) -> int:
        """Bytes of the image."""
        return self.text + self.data

    @property
    def static_ram(self) -> int:
        """Bytes of RAM taken before anything runs."""
        return self.data + self.bss

    def as_dict(self) -> dict[str, int]:
        """Return text, data and bss by name."""
        return asdict(self)


def sections(path: Path) -> dict[str, tuple[str, int]]:
    """Return each loaded section's kind (``text``, ``data`` or ``bss``) and size in bytes, by name.

    Raises:
        BuildError: ``path`` is not an ELF file.
    """
    with _opened(path) as elf:
        found = {
            section.name: (_kind(section), int(section["sh_size"]))
            for section in elf.iter_sections()
            if _is_in(elf, section)
        }
    if not found:
        raise _no_program(path, "nothing in it is loaded")
    return found


@dataclass(frozen=True)
class LoadedSymbol:
    """A function or variable of a program.

    Attributes:
        name: as in the file.
        kind: of its section: ``text``, ``data`` or ``bss``.
        bytes: its size.
    """

    name: str
    kind: str
    bytes: int


def symbols(path: Path) -> list[LoadedSymbol]:
    """Return every function and variable that takes memory, in the file's order.

    Empty if the symbols were stripped. Names that stand for the same memory are listed once.

    Raises:
        BuildError: ``path`` is not an ELF file.
    """
    found: dict[Any, LoadedSymbol] = {}
    with _opened(path) as elf:
        kinds = {index: _kind(s) for index, s in enumerate(elf.iter_sections()) if _is_in(elf, s)}
        table = elf.get_section_by_name(".symtab")
        for symbol in table.iter_symbols() if table else ():
            kind, size = kinds.get(symbol["st_shndx"]), int(symbol["st_size"])
            if kind and size and symbol["st_info"]["type"] in ("STT_FUNC", "STT_OBJECT"):
                place = (symbol["st_shndx"], symbol["st_value"], size)
                found.setdefault(place, LoadedSymbol(symbol.name, kind, size))
    return list(found.values())


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Give the ``ELFFile`` at ``path``, its errors mapped."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with path.open("rb") as file:
            yield ELFFile(file)
    except (OSError, ELFError) as error:
        raise _no_program(path, str(error)) from error


def _is_in(elf: Any, section: Any) -> bool:
    """Return whether a section takes flash or RAM."""
    avr = elf["e_machine"] == "EM_AVR"
    return bool(section["sh_flags"] & _ALLOC) and not (avr and section["sh_addr"] >= _AVR_ELSEWHERE)


def _no_program(path: Path, reason: str) -> BuildError:
    return BuildError(f"{path} is not a program in ELF form: {reason}.", hint="Build it again.")


def _kind(section: object) -> str:
    header = section.header  # type: ignore[attr-defined]
    if header["sh_flags"] & _EXECUTE or not header["sh_flags"] & _WRITE:
        return "text"
    return "bss" if header["sh_type"] == "SHT_NOBITS" else "data"


def sizes(path: Path) -> Sizes:
    """Add up the sections of the program at ``path``.

    Raises:
        BuildError: it is not an ELF file.
    """
    totals = {"text": 0, "data": 0, "bss": 0}
    for kind, size in sections(path).values():
        totals[kind] += size
    return Sizes(**totals)
