"""What long work tells its caller: named steps with a count, nothing about how it is shown."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


class Step:
    """One step of a job under way; the base class shows nothing."""

    def update(self, done: int, total: int, note: str = "") -> None:
        """Tell that ``done`` of ``total`` units are finished; ``total`` 0 means unknown."""

    def result(self, text: str) -> None:
        """Set the few words that stand behind the finished step."""


class Progress:
    """Where a job reports its steps; the base class shows nothing, for use as a library."""

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[Step]:
        """Enter the step ``name`` (one word), working on ``what``."""
        del name, what
        yield Step()

    def note(self, text: str) -> None:
        """Tell something that the user has to know, but that stops nothing; here a warning."""
        warnings.warn(text, stacklevel=2)
