"""A board that is a program: started, talked to over the port it names, and ended with us.

The program prints ``port NAME`` as a line of its own and serves that port. Its standard input is
its life line: it must end when that ends, so that it does not outlive us however we end. It runs in
a process group of its own, out of reach of the terminal's Ctrl-C, and the whole group is ended when
the link closes.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tinyproof.deadline import Deadline
from tinyproof.errors import PortError, ToolchainError
from tinyproof.link import DEFAULT_BAUD, Link, open_link
from tinyproof.payload import board_text

START_SECONDS = 10.0
_POLITE_SECONDS = 0.5
_DEATH_SECONDS = 1.0
_LINES_KEPT = 50
_LONGEST_LINE = 4096
_TEXT_SHOWN = 1000
_PORT = b"port "


class ProcessLink(Link):
    """A link to a program that plays a board.

    Attributes:
        port: the port it serves.
        pid: its process id.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        seconds: float = START_SECONDS,
        baud: int = DEFAULT_BAUD,
    ) -> None:
        """Start ``command`` and open the port that it names within ``seconds``.

        Args:
            command: program and arguments.
            seconds: longest time until the port is named.
            baud: what the port is opened with; a simulator may mind.

        Raises:
            ToolchainError: there is no such program.
            PortError: it ended or named no port in time; carries what it wrote on standard error.
        """
        super().__init__(Path(command[0]).name)
        self._process = _start(command)
        self._end = weakref.finalize(self, _end, self._process)
        self.pid = self._process.pid
        self._ports: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._errors: deque[bytes] = deque(maxlen=_LINES_KEPT)
        self._readers = [
            _thread(_read_output, self._process.stdout, self._ports),
            _thread(_read_errors, self._process.stderr, self._errors),
        ]
        try:
            self.port = self._wait_for_port(seconds)
            self._link: Link = open_link(self.port, baud)
        except BaseException:
            self._end()
            raise

    def _read(self, deadline: Deadline) -> bytes:
        try:
            return self._link.read(deadline)
        except PortError as error:
            raise self._died(error) from error

    def _write(self, data: bytes, deadline: Deadline) -> None:
        try:
            self._link.write(data, deadline)
        except PortError as error:
            raise self._died(error) from error

    def _close(self) -> None:
        self._link.close()
        self._end()

    def _wait_for_port(self, seconds: float) -> str:
        try:
            port = self._ports.get(timeout=seconds)
        except queue.Empty:
            raise self._error(f"{self.name} named no port within {seconds:g} s.") from None
        if port is None:
            raise self._died(self._error(f"{self.name} closed its output without naming a port."))
        return port

    def _died(self, error: PortError) -> PortError:
        """Return what became of the program; ``error`` if it still runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_DEATH_SECONDS)
        code = self._process.returncode
        if code is None:
            return error
        how = f"ended with exit status {code}"
        if code < 0:
            how = f"was ended by signal {_signal_name(-code)}"
        return self._error(f"{self.name} {how}.")

    def _error(self, sentence: str) -> PortError:
        self._readers[1].join(_POLITE_SECONDS if self._process.poll() is not None else 0)
        wrote = board_text(b"".join(self._errors)[-_TEXT_SHOWN:].strip(), keep_lines=True)
        hint = f"It wrote: {wrote}" if wrote else "It wrote nothing; run it by hand to see why."
        return PortError(sentence, port=self.name, hint=hint)


def _start(command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, process_group=0)
    except OSError as error:
        raise ToolchainError(
            f"The program {command[0]} does not start: {error.strerror or error}.",
            hint="Build it first, or install the simulator: tinyproof doctor.",
        ) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole group: first by the life line, then by signals."""
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLITE_SECONDS)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
    process.wait()


def _thread(work: object, *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
    thread.start()
    return thread


def _read_output(stream: IO[bytes], ports: queue.SimpleQueue[str | None]) -> None:
    """Hand over the port's name, and keep reading so that the program never waits for us."""
    with stream:
        while line := stream.readline(_LONGEST_LINE):
            if line.startswith(_PORT):
                ports.put(line.removeprefix(_PORT).decode("utf-8", "replace").strip())
    ports.put(None)


def _read_errors(stream: IO[bytes], lines: deque[bytes]) -> None:
    with stream:
        while line := stream.readline(_LONGEST_LINE):
            lines.append(line)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
