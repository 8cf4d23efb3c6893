"""A serial port that may vanish and come back under another name, as USB boards do when they reset.

The board is known by its USB serial number. What was under way is lost; the conversation above
notices by the silence, or by the board's word that it started, and meets it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tinyproof import ports
from tinyproof.deadline import Deadline
from tinyproof.errors import PortError, TinyProofError
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


def open_board(url: str, baud: int = DEFAULT_BAUD) -> Link:
    """Open a board's port; one with a USB serial number is found again when it vanishes.

    Raises:
        PortError, UsageError: see ``link.open_link``.
    """
    number = ports.serial_number(url)
    if number is None:
        return open_link(url, baud)
    return RecoveringLink(url, number, lambda name: open_link(name, baud))
