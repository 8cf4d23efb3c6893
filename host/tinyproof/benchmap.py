"""The bench map: which board is which, by USB serial number; a TOML file that people may edit.

::

    [boards.uno-left]
    serial_number = "85735313832351F02131"
    target = "uno"

It is written by ``tinyproof ports --save`` and read wherever a board is looked for. Entries and
comments that are there stay as they are: new boards are added behind them.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from tinyproof.errors import UsageError
from tinyproof.storage import lock, open_given, write_atomic
from tinyproof.text import printable

VARIABLE = "TINYPROOF_BENCH"
"""Environment variable: the bench map to read, instead of those of folder and user."""
FILE_NAME = "bench.toml"
_MAX_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_RESERVED = ("sim",)
_KEYS = ("serial_number", "target")


@dataclass(frozen=True, slots=True)
class Entry:
    """One board.

    Attributes:
        name: what ``--port`` takes for it: letters, digits, ``_`` and ``-``.
        serial_number: as USB tells it.
        target: the target's name.
    """

    name: str
    serial_number: str
    target: str


@dataclass(frozen=True)
class BenchMap:
    """The boards that are known by name.

    Attributes:
        file: where they are written down; None if nowhere.
        entries: name to board.
    """

    file: Path | None = None
    entries: dict[str, Entry] = field(default_factory=dict)

    def of_number(self, serial_number: str | None) -> Entry | None:
        """Return the board with this serial number, None if it is not in the map."""
        found = (e for e in self.entries.values() if e.serial_number == serial_number)
        return next(found, None) if serial_number else None


def is_name(text: str) -> bool:
    """Return whether ``text`` could be a board's name."""
    return bool(_NAME.fullmatch(text)) and text not in _RESERVED


def user_file() -> Path:
    """Return the user's own bench map, which belongs to no project."""
    return platformdirs.user_state_path("tinyproof") / FILE_NAME


def find_file() -> Path | None:
    """Return the bench map in force: TINYPROOF_BENCH, else the current folder's, else the user's.

    Raises:
        UsageError: TINYPROOF_BENCH names no file.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_file():
            raise UsageError(
                f"{VARIABLE} names {printable(named)}, which is no file.",
                hint=f"Write one: tinyproof ports --save {printable(named)}",
            )
        return Path(named)
    candidates = (Path.cwd() / FILE_NAME, user_file())
    return next((path for path in candidates if path.is_file()), None)


def load(file: Path | None = None) -> BenchMap:
    """Read the bench map in ``file``, or the one in force; an empty one if there is none.

    Raises:
        UsageError: it cannot be read, or says something that has no meaning.
    """
    file = file or find_file()
    if file is None or not file.exists():
        return BenchMap(file)
    return BenchMap(file, _parse(_read(file), file))


def _read(file: Path) -> str:
    try:
        with open_given(file) as stream:
            data = stream.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise _wrong(file, f"is larger than {_MAX_BYTES:,} bytes")
        return data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(file, f"cannot be read: {error}") from error


def _parse(text: str, file: Path) -> dict[str, Entry]:
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _wrong(file, f"is no TOML: {error}") from error
    boards = data.pop("boards", {})
    if data or not isinstance(boards, dict):
        raise _wrong(file, "holds something else than tables [boards.NAME]")
    entries = {name: _entry(file, name, board) for name, board in boards.items()}
    numbers = [entry.serial_number for entry in entries.values()]
    twice = next((number for number in numbers if numbers.count(number) > 1), None)
    if twice is not None:
        raise _wrong(file, f"has two boards with the serial number {twice}")
    return entries


def _entry(file: Path, name: str, board: Any) -> Entry:
    where = f"[boards.{name}]"
    if not is_name(name):
        raise _wrong(file, f"{where} is no name: letters, digits, _ and - are, sim is not")
    if not isinstance(board, dict) or set(board) != set(_KEYS):
        raise _wrong(file, f"{where} must have {' and '.join(_KEYS)}, and nothing else")
    for key in _KEYS:
        if not isinstance(board[key], str) or not board[key]:
            raise _wrong(file, f"{where} {key} is no text")
    return Entry(name, board["serial_number"], board["target"])


def _wrong(file: Path, what: str) -> UsageError:
    return UsageError(
        f"The bench map {printable(str(file))} {printable(what)}.", hint="Mend or remove it."
    )


def save(file: Path, found: Iterable[tuple[str, str]]) -> list[Entry]:
    """Add boards to the bench map in ``file``; return those that are new.

    Args:
        file: created where it is missing; what it says already stays.
        found: serial number and target of each board.

    Raises:
        UsageError: it holds something that is no bench map.
        StorageError: it cannot be written.
    """
    with lock(user_file().with_suffix(".lock")):
        text = _read(file) if file.exists() else ""
        known = BenchMap(file, _parse(text, file))
        new = list(_new_entries(known, found))
        if new:
            before = text if not text or text.endswith("\n") else text + "\n"
            content = (before or _HEAD) + "".join(map(_toml, new))
            _parse(content, file)  # What cannot be read again is not written.
            write_atomic(file, content)
    return new


_HEAD = (
    "# TinyProof's boards by USB serial number: name them as you like; --port takes the names.\n"
)


def _new_entries(known: BenchMap, found: Iterable[tuple[str, str]]) -> Iterator[Entry]:
    names = set(known.entries)
    for number, target in found:
        if known.of_number(number) is None:
            name = _free_name(target, names)
            names.add(name)
            yield Entry(name, number, target)


def _free_name(target: str, taken: set[str]) -> str:
    base = re.sub(r"[^A-Za-z0-9_-]", "-", target)
    number = 1
    while f"{base}-{number}" in taken:
        number += 1
    return f"{base}-{number}"


def _toml(entry: Entry) -> str:
    number, target = map(_quoted, (entry.serial_number, entry.target))
    return f"\n[boards.{entry.name}]\nserial_number = {number}\ntarget = {target}\n"


def _quoted(text: str) -> str:
    """Return a basic string of TOML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\u{ord(m[0]):04x}", escaped) + '"'
