"""Starts, asks and ends one simulated AVR board."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tinyproof.errors import PortError, ToolchainError, UsageError
from tinyproof.simulators.avr.program import simulator_program
from tinyproof.text import printable

START_SECONDS = 10.0
END_SECONDS = 2.0
ANSWER_SECONDS = 5.0

_BAD_USAGE = 2
"""The program's exit code for bad options and for images that cannot be loaded."""


@dataclass(frozen=True)
class AvrStatus:
    """Counts since power-on, in simulated time; bytes unless stated.

    Attributes:
        frequency: the chip's clock, Hz.
        cycles: simulated cycles so far.
        rx: arrived at the chip, lost ones included.
        tx: sent by the chip.
        overrun: lost in the chip, which holds 2 bytes and one under way: the program was late.
        ignored: lost while the receiver was off.
        rejected: written by the program while the transmit buffer was full.
        garbled: misread by either side, the speeds of which differ by more than 4 %.
        dropped: sent by the chip while no client fetched them.
        first_rx: cycle at which the first byte since the last status began to arrive; 0: none did.
        last_tx: cycle at which the last byte was sent completely; 0: none was.
        resets: of the chip, the one at power-on included.
        stack: most bytes below the top of RAM that the stack pointer left since the application
            began, whether they were written or not.
    """

    frequency: int
    cycles: int
    rx: int
    tx: int
    overrun: int
    ignored: int
    rejected: int
    garbled: int
    dropped: int
    first_rx: int
    last_tx: int
    resets: int
    stack: int

    @property
    def lost(self) -> int:
        """Bytes that the chip's side lost, whatever the cause."""
        return self.overrun + self.ignored + self.rejected + self.garbled

    @property
    def exchange_seconds(self) -> float:
        """Simulated seconds from the first byte in since the last status to the last byte out."""
        return (self.last_tx - self.first_rx) / self.frequency


def _parse_status(words: list[str]) -> AvrStatus:
    values = dict(zip(words[0::2], map(int, words[1::2]), strict=True))
    return AvrStatus(**{field.name: values[field.name] for field in fields(AvrStatus)})


class AvrSimulator:
    """One simulated board: a process that ends with this object, or with this process.

    The flash keeps its content until the process ends, so that a sketch that was uploaded through
    the bootloader runs after every reset, as on a real board.

    Attributes:
        port: the serial port's name or URL, once started.
        events: what happened to the board, a line each: ``reset watchdog from 0x7f9e cycle 446``.
        on_event: called with each event, from a thread of its own.
    """

    def __init__(
        self,
        mcu: str,
        *,
        clock_hz: int = 16_000_000,
        firmware: Path | None = None,
        bootloader: Path | None = None,
        speed: float = 0.0,
        tcp_port: int | None = None,
        link: Path | None = None,
        on_event: Callable[[str], None] | None = None,
    ) -> None:
        """Describe the board; nothing is started.

        Args:
            mcu: ``atmega328p`` or ``atmega2560``.
            clock_hz: its clock, Hz.
            firmware: Intel HEX or ELF put into the flash without a bootloader's help.
            bootloader: Intel HEX; resets then start there, and it runs in real time.
            speed: simulated seconds per second in the application; 0 is as fast as it goes.
            tcp_port: listen on this port of 127.0.0.1 (0: any) instead of a pseudo-terminal.
            link: a symbolic link to the pseudo-terminal, at a path of the user's choice.
            on_event: called with ``port NAME``, then with each event from a thread of its own.
        """
        self.port = ""
        self.events: list[str] = []
        self._link = link
        self._options = _options(mcu, clock_hz, firmware, bootloader, speed, tcp_port, link)
        self.on_event = on_event
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._answers: queue.Queue[list[str] | None] = queue.Queue()
        self._final: AvrStatus | None = None

    def start(self) -> Self:
        """Start the process and wait for its port.

        Raises:
            ToolchainError: the simulator cannot be built or does not start.
            UsageError: firmware or bootloader cannot be loaded, or the link exists.
            StorageError: the cache is not writable.
        """
        if self._link is not None:
            _check_link(self._link)
        self._process = subprocess.Popen(
            [str(simulator_program()), *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Ctrl-C in the terminal is for us; we end the simulator in our own order.
            start_new_session=True,
        )
        try:
            self._start_reading(self._process)
        except BaseException:
            self.close()
            raise
        return self

    def _start_reading(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        first = process.stdout.readline().split()
        if len(first) != 2 or first[0] != "port":
            raise self._start_error(process)
        self.port = first[1]
        # Before the thread that tells the events: the port is always the first line.
        if self.on_event:
            self.on_event(f"port {self.port}")
        self._reader = threading.Thread(
            target=self._read, args=(process.stdout,), name="avr-simulator", daemon=True
        )
        self._reader.start()

    @staticmethod
    def _start_error(process: subprocess.Popen[str]) -> ToolchainError | UsageError:
        try:
            _, text = process.communicate(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            return ToolchainError("The AVR simulator opens no port.", hint="Run it again.")
        lines = text.strip().splitlines() or [f"it ended with code {process.returncode}."]
        sentence = "The simulated board did not start: " + lines[0].removeprefix("avr-simulator: ")
        if process.returncode == _BAD_USAGE:
            return UsageError(sentence, hint="Give a sound Intel HEX or ELF file for this chip.")
        return ToolchainError(sentence, hint="Look at: tinyproof doctor")

    def _read(self, lines: IO[str]) -> None:
        """Sort what the process says; the last thing it says before it ends is its status."""
        for line in lines:
            words = line.split()
            if words[:1] == ["status"]:
                self._answers.put(words[1:])
            else:
                self.events.append(line.strip())
                if self.on_event:
                    self.on_event(line.strip())
        self._answers.put(None)

    @property
    def pid(self) -> int:
        """The process's number; it runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def status(self) -> AvrStatus:
        """Ask for the counts; sets the mark from which ``first_rx`` is taken.

        After :meth:`close` it is the last status.

        Raises:
            PortError: the simulator has died.
        """
        if self._final is not None:
            return self._final
        self._command("status")
        answer = self._answer()
        if answer is None:
            raise self._dead()
        return _parse_status(answer)

    def reset(self) -> None:
        """Press the reset button.

        Raises:
            PortError: the simulator has died.
        """
        self._command("reset")

    def wait(self) -> None:
        """Wait until the process ends by itself.

        Raises:
            PortError: it has.
        """
        assert self._process is not None
        self._process.wait()
        raise self._dead()

    def _answer(self) -> list[str] | None:
        try:
            return self._answers.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            return None

    def _command(self, word: str) -> None:
        try:
            assert self._process is not None
            assert self._process.stdin is not None
            self._process.stdin.write(word + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._dead() from error

    def _dead(self) -> PortError:
        return PortError(
            f"The simulated board on {self.port} does not answer: its process is gone.",
            port=self.port,
            hint="Start it again; if it ends again, report the events it printed.",
        )

    def close(self) -> None:
        """End the process: its life line first, then by force; closing twice does no harm."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            assert process.stdin is not None
            process.stdin.close()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._finish_reading()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()

    def _finish_reading(self) -> None:
        if self._reader is None:
            return
        self._reader.join(END_SECONDS)
        while (answer := self._answer()) is not None:
            self._final = _parse_status(answer)

    def __enter__(self) -> Self:
        """Start the board."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self.close()


def _check_link(link: Path) -> None:
    """Refuse a link that somebody uses; one that leads nowhere, the simulator replaces."""
    name = printable(str(link))
    if link.exists() or (os.path.lexists(link) and not link.is_symlink()):
        where = f": it leads to {printable(str(link.resolve()))}" if link.is_symlink() else ""
        raise UsageError(
            f"The link {name} exists already{where}.",
            hint="Choose another name, or end that simulator.",
        )
    if not link.parent.is_dir():
        raise UsageError(
            f"The link {name} cannot be made: there is no such folder.",
            hint="Make the folder, or choose another name.",
        )


def _options(
    mcu: str,
    clock_hz: int,
    firmware: Path | None,
    bootloader: Path | None,
    speed: float,
    tcp_port: int | None,
    link: Path | None,
) -> list[str]:
    options = ["--mcu", mcu, "--frequency", str(clock_hz), "--speed", str(speed)]
    for name, value in (
        ("--firmware", firmware),
        ("--bootloader", bootloader),
        ("--tcp", tcp_port),
        ("--link", link),
    ):
        if value is not None:
            options += [name, str(value)]
    return options


def simulate(board: AvrSimulator, say: Callable[[str], None]) -> None:
    """Run ``board`` until it ends or the user interrupts; ``say`` gets the port, then each event.

    Raises:
        KeyboardInterrupt: the user has ended it; the process is gone by then.
        PortError: the simulator died by itself.
        ToolchainError, UsageError, StorageError: it did not start.
    """
    board.on_event = say
    with board:
        board.wait()
