"""Keeps a bench healthy: a board that fails for no reason of its firmware's is tried once more.

If it fails again, it goes into quarantine, so that one bad cable turns no release red, or green. A
numeric failure is never tried away.
"""

from __future__ import annotations

from dataclasses import replace

from tinyproof.benchmap import is_name
from tinyproof.discovery import SIMULATED, resolve
from tinyproof.errors import UsageError
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.quarantine import Quarantine
from tinyproof.report import Event, Failure, RunResult, decide
from tinyproof.run import RunOptions, run
from tinyproof.targets import find_target

RETRIED = frozenset({"port", "boot", "flash", "protocol"})
"""Failure classes that a cable, a hub or a power supply can cause."""


def run_on_bench(
    project: Project, options: RunOptions, progress: Progress, quarantine: Quarantine
) -> RunResult:
    """Do the main job on a board of a bench; see ``run.run``.

    Raises:
        UsageError: no port is named, or see ``run.run``.
        PortError: the board is in quarantine.
    """
    port = _port_of(project, options)
    if not port or port == SIMULATED:
        raise UsageError(
            "Only boards on a port can go into quarantine.", hint="Name one with --port."
        )
    options = replace(options, port=port)
    quarantine.demand_free(port)
    first = run(project, options, progress)
    why = _trouble(first)
    if why is None:
        return first
    second = run(project, options, progress)
    events = (Event("retry", 1, f"{why.kind}: {why.sentence}"), *second.events)
    again = _trouble(second)
    if again is not None:
        quarantine.add(port, again.kind, again.sentence)
        events = (*events, Event("quarantine", 1, port))
    return replace(second, events=events)


def _port_of(project: Project, options: RunOptions) -> str | None:
    """Return the port of the board that is meant; see ``discovery.resolve``."""
    if options.port and not is_name(options.port):
        return options.port
    return resolve(find_target(project, options.target), options.port)


def _trouble(result: RunResult) -> Failure | None:
    """Return the failure if it is the bench's. Wrong answers outrank everything: see ``decide``."""
    failure, code = decide(result)
    return failure if failure and failure.kind in RETRIED and code == 4 else None
