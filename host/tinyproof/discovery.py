"""Which boards are attached, of which target each may be, and which one is meant.

A board is of a target when the bench map says so by its serial number; else when its USB id is one
of the target's. A USB-serial chip's id fits every target that has such a chip, and things that are
none at all: what it says is a guess, on which nothing is flashed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serial.tools import list_ports

from tinyproof import benchmap, ports
from tinyproof.benchmap import BenchMap
from tinyproof.errors import PortCause, PortError, UsageError
from tinyproof.targets import Target
from tinyproof.text import printable

SIMULATED = "sim"
"""The port that means the target's simulator."""
_CHIP_MAKERS = frozenset({0x0403, 0x067B, 0x10C4, 0x16C0, 0x1A86})
"""USB vendors whose ids tell a chip, not a board: FTDI, Prolific, Silicon Labs, WCH. And 16c0, Van
Ooijen's, for common use: all kinds of Teensy have 16c0:0483."""
_CHIP_IDS = frozenset({(0x303A, 0x1001)})
"""The same of a vendor whose other ids are boards': Espressif's USB-Serial-JTAG, in many chips."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A serial port of this machine, and what is known of the board behind it.

    Attributes:
        port: the device's name.
        usb_id: vendor and product number; None for a port that is not on USB.
        serial_number: as USB tells it; empty if there is none, or if two boards share it.
        product: what the board calls itself; may be empty.
        name: its name in the bench map; empty if it is not there.
        targets: names of the targets that it may be: one if the bench map tells, else all that the
            USB id fits.
    """

    port: str
    usb_id: tuple[int, int] | None
    serial_number: str
    product: str
    name: str
    targets: tuple[str, ...]

    @property
    def usb_text(self) -> str:
        """The USB id as ``lsusb`` writes it, ``2341:0043``; empty without one."""
        return "{:04x}:{:04x}".format(*self.usb_id) if self.usb_id else ""

    @property
    def is_guess(self) -> bool:
        """Whether only a chip that many devices have says which target it may be."""
        if self.name or self.usb_id is None:
            return False
        return self.usb_id[0] in _CHIP_MAKERS or self.usb_id in _CHIP_IDS

    @property
    def words(self) -> str:
        """Name, port and serial number, for a sentence."""
        number = self.serial_number
        known = f"serial number {printable(number)}" if number else "no serial number of its own"
        where = f"{self.name} on {self.port}" if self.name else self.port
        return f"{printable(where)} ({known})"


@dataclass(frozen=True, slots=True)
class Meant:
    """The port that is meant.

    Attributes:
        port: its name or URL, or ``sim``; None if none was given and none is attached, or if the
            target needs none.
        guess: the board behind it, if nobody named it and its target is a guess.
    """

    port: str | None
    guess: Attached | None = None


def attached(targets: Iterable[Target], bench: BenchMap) -> list[Attached]:
    """Return the serial ports that are attached, sorted by name; none of them is opened."""
    known = sorted(list_ports.comports(), key=lambda port: str(port.device))
    kinds = list(targets)
    return [_attached(port, ports.serial_number(port.device), kinds, bench) for port in known]


def _attached(port: Any, number: str | None, kinds: list[Target], bench: BenchMap) -> Attached:
    vid, pid = getattr(port, "vid", None), getattr(port, "pid", None)
    usb_id = None if vid is None or pid is None else (vid, pid)
    entry = bench.of_number(number)
    fitting = tuple(kind.name for kind in kinds if usb_id in kind.usb_ids)
    return Attached(
        port=port.device,
        usb_id=usb_id,
        serial_number=number or "",
        product=_product(port),
        name=entry.name if entry else "",
        targets=(entry.target,) if entry else fitting,
    )


def _product(port: Any) -> str:
    said = getattr(port, "product", None) or getattr(port, "description", None) or ""
    return "" if said == "n/a" else str(said)


def resolve(target: Target, port: str | None) -> str | None:
    """Return the port that is meant; see ``find``."""
    return find(target, port).port


def find(target: Target, port: str | None) -> Meant:
    """Return the port that is meant, and whether that is a guess.

    Args:
        target: what is looked for.
        port: a port, a URL or ``sim``, which stay as they are; a name of the bench map; or None for
            the one board of this target that is attached.

    Raises:
        UsageError: several boards are of this target, the port is empty, or the bench map does not
            know the name, says that the named board is of another target, or is damaged.
        PortError: the named board is not attached.
    """
    if port is None:
        return Meant(None) if target.hosted else _only_one(target)
    return Meant(_named(target, port))


def _named(target: Target, port: str) -> str:
    """Return the port that is named, or the one on which the named board is."""
    if not port.strip():
        raise UsageError(
            "The port's name is empty.",
            hint="Name a port or a board, see tinyproof ports; or leave --port out.",
        )
    if port == SIMULATED or not benchmap.is_name(port):
        return port
    bench = benchmap.load()
    entry = bench.entries.get(port)
    if entry is None:
        if bench.entries and not Path(port).exists() and port not in ports.available():
            raise UsageError(
                f"There is neither a port nor a board of the name {port}.",
                hint=f"The bench map {bench.file} has: {', '.join(bench.entries)}; "
                "see: tinyproof ports",
            )
        return port
    if entry.target != target.name:
        raise UsageError(
            f"The board {port} is a {entry.target}, not a {target.name}: {bench.file} says so.",
            hint=f"Run with --target {entry.target}, or name another board.",
        )
    found = ports.with_serial_number(entry.serial_number)
    if found is None:
        raise PortError(
            f"The board {port} (serial number {printable(entry.serial_number)}) is not attached.",
            port=port,
            cause=PortCause.ABSENT,
            hint="Plug it in, then see: tinyproof ports",
        )
    return found


def _only_one(target: Target) -> Meant:
    boards = [b for b in attached([target], benchmap.load()) if target.name in b.targets]
    if not boards:
        return Meant(None)
    if len(boards) > 1:
        raise UsageError(
            f"{len(boards)} boards may be {target.name}: {', '.join(b.words for b in boards)}. "
            "Which one?",
            hint=_choice(boards),
        )
    (board,) = boards
    return Meant(board.port, board if board.is_guess else None)


def _choice(boards: list[Attached]) -> str:
    options = " or ".join(f"--port {printable(board.name or board.port)}" for board in boards)
    if all(board.name for board in boards):
        return f"Run with {options}."
    return f"Run with {options}; tinyproof ports --save gives boards names that stay."
