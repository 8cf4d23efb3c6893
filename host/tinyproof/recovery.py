"""A serial port that may vanish and come back under another name, as USB boards do when they reset.

The board is known by its USB serial number. What was under way is lost; the conversation above
notices by the silence, or by the board's word that it started, and meets it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tinyproof import ports
from tinyproof.deadline import Deadline
from tinyproof.errors import PortCause, PortError, TinyProofError
from tinyproof.link import DEFAULT_BAUD, Link, open_link

RETURN_SECONDS = 8.0
"""How long a board may be gone: a reset, a bootloader, and the system that finds it again."""
_PAUSE_SECONDS = 0.1


class RecoveringLink(Link):
    """A link that is opened again, by the board's serial number, when it breaks.

    Attributes:
        serial_number: of the board, as USB tells it.
    """

    def __init__(self, url: str, serial_number: str, opener: Callable[[str], Link]) -> None:
        """Open ``url`` with ``opener``, which raises :class:`PortError`."""
        super().__init__(url)
        self.serial_number = serial_number
        self._opener = opener
        self._link = opener(url)

    def clock(self) -> float:
        """Return the time of the link beneath."""
        return self._link.clock()

    def _read(self, deadline: Deadline) -> bytes:
        try:
            return self._link.read(deadline)
        except PortError as error:
            self._find_again(deadline, error)
            return b""

    def _write(self, data: bytes, deadline: Deadline) -> None:
        try:
            self._link.write(data, deadline)
        except PortError as error:
            # Who knows how much of it arrived; the conversation sends it again.
            self._find_again(deadline, error)

    def _close(self) -> None:
        self._link.close()

    def _find_again(self, deadline: Deadline, error: PortError) -> None:
        """Open the board's port of now; raise ``error`` if it does not come back."""
        self._link.close()
        end = Deadline(RETURN_SECONDS)
        while not end.expired:
            url = ports.with_serial_number(self.serial_number)
            if url and self._reopen(url):
                return
            time.sleep(_PAUSE_SECONDS)
        raise PortError(
            f"{self.name} vanished, and no port with serial number {self.serial_number} came back "
            f"within {RETURN_SECONDS:g} s.",
            port=self.name,
            hint=error.hint,
        ) from error

    def _reopen(self, url: str) -> bool:
        try:
            self._link = self._opener(url)
        except TinyProofError:
            return False  # It is there, but not ready: permissions come a moment later.
        self.returns.append(f"{self.port} came back as {url}")
        self.name = self.port = url
        return True


def open_board(url: str, baud: int = DEFAULT_BAUD, *, released: bool = False) -> Link:
    """Open a board's port; one with a USB serial number is found again when it vanishes.

    Args:
        url: a serial port or pyserial URL.
        baud: bits per second.
        released: see ``link.open_link``.

    Raises:
        PortError, UsageError: see ``link.open_link``.
    """

    def opener(name: str) -> Link:
        return open_link(name, baud, released=released)

    number = ports.serial_number(url)
    return opener(url) if number is None else RecoveringLink(url, number, opener)


class BoardPort:
    """Where a board is attached: its port, whatever that is called after a reset or an upload.

    Attributes:
        url: its name of now.
    """

    def __init__(self, url: str, opener: Callable[[str], Link]) -> None:
        """Begin with ``url``, which ``opener`` opens."""
        self.url = url
        self._opener = opener
        self._number: str | None = None
        self._was_open = False

    def open(self) -> Link:
        """Open the port; one that was open before is waited for, under whatever name it has.

        Raises:
            PortError, UsageError: see ``link.open_link``.
        """
        end = Deadline(RETURN_SECONDS if self._was_open else 0)
        while True:
            found = self._find()
            # Who lives there under another number is asked who it is, but only when ours is gone.
            if found or end.expired:
                try:
                    return self._open_now(found or self.url)
                except PortError as error:
                    # Back, but not ours yet: permissions come a moment later.
                    if end.expired:
                        if self._was_open and error.cause is PortCause.ABSENT:
                            error.cause = PortCause.BOARD  # It was there.
                        raise
            time.sleep(_PAUSE_SECONDS)

    def _find(self) -> str | None:
        """Return the board's port of now; None while it is away."""
        if self._number is None:
            return self.url
        return ports.with_serial_number(self._number)

    def _open_now(self, url: str) -> Link:
        link = self._opener(url)
        self.url = url
        self._number = self._number or ports.serial_number(url)
        self._was_open = True
        return link
