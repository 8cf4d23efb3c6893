"""Boards of a bench that somebody has to look at: a state file, which ``--quarantine`` obeys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from tinyproof import ports
from tinyproof.errors import PortError, UsageError
from tinyproof.storage import lock, open_given, write_atomic
from tinyproof.text import printable

_MAX_BYTES = 1 << 20
_TEXT_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """Why a board is in quarantine.

    Attributes:
        since: when it failed, ISO 8601.
        port: where it was then.
        failure: the failure class.
        sentence: what happened.
    """

    since: str
    port: str
    failure: str
    sentence: str


def default_file() -> Path:
    """Return the user's own state file."""
    return platformdirs.user_state_path("tinyproof") / "quarantine.json"


def board_key(port: str) -> str:
    """Return what a board is known by: its USB serial number, else its port."""
    return ports.serial_number(port) or port


class Quarantine:
    """The state file; safe for several processes at once."""

    def __init__(self, file: Path | None = None) -> None:
        """Use ``file``; the user's own if not given."""
        self.file = file or default_file()

    def entries(self) -> Mapping[str, Entry]:
        """Return the boards in quarantine.

        Raises:
            UsageError: the file was damaged; nothing may pass unseen because of that.
        """
        try:
            with open_given(self.file) as stream:
                known = json.loads(stream.read(_MAX_BYTES))
            return {
                str(key): Entry(**{k: printable(str(entry[k]), limit=_TEXT_SHOWN) for k in _FIELDS})
                for key, entry in known.items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise UsageError(
                f"The list of boards in quarantine, {self.file}, cannot be read.",
                hint="Look at the boards that were in it, then remove the file.",
            ) from error

    def demand_free(self, port: str) -> None:
        """Refuse a board that is in quarantine.

        Raises:
            PortError: it is.
            UsageError: see ``entries``.
        """
        if told := self._told(port):
            raise PortError(
                f"The board on {printable(port)} {told}",
                port=port,
                hint=f"Mend it, then: {_release(port)}",
            )

    def warning(self, port: str) -> str:
        """Return a sentence for a board that is in quarantine and used all the same, else ``""``.

        A list that cannot be read is a warning too.
        """
        try:
            told = self._told(port)
        except UsageError as error:
            return f"{error.sentence} {error.hint}"
        return told and f"the board on {printable(port)} {told} When it is mended: {_release(port)}"

    def _told(self, port: str) -> str:
        entry = self.entries().get(board_key(port))
        return f"is in quarantine since {entry.since}: {entry.sentence}" if entry else ""

    def add(self, port: str, failure: str, sentence: str, *, key: str = "") -> None:
        """Put a board in quarantine.

        Args:
            port: where it is or was.
            failure: the failure class.
            sentence: what happened.
            key: what ``board_key`` said of the port while the board was there; asked now if empty.
        """
        since = datetime.now(UTC).isoformat(timespec="seconds")
        entry = Entry(since, port, failure, printable(sentence, limit=_TEXT_SHOWN))
        with self._locked():
            self._write({**self.entries(), key or board_key(port): entry})

    def release(self, key: str) -> None:
        """Let a board be used again.

        Raises:
            UsageError: it is not in quarantine.
        """
        with self._locked():
            entries = dict(self.entries())
            if entries.pop(key, None) is None:
                raise UsageError(
                    f"The board {printable(key)} is not in quarantine.",
                    hint="See tinyproof boards.",
                )
            self._write(entries)

    def _locked(self) -> AbstractContextManager[None]:
        return lock(self.file.with_suffix(".lock"))

    def _write(self, entries: Mapping[str, Entry]) -> None:
        content = {key: asdict(entry) for key, entry in entries.items()}
        write_atomic(self.file, json.dumps(content, indent=2) + "\n")


def _release(port: str) -> str:
    return f"tinyproof boards --release {printable(board_key(port))}"


_FIELDS = ("since", "port", "failure", "sentence")
