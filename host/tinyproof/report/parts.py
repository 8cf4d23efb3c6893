"""The pieces that a run's result and its report have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Provenance(StrEnum):
    """What ran the firmware, and so what its figures are worth."""

    BOARD = "board"
    CYCLE_EXACT = "cycle-exact"
    EMULATOR = "emulator"
    HOST = "host"


class Limit(StrEnum):
    """What bounds the throughput; window: it holds no two requests, so that nothing overlaps."""

    LINE = "line"
    PROCESSOR = "processor"
    WINDOW = "window"

    @property
    def words(self) -> str:
        """What allows no more, with its article."""
        if self is Limit.WINDOW:
            return "the receive window allows, which holds no two requests"
        return f"the {self.value} allows"


@dataclass(frozen=True)
class ModelInfo:
    """The model under test: file name, SHA-256 in hexadecimal, bytes of the file."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class BuildInfo:
    """The firmware under test.

    Attributes:
        id: the build id in hexadecimal, empty for a manual build.
        compiler: name and version as the compiler gives them.
        flags: compiler flags that matter for the result.
    """

    id: str = ""
    compiler: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class GitInfo:
    """The user's checkout: commit in hexadecimal, and whether files differ from it."""

    commit: str
    dirty: bool


@dataclass(frozen=True)
class Throughput:
    """Samples per second, and how many line and processor would allow; None if not known.

    Attributes:
        samples_per_s: measured end to end.
        limit_samples_per_s: what the slower of line and processor allows; what both take together
            where the board's receive window holds no two requests.
        limit: which of the three it is.
    """

    samples_per_s: float
    limit_samples_per_s: float | None = None
    limit: Limit | None = None


class ClockStatus(StrEnum):
    """What is known of a board's clock.

    ``off``: beyond 2 % of the host's; ``unchecked``: watched for less than a second;
    ``simulated``: a simulator keeps a time of its own, exact by construction.
    """

    GOOD = "good"
    OFF = "off"
    UNCHECKED = "unchecked"
    SIMULATED = "simulated"


@dataclass(frozen=True)
class Clock:
    """The board's clock held against the host's.

    Attributes:
        status: the outcome.
        ratio: seconds by the board's clock in one of the host's; None where not measured.
        seconds: how long it was watched, by the host's clock; None where it was not.
    """

    status: ClockStatus
    ratio: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Memory:
    """Bytes on the board; None where unknown.

    Attributes:
        flash: code, constants and initial values of the image.
        static_ram: data and bss, the arena included where it is static.
        arena: used by the model's tensors.
        stack: high-water mark, measured.
        arena_reserved: set aside for the arena.
        free_ram: not claimed by anything at the deepest point.
        flash_size: what the board has for the image.
        ram_size: what the board has.
    """

    flash: int | None = None
    static_ram: int | None = None
    arena: int | None = None
    stack: int | None = None
    arena_reserved: int | None = None
    free_ram: int | None = None
    flash_size: int | None = None
    ram_size: int | None = None

    @property
    def is_overrun(self) -> bool:
        """Whether the stack grew into static data: together they take all there is."""
        if not (self.static_ram and self.stack and self.ram_size):
            return False
        return self.static_ram + self.stack >= self.ram_size


@dataclass(frozen=True)
class Event:
    """Something that happened on the way, how often, and words about it.

    Attributes:
        kind: one word or a few with hyphens, such as ``retransmission`` or ``board-reset``.
    """

    kind: str
    count: int = 1
    text: str = ""


class BudgetClass(StrEnum):
    """The failure class of a missed budget."""

    LATENCY = "latency"
    MEMORY = "memory"
    NUMERIC = "numeric"


@dataclass(frozen=True)
class Budget:
    """A figure that must not be passed.

    Attributes:
        name: what is measured, such as ``p99 latency``.
        unit: of both figures; empty for shares.
        limit: the figure allowed.
        measured: the figure found; None counts as missed.
        kind: class of the failure when missed.
        at_least: whether the figure must reach the limit instead of staying at or below it.
    """

    name: str
    unit: str
    limit: float
    measured: float | None
    kind: BudgetClass
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the figure is known and within the limit."""
        if self.measured is None:
            return False
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


@dataclass(frozen=True)
class Failure:
    """Why a run did not pass.

    Attributes:
        kind: the failure class, one word; ``class`` in JSON.
        sentence: what happened.
        hint: the next step; may be empty.
    """

    kind: str = field(metadata={"key": "class"})
    sentence: str
    hint: str = ""
