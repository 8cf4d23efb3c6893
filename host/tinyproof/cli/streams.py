"""Standard output and error that never end a command: whoever reads them may leave."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

import click

from tinyproof.errors import StorageError
from tinyproof.text import printable


class _Output(io.FileIO):
    """A file descriptor that is given up as soon as it takes nothing more."""

    _is_lost = False

    def write(self, data: object) -> int:
        """Write what the system takes; everything counts as written once the reader is gone.

        Raises:
            StorageError: the disk is full, at the first write that fails.
        """
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        if self._is_lost:
            return len(view)
        try:
            return super().write(view) or 0
        except BrokenPipeError:
            self._is_lost = True
            return len(view)
        except OSError as error:
            self._is_lost = True
            raise StorageError(
                f"The output cannot be written: {error.strerror}.",
                hint="Free some space, or send it somewhere else.",
            ) from error


def guard() -> None:
    """Make this process's own output streams safe against lost readers and foreign characters.

    What the terminal's encoding lacks is shown as an escape. Streams that somebody has put in their
    place, a test say, are left alone.
    """
    if sys.stdout is sys.__stdout__:
        sys.stdout = _guarded(sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _guarded(sys.stderr)


def complain(sentence: str, hint: str = "") -> None:
    """Say on stderr what went wrong, and the next step; either may be empty."""
    if sentence:
        click.echo(f"tinyproof: {printable(sentence, keep_lines=True)}", err=True)
    if hint:
        click.echo(f"  next: {printable(hint, keep_lines=True)}", err=True)


def _guarded(stream: TextIO | None) -> TextIO:
    if stream is None:  # closed before we began
        return open(os.devnull, "w", encoding="utf-8")
    raw = _Output(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=True,
    )
