"""Budgets: figures that a run must keep to, from the command line or from ``target.ini``.

A figure that is not known counts as missed: a budget that nobody measures protects nobody.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from tinyproof.errors import UsageError
from tinyproof.report import Budget, BudgetClass, Memory
from tinyproof.report.outcome import budget_clause
from tinyproof.stats import Latency, accuracy
from tinyproof.targets import PREFIX, Target
from tinyproof.tensors import TensorLike, element_type
from tinyproof.verdict import Judgement, Task


@dataclass(frozen=True, kw_only=True)
class Budgets:
    """What is demanded; None: nothing.

    Attributes:
        latency_p50_us: most microseconds of the median inference.
        latency_p99_us: most microseconds of the 99th percentile.
        flash_bytes: largest image.
        static_ram_bytes: most RAM taken before anything runs.
        arena_bytes: most RAM used for tensors.
        stack_bytes: deepest stack.
        accuracy: least share of labels that the board gets right, 0 to 1.
        max_lsb: largest difference of an integer output.
    """

    latency_p50_us: float | None = None
    latency_p99_us: float | None = None
    flash_bytes: float | None = None
    static_ram_bytes: float | None = None
    arena_bytes: float | None = None
    stack_bytes: float | None = None
    accuracy: float | None = None
    max_lsb: float | None = None

    @property
    def demands_latency(self) -> bool:
        """Whether any is of time, which only a clock that was looked at can prove kept."""
        return not {"latency_p50_us", "latency_p99_us"}.isdisjoint(self.given())

    def given(self) -> dict[str, float]:
        """Return what is demanded, by name."""
        return {name: limit for name, limit in asdict(self).items() if limit is not None}

    def over(self, others: Budgets) -> Budgets:
        """Return these budgets, and ``others`` where these demand nothing."""
        return Budgets(**(others.given() | self.given()))

    def only(self, names: Sequence[str]) -> Budgets:
        """Return those of these names."""
        return Budgets(**{name: self.given().get(name) for name in names})

    def heard(self) -> Budgets:
        """Return those that bytes on a wire can prove kept: not what a file or a linker knows."""
        return self.only(HEARD)


NAMES = tuple(known.name for known in fields(Budgets))
LARGEST = 1e15
"""No limit is larger, whatever its unit."""
HEARD = ("latency_p50_us", "latency_p99_us", "accuracy", "max_lsb")
BUILT = ("flash_bytes", "static_ram_bytes", "arena_bytes")
"""What is known of a board before it answers a single sample."""

_WORDS = {
    "latency_p50_us": ("p50 latency", "us", BudgetClass.LATENCY),
    "latency_p99_us": ("p99 latency", "us", BudgetClass.LATENCY),
    "flash_bytes": ("flash", "bytes", BudgetClass.MEMORY),
    "static_ram_bytes": ("static RAM", "bytes", BudgetClass.MEMORY),
    "arena_bytes": ("arena", "bytes", BudgetClass.MEMORY),
    "stack_bytes": ("stack", "bytes", BudgetClass.MEMORY),
    "accuracy": ("accuracy", "", BudgetClass.NUMERIC),
    "max_lsb": ("largest error", "LSB", BudgetClass.NUMERIC),
}


def valid(name: str, limit: object) -> bool:
    """Return whether ``limit`` is one that the budget ``name`` can have."""
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        return False
    if not abs(limit) <= sys.float_info.max:  # not a number, or an integer too large for a float
        return False
    if name in ("max_lsb", "accuracy"):
        return 0 <= limit <= (1 if name == "accuracy" else 2**32)
    return name in NAMES and limit > 0


def target_budgets(target: Target) -> Budgets:
    """Return the budgets that ``target.ini`` sets, each as ``custom_tp_budget_NAME``.

    Raises:
        UsageError: a value is not a number, or not one that its budget can have.
    """
    found = {}
    for name in NAMES:
        key = f"{PREFIX}budget_{name}"
        if text := target.options.get(key, "").strip():
            found[name] = _number(target, key, name, text)
    return Budgets(**found)


def _number(target: Target, key: str, name: str, text: str) -> float:
    try:
        limit = float(text)
    except ValueError:
        limit = math.nan
    if not valid(name, limit):
        raise UsageError(
            f"{target.folder / 'target.ini'}: {key} is {text!r}, not a budget.",
            hint="Microseconds, bytes and LSB are numbers from 0, accuracy is from 0 to 1.",
        )
    return limit


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a run found; None where it does not know.

    Attributes:
        latency: of the board.
        memory: on the board.
        accuracy: of the board, 0 to 1.
        max_lsb: the largest difference of an integer output.
    """

    latency: Latency | None = None
    memory: Memory = field(default_factory=Memory)
    accuracy: float | None = None
    max_lsb: int | None = None

    def figures(self) -> Mapping[str, float | None]:
        """Return each figure by the name of its budget."""
        return {
            "latency_p50_us": self.latency.p50 if self.latency else None,
            "latency_p99_us": self.latency.p99 if self.latency else None,
            "flash_bytes": self.memory.flash,
            "static_ram_bytes": self.memory.static_ram,
            "arena_bytes": self.memory.arena,
            "stack_bytes": self.memory.stack,
            "accuracy": self.accuracy,
            "max_lsb": self.max_lsb,
        }


def measured(
    judgement: Judgement | None,
    labels: NDArray[np.int64] | None,
    outputs: Sequence[TensorLike],
    figures: Latency | None,
    memory: Memory | None = None,
) -> Measured:
    """Gather what a run found; see ``Measured``.

    Args:
        judgement: the verdicts; None if nothing was compared.
        labels: (n,) integers, None without labels.
        outputs: the model's.
        figures: latency of the board.
        memory: on the board.
    """
    found = Measured(latency=figures, memory=memory or Memory())
    if judgement is None:
        return found
    if labels is not None and judgement.task is Task.CLASSIFICATION:
        found = replace(found, accuracy=accuracy(labels, judgement.got))
    largest = int(judgement.lsb_error.max(initial=-1))
    if largest >= 0 and any(element_type(output).kind != "f" for output in outputs):
        found = replace(found, max_lsb=largest)
    return found


@dataclass(frozen=True, repr=False)
class Verified(Judgement):
    """The verdicts of a stream, and the budgets that it was held to.

    Attributes:
        budgets: with what was found; empty where none were given.
    """

    budgets: tuple[Budget, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether each answer passes and every budget is met."""
        return super().passed and not self.missed

    @property
    def missed(self) -> tuple[str, ...]:
        """A clause for each budget that is missed: ``The flash is ..., the budget is ...``."""
        return tuple(budget_clause(budget) for budget in self.budgets if not budget.met)

    def __repr__(self) -> str:
        """Return what a failing assertion should show: verdicts and missed budgets."""
        verdicts = ", ".join(f"{n} {verdict}" for verdict, n in self.counts().items() if n)
        return f"<{'. '.join((verdicts or 'no samples', *self.missed))}>"


def judge_budgets(budgets: Budgets, measured: Measured) -> tuple[Budget, ...]:
    """Hold what was measured against what is demanded."""
    return tuple(_judged(budgets, measured.figures()))


def _judged(budgets: Budgets, figures: Mapping[str, float | None]) -> Iterator[Budget]:
    for name, limit in budgets.given().items():
        words, unit, kind = _WORDS[name]
        yield Budget(words, unit, limit, figures[name], kind, at_least=name == "accuracy")


def judge_built(budgets: Budgets, memory: Memory) -> tuple[tuple[Budget, ...], tuple[str, ...]]:
    """Judge what is known before a sample is answered; return that, and the names of all others."""
    judged = judge_budgets(budgets.only(BUILT), Measured(memory=memory))
    return judged, tuple(_WORDS[name][0] for name in budgets.given() if name not in BUILT)
