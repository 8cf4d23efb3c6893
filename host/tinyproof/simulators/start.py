"""Starts whatever stands in for a target's board; which one, its ``target.ini`` says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, Self

from tinyproof.errors import UsageError
from tinyproof.link import Link
from tinyproof.simulators.avr import AvrSimulator, bootloader
from tinyproof.simulators.process import ProcessLink
from tinyproof.targets import Target


class SimulatedBoard(Protocol):
    """A board without hardware, empty but for its bootloader: a process that opens a serial port.

    Entering it starts the process, leaving ends it.
    """

    @property
    def port(self) -> str:
        """Name or URL of the port."""

    def begin_exchange(self) -> None:
        """Begin to time an exchange."""

    def exchange_seconds(self) -> float:
        """Return simulated seconds from the first byte since then to the last byte out."""

    def trouble(self) -> str:
        """Return what went wrong in the chip, one line, empty if nothing did."""

    def wait(self) -> None:
        """Wait until the process ends, which is an error."""

    def __enter__(self) -> Self:
        """Start."""

    def __exit__(self, *exception: object) -> None:
        """End."""


class SimavrBoard:
    """An Arduino in simavr, with its own bootloader."""

    def __init__(
        self,
        target: Target,
        *,
        speed: float,
        tcp_port: int | None,
        link: Path | None,
        say: Callable[[str], None] | None,
    ) -> None:
        """Describe the board; nothing is started.

        Args:
            target: names chip and clock.
            speed: simulated seconds per second in the application; 0 is as fast as it goes.
            tcp_port: listen on this port of 127.0.0.1 (0: any) instead of a pseudo-terminal.
            link: a symbolic link to the pseudo-terminal, at a path of the user's choice.
            say: called with ``port NAME``, then with each event from a thread of its own.

        Raises:
            ToolchainError: what the bootloader is built with is missing.
            UsageError: there is no bootloader for this chip.
        """
        self.simulator = AvrSimulator(
            target.mcu,
            clock_hz=target.clock_hz,
            bootloader=bootloader(target.mcu, clock_hz=target.clock_hz),
            speed=speed,
            tcp_port=tcp_port,
            link=link,
            on_event=say,
        )

    @property
    def port(self) -> str:
        """Name or URL of the port."""
        return self.simulator.port

    def begin_exchange(self) -> None:
        """Begin to time an exchange; see ``AvrStatus.first_rx``."""
        self.simulator.status()

    def exchange_seconds(self) -> float:
        """Return simulated seconds from the first byte since then to the last byte out."""
        return self.simulator.status().exchange_seconds

    def trouble(self) -> str:
        """Return the latest crash or halt."""
        words = ("crash", "halt")
        return next((e for e in reversed(self.simulator.events) if e.startswith(words)), "")

    def wait(self) -> None:
        """Wait until the process ends, which is an error."""
        self.simulator.wait()

    def __enter__(self) -> Self:
        """Start."""
        self.simulator.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """End."""
        self.simulator.close()


BOARDS: Mapping[str, Callable[..., SimulatedBoard]] = {"simavr": SimavrBoard}
"""How each simulator of boards is made, by the name that ``target.ini`` gives it."""


def simulated_board(
    target: Target,
    *,
    speed: float = 0.0,
    tcp_port: int | None = None,
    link: Path | None = None,
    say: Callable[[str], None] | None = None,
) -> SimulatedBoard:
    """Return the simulated board of ``target``, not started; see ``SimavrBoard``.

    Raises:
        UsageError: the target has none, or ``target.ini`` names one that there is not.
        ToolchainError: it is not installed.
    """
    if not target.simulator or target.hosted:
        raise UsageError(
            f"Target {target.name} has no simulated board.",
            hint="tinyproof targets shows which have one.",
        )
    try:
        make = BOARDS[target.simulator]
    except KeyError:
        raise UsageError(
            f"Target {target.name} names the simulator {target.simulator!r}, which does not exist.",
            hint=f"Known simulators: program, {', '.join(BOARDS)}.",
        ) from None
    return make(target, speed=speed, tcp_port=tcp_port, link=link, say=say)


def start_program(target: Target, program: Path) -> Link:
    """Start the built ``program`` of a hosted target and return the link to it.

    Raises:
        PortError: it does not start.
    """
    link = ProcessLink([program], baud=target.baud)
    link.name = f"{target.name} on {link.port}"
    return link
