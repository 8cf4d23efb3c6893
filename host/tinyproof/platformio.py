"""Drives PlatformIO: on TinyProof's own core for native and simulated runs, else on the user's.

No call waits for a network: what a build needs is checked before PlatformIO starts, and on
TinyProof's core it is started without a way to the registry. A user's own, with the board's
platform installed, may fetch the rest, such as a library. PlatformIO's own errors are mapped in
``build``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tinyproof.errors import ToolchainError
from tinyproof.pio import child, packages, plain
from tinyproof.pio.core import (
    Core,
    check_installed,
    install_command,
    standin_core,
    user_core,
)
from tinyproof.project import Project
from tinyproof.targets import Target

__all__ = ["Core", "check_installed", "core_for", "passthrough", "run", "standin_core", "user_core"]


def core_for(target: Target, *, simulated: bool = True) -> Core:
    """Return the core folder to build ``target`` with, complete for this target.

    Native and simulated runs take TinyProof's own, so that the user's is never touched. A real
    board takes the user's PlatformIO if it has the platform, else the stand-in if there is one; a
    target without a simulator is always a real board.

    Raises:
        ToolchainError: something is missing; the hint is the command that installs it.
        StorageError: TinyProof's own core folder cannot be written.
    """
    if not (target.hosted or (simulated and target.simulator)):
        core = user_core()
        # Instead of another version PlatformIO would fetch the pinned one.
        if core.platform(target.platform_spec):
            return core
        if target.platform not in packages.platforms():
            pinned = target.platform_spec.partition("@")[2]
            wanted = f"{target.platform} {pinned}".strip()
            there = core.installed()["platforms"].get(target.platform, "")
            found = f", only {there}" if there else ""
            raise ToolchainError(
                f"PlatformIO's platform {wanted} is not installed in {core.path}{found}.",
                hint=install_command(target.platform_spec),
            )
    core = standin_core()
    check_installed(core, target.platform, target.frameworks, upload=not target.hosted)
    return core


def run(
    project: Project,
    core: Core,
    arguments: Sequence[str],
    *,
    log: Path,
    settings: Mapping[str, str],
    on_line: Callable[[str], None] | None = None,
    give_up: Callable[[], bool] | None = None,
) -> int:
    """Run ``pio ARGUMENTS`` in the project's folder and return its exit code.

    It is a process group of its own, which ends with this call, whatever ends the call.

    Args:
        project: where to run it.
        core: the core folder to use.
        arguments: PlatformIO's command and options.
        log: takes all output.
        settings: environment variables on top of the core's.
        on_line: told of each line of output.
        give_up: asked twice a second, from a thread; once it says so, PlatformIO is ended.

    Raises:
        ToolchainError: PlatformIO cannot be started.
        StorageError: the log cannot be written.
    """
    return child.run(
        [*_command(core), *arguments],
        cwd=project.root,
        environment=core.environment() | dict(settings),
        log=log,
        on_line=on_line,
        give_up=give_up,
    )


def _command(core: Core) -> list[str]:
    """Return how to start PlatformIO: the one beside this package, or for a user's core theirs."""
    if not core.standin:
        candidates = (core.path / "penv" / "bin" / "pio", shutil.which("pio"))
        for candidate in candidates:
            if candidate and Path(candidate).exists():
                return [str(candidate)]
    # -P: a file in the project's folder must not pass for one of PlatformIO's modules.
    return [sys.executable, "-P", "-m", "platformio"]


def passthrough(project: Project | None, argv: Sequence[str]) -> int:
    """Run ``pio ARGV`` on TinyProof's own core, in the terminal; return its exit code.

    Args:
        project: from ``plain.project_of``.
        argv: PlatformIO's command and options.

    Raises:
        UsageError: an environment of TinyProof's project that is asked for does not exist.
        ToolchainError: something that it needs is missing.
        StorageError: TinyProof's own core folder cannot be written.
    """
    core = standin_core()
    plain.check(core, project, argv)
    environment = core.environment(plain=True)
    if project and not project.state.is_relative_to(project.root):
        environment.setdefault("PLATFORMIO_WORKSPACE_DIR", str(project.state / "pio"))
    return _in_terminal([*_command(core), *argv], plain.start_folder(project, argv), environment)


def _in_terminal(command: list[str], cwd: Path, environment: Mapping[str, str]) -> int:
    """Run a command on this process's own terminal, so that its prompts and monitors work."""
    shared = sys.stdin is not None and sys.stdin.isatty()
    try:
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, start_new_session=not shared, text=True
        )
    except OSError as error:
        raise ToolchainError(
            f"Cannot start PlatformIO: {error.strerror}.", hint="pip install platformio"
        ) from error
    try:
        return process.wait()
    finally:
        if shared:
            # Ctrl-C reached the whole foreground group already; a group of its own has to be told.
            process.terminate()
            process.wait()
        else:
            child.end_group(process)
