"""Byte streams to boards: serial ports and every other pyserial URL, with errors that help.

:class:`Link` has the verbs, its subclasses only the wire. All errors of pyserial and the system are
mapped to :class:`PortError` here.
"""

from __future__ import annotations

import errno
import os
import re
import select
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

import serial

from tinyproof import ports
from tinyproof.deadline import Deadline
from tinyproof.errors import PortError

Observer = Callable[[str, bytes], None]
"""Told of every chunk: ``"read"`` or ``"write"``, and the bytes."""

DEFAULT_BAUD = 115_200
_CHUNK = 1 << 16
_SLICE_SECONDS = 0.02


class Link(ABC):
    """A byte stream to one board.

    Attributes:
        name: what errors call it: the port's name or URL.
        port: the port's name or URL; of a program, the port that it serves.
        observer: told of every chunk that passes; for wire logs.
        returns: how often the board vanished and came back, in words.
    """

    def __init__(self, name: str) -> None:
        """Call the stream ``name``."""
        self.name = name
        self.port = name
        self.observer: Observer | None = None
        self.returns: list[str] = []

    def clock(self) -> float:
        """Return this link's time in seconds, monotonic; simulated links may have their own."""
        return time.monotonic()

    def deadline(self, seconds: float) -> Deadline:
        """Return an instant on this link's clock, ``seconds`` from now."""
        return Deadline(seconds, self.clock)

    def read(self, deadline: Deadline) -> bytes:
        """Return what has arrived; wait for the first byte until the deadline, then return ``b""``.

        Raises:
            PortError: the stream has ended.
        """
        data = self._read(deadline)
        if self.observer and data:
            self.observer("read", data)
        return data

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Hand over all of ``data``, in order.

        Raises:
            PortError: the stream has ended, or took too few bytes until the deadline.
        """
        if self.observer:
            self.observer("write", data)
        self._write(data, deadline)

    def close(self) -> None:
        """Give the stream up; closing twice does no harm."""
        self._close()

    def __enter__(self) -> Self:
        """Return the link itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    @abstractmethod
    def _read(self, deadline: Deadline) -> bytes: ...

    @abstractmethod
    def _write(self, data: bytes, deadline: Deadline) -> None: ...

    @abstractmethod
    def _close(self) -> None: ...

    def _stuck(self, deadline: Deadline) -> PortError:
        return PortError(
            f"{self.name} took no more bytes within {deadline.seconds:g} s.",
            port=self.name,
            hint="Check flow control and that the board runs; replug it.",
        )


class SerialLink(Link):
    """Any port that pyserial opens."""

    def __init__(self, name: str, port: serial.Serial) -> None:
        """Own the open ``port``, whose read timeout is short."""
        super().__init__(name)
        self._port = port

    def _read(self, deadline: Deadline) -> bytes:
        with _mapped(self.name):
            while True:
                data: bytes = self._port.read(max(1, self._port.in_waiting))
                if data or deadline.expired:
                    return data

    def _write(self, data: bytes, deadline: Deadline) -> None:
        with _mapped(self.name):
            self._port.write_timeout = max(deadline.remaining, _SLICE_SECONDS)
            try:
                self._port.write(data)
            except serial.SerialTimeoutException as error:
                raise self._stuck(deadline) from error

    def _close(self) -> None:
        self._port.close()


class DescriptorLink(SerialLink):
    """A port with a file descriptor: read and written directly, which takes a quarter of the time.

    While the port takes no bytes, what arrives is read, so that a board that waits for us to read
    before it reads on cannot stop the conversation.
    """

    def __init__(self, name: str, port: serial.Serial) -> None:
        """Own the open ``port``, whose descriptor does not block."""
        super().__init__(name, port)
        self._descriptor: int = port.fileno()
        self._early = b""
        self._readable = select.poll()
        self._readable.register(self._descriptor, select.POLLIN)
        self._either = select.poll()
        self._either.register(self._descriptor, select.POLLIN | select.POLLOUT)

    def _read(self, deadline: Deadline) -> bytes:
        if self._early:
            data, self._early = self._early, b""
            return data
        if not self._readable.poll(1000 * deadline.remaining):
            return b""
        return self._take()

    def _take(self) -> bytes:
        with _mapped(self.name):
            try:
                data = os.read(self._descriptor, _CHUNK)
            except BlockingIOError:
                return b""
        if not data:
            raise vanished(self.name)
        return data

    def _write(self, data: bytes, deadline: Deadline) -> None:
        written = self._give(data)
        while written < len(data):
            happened = self._either.poll(1000 * deadline.remaining)
            if not happened:
                raise self._stuck(deadline)
            if happened[0][1] & ~select.POLLOUT:
                self._early += self._take()
            written += self._give(data[written:])

    def _give(self, data: bytes) -> int:
        with _mapped(self.name):
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                return 0


def open_link(url: str, baud: int = DEFAULT_BAUD, *, released: bool = False) -> SerialLink:
    """Open a serial port or pyserial URL (``socket://``, ``rfc2217://`` ...) for us alone.

    Args:
        url: a device path, a port name or a URL.
        baud: bits per second; means nothing to links without a line.
        released: leave DTR and RTS released: they may hold a board in reset or in its bootloader.
            Otherwise both are asserted, without which many USB ports send nothing.

    Raises:
        PortError: no such port, busy, not permitted, not a serial port, refused.
        UsageError: not a URL that pyserial knows.
    """
    holders = ports.foreign_holders(url)
    if holders:
        raise ports.busy(url, holders)
    try:
        port = serial.serial_for_url(url, do_not_open=True)
        port.baudrate = baud
        port.timeout = _SLICE_SECONDS
        port.exclusive = True
        # pyserial sets DTR first: a board whose RTS is its reset starts anew, and runs.
        port.dtr = port.rts = not released
        port.open()
    except re.error as error:  # of hwgrep://
        raise ports.explain(url, ValueError(f"wrong pattern, {error}")) from error
    except (OSError, ValueError) as error:
        raise ports.explain(url, error) from error
    return DescriptorLink(url, port) if _has_descriptor(port) else SerialLink(url, port)


def observed(opener: Callable[[], Link], observer: Observer | None) -> Callable[[], Link]:
    """Return what opens the same link with ``observer`` on it."""

    def opened() -> Link:
        link = opener()
        link.observer = observer
        return link

    return opened


def vanished(name: str) -> PortError:
    """Return the error for a port whose other end is gone."""
    return PortError(
        f"{name} vanished: the board was unplugged, or its program ended.",
        port=name,
        hint="Check the cable and the board's power, then run again.",
    )


def _has_descriptor(port: serial.Serial) -> bool:
    try:
        return isinstance(port.fileno(), int)
    except (AttributeError, OSError):
        return False


@contextmanager
def _mapped(name: str) -> Iterator[None]:
    """Map what pyserial and the system raise on an open port."""
    try:
        yield
    except serial.SerialException as error:
        raise vanished(name) from error
    except OSError as error:
        if error.errno in (errno.EIO, errno.ENXIO, errno.ENODEV, errno.EBADF, errno.EPIPE):
            raise vanished(name) from error
        raise PortError(f"{name} failed: {error}.", port=name) from error
