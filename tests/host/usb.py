"""The USB ports of a computer of the tests' own: real terminals, and programs that play boards."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tinyproof.simulators.process import ProcessLink


@dataclass
class Attached:
    """An attached port as pyserial tells of it."""

    device: str
    serial_number: str | None
    vid: int | None = None
    pid: int | None = None
    product: str | None = None


UNO = (0x2341, 0x0043)
CH340 = (0x1A86, 0x7523)
FIRST = Attached("/dev/ttyACM0", "A1", *UNO, product="Arduino Uno")
SECOND = Attached("/dev/ttyACM1", "B2", *UNO, product="Arduino Uno")
BRIDGE = Attached("/dev/ttyUSB0", None, *CH340, product="USB Serial")
PLAIN = Attached("/dev/ttyS0", None)


class Usb:
    """The computer's USB ports: programs that play boards, and the names that they have."""

    def __init__(self, program: Path, stack: ExitStack) -> None:
        self.program = program
        self.stack = stack
        self.boards: dict[str, ProcessLink] = {}
        self.ids: dict[str, tuple[int | None, int | None]] = {}

    def plug(self, number: str, usb_id: tuple[int, int] | None = None) -> str:
        """Attach a board with this serial number and USB id; return the port that it gets."""
        link = self.stack.enter_context(ProcessLink([self.program]))
        link._link.close()
        self.boards[number] = link
        self.ids[number] = usb_id or (None, None)
        return link.port

    def unplug(self, number: str) -> None:
        """Take the board away, and its port with it."""
        link = self.boards.pop(number)
        del self.ids[number]
        link._process.kill()
        link._process.wait()

    def comports(self) -> list[Attached]:
        return [
            Attached(self.boards[number].port, number, *usb_id, product="Board")
            for number, usb_id in self.ids.items()
        ]
