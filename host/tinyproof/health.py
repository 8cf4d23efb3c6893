"""Keeps a bench healthy: a board that fails for no reason of its firmware's is tried once more.

If it fails again, it goes into quarantine, so that one bad cable turns no release red, or green. A
numeric failure is never tried away, and what is the machine's or the user's trouble (a port that is
busy, not there or not permitted) is not the board's.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tinyproof import ports
from tinyproof.access import no_board
from tinyproof.benchmap import is_name
from tinyproof.discovery import SIMULATED, find
from tinyproof.errors import PortCause, PortError, TinyProofError, UsageError
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.quarantine import Quarantine, board_key
from tinyproof.report import Event, Failure, RunResult, decide
from tinyproof.run import RunOptions, run
from tinyproof.targets import find_target
from tinyproof.text import printable

RETRIED = frozenset({"port", "boot", "flash", "protocol"})
"""Failure classes that a cable, a hub or a power supply can cause."""


@dataclass(frozen=True)
class _Try:
    """One run, and what it came to.

    Attributes:
        result: of the run.
        failure: what failed; None if it passed.
        code: its exit code.
        cause: whose trouble it was; None if it was not the bench's, or there was none.
        proved: how many samples were answered rightly.
    """

    result: RunResult
    failure: Failure | None
    code: int
    cause: PortCause | None
    proved: int

    @property
    def words(self) -> str:
        """How it ended, for the report."""
        how = f"{self.failure.kind}: {self.failure.sentence}" if self.failure else "passed."
        return f"{how} ({self.proved:,} of {self.result.samples:,} samples proved)"


def run_on_bench(
    project: Project,
    options: RunOptions,
    progress: Progress,
    quarantine: Quarantine,
    tell: Callable[[str], None] = lambda _: None,
) -> RunResult:
    """Do the main job on a board of a bench; see ``run.run``.

    Of two tries, the report is that of the one that proved more, unless the second came to an end
    or to a failure that is not the bench's.

    Args:
        project: see ``run.run``.
        options: see ``run.run``.
        progress: see ``run.run``.
        quarantine: where boards go that fail twice.
        tell: gets a sentence before the second try, and when the board goes into quarantine.

    Raises:
        UsageError: no port is named, or see ``run.run``.
        PortError: no board is attached, or it is in quarantine.
    """
    port, is_guess = _port_of(project, options)
    quarantine.demand_free(port)
    key, number = board_key(port), ports.serial_number(port)
    # A port that is given is taken for the user's word, which nobody gave for a guess.
    first = _try(run(project, options if is_guess else replace(options, port=port), progress))
    if first.failure is None or first.cause not in (PortCause.BOARD, PortCause.BUSY):
        return first.result
    tell(f"tried once more after: {first.failure.sentence}")
    now = (number and ports.with_serial_number(number)) or port
    again = options if is_guess else replace(options, port=now)
    second = _second_try(project, again, progress, first)
    kept = second if _outranks(second, first) else first
    if options.wire_log:
        _keep_log(options.wire_log, second is kept)
    events = (Event("retry", 1, f"First {first.words}; then {second.words}"), *kept.result.events)
    if _blames_the_board(first, second):
        assert kept.failure
        quarantine.add(port, kept.failure.kind, kept.failure.sentence, key=key)
        tell(
            f"the board {printable(key)} is now in quarantine; "
            f"tinyproof boards --release {printable(key)}"
        )
        events = (*events, Event("quarantine", 1, key))
    return replace(kept.result, events=events)


def _port_of(project: Project, options: RunOptions) -> tuple[str, bool]:
    """Return the port of the board that is meant, and whether it is a guess; see ``discovery``."""
    port, is_guess = options.port, False
    if not port or is_name(port):
        target = find_target(project, options.target)
        meant = find(target, port)
        port, is_guess = meant.port, meant.guess is not None
        if port is None and not target.hosted:
            raise no_board(target)
    if port is None or port == SIMULATED:
        raise UsageError(
            "Only boards on a port can go into quarantine.", hint="Name one with --port."
        )
    return port, is_guess


def _try(result: RunResult) -> _Try:
    failure, code = decide(result)
    judged = result.judgement
    proved = 0 if judged is None else len(judged) - int(judged.failing.sum())
    cause = None
    # Wrong answers outrank everything: see ``decide``.
    if failure and failure.kind in RETRIED and code == 4:
        error = result.error
        cause = error.cause if isinstance(error, PortError) else PortCause.BOARD
    return _Try(result, failure, code, cause, proved)


def _second_try(project: Project, options: RunOptions, progress: Progress, first: _Try) -> _Try:
    """Run again, with a wire log beside the first one; an error takes nothing of the first away."""
    if options.wire_log and options.wire_log.is_file():
        options = replace(options, wire_log=_second_log(options.wire_log))
    try:
        return _try(run(project, options, progress))
    except TinyProofError as error:
        return _try(replace(first.result, judgement=None, events=(), error=error))


def _outranks(second: _Try, first: _Try) -> bool:
    """Whether the second try is the one to report: it came to a verdict, or no less far.

    Among equals the one that the board failed tells the real cause.
    """
    if second.code in (0, 1, 3):
        return True
    order = [(one.proved, one.cause is PortCause.BOARD) for one in (second, first)]
    return order[0] >= order[1]


def _blames_the_board(first: _Try, second: _Try) -> bool:
    """Whether the board failed twice; one that is gone the second time did."""
    return first.cause is PortCause.BOARD and second.cause in (PortCause.BOARD, PortCause.ABSENT)


def _second_log(first: Path) -> Path:
    return first.with_name(f"{first.name}.second")


def _keep_log(log: Path, second: bool) -> None:
    """Let ``log`` be that of the try that is reported; a second log that is not is left beside."""
    other = _second_log(log)
    if second and log.is_file():
        with suppress(OSError):  # Then it lies beside; the report is worth more.
            other.replace(log)
