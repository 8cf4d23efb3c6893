"""Starts whatever stands in for a target's board; which one, its ``target.ini`` says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tinyproof.errors import UsageError
from tinyproof.link import Link
from tinyproof.simulators.process import ProcessLink
from tinyproof.targets import Target


def _program(target: Target, program: Path) -> Link:
    link = ProcessLink([program], baud=target.baud)
    link.name = f"{target.name} on {link.port}"
    return link


SIMULATORS: Mapping[str, Callable[[Target, Path], Link]] = {"program": _program}
"""How each simulator is started, by the name that ``target.ini`` gives it."""


def start_simulator(target: Target, program: Path) -> Link:
    """Start the simulator of ``target`` with the built ``program`` and return the link to it.

    Raises:
        UsageError: ``target.ini`` names a simulator that there is not.
        ToolchainError: it is not installed.
        PortError: it does not start.
    """
    try:
        start = SIMULATORS[target.simulator]
    except KeyError:
        raise UsageError(
            f"Target {target.name} names the simulator {target.simulator!r}, which does not exist.",
            hint=f"Known simulators: {', '.join(SIMULATORS)}.",
        ) from None
    return start(target, program)
