"""One deadline object: an instant on the monotonic clock, in seconds."""

from __future__ import annotations

import time


class Deadline:
    """An instant in the future, made from a number of seconds from now."""

    def __init__(self, seconds: float) -> None:
        """Set the instant ``seconds`` (at least 0) from now."""
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self._end - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether the instant has passed."""
        return time.monotonic() >= self._end

    def at_most(self, seconds: float) -> Deadline:
        """Return a deadline ``seconds`` from now, or this instant if it comes first."""
        return Deadline(min(seconds, self.remaining))
