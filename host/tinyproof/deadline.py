"""One deadline object: an instant on the monotonic clock, in seconds."""

from __future__ import annotations

import time
from collections.abc import Callable


class Deadline:
    """An instant in the future, made from a number of seconds from now."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Set the instant ``seconds`` (at least 0) from now, on ``clock``."""
        self.seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self._end - self._clock())

    @property
    def expired(self) -> bool:
        """Whether the instant has passed."""
        return self._clock() >= self._end

    def at_most(self, seconds: float) -> Deadline:
        """Return a deadline ``seconds`` from now, or this instant if it comes first."""
        return Deadline(min(seconds, self.remaining), self._clock)
