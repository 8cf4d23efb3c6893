"""A child process in a group of its own: output read by line, no member left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tinyproof.errors import ToolchainError
from tinyproof.storage import storage_errors

END_SECONDS = 2.0
"""How long a group may take to end before it is killed, in seconds."""
_WATCH_SECONDS = 0.5


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    log: Path,
    on_line: Callable[[str], None] | None = None,
    give_up: Callable[[], bool] | None = None,
) -> int:
    """Run ``command`` and return its exit code.

    Args:
        command: the program and its arguments.
        cwd: the folder to run it in.
        environment: all of its environment.
        log: takes its output, stdout and stderr in one, as it comes.
        on_line: told of each line, without the end of line.
        give_up: asked twice a second, from a thread; once it says so, the group is killed.

    Raises:
        ToolchainError: it cannot be started.
        StorageError: the log cannot be written.
    """
    with storage_errors(log), log.open("w", encoding="utf-8") as file:
        process = _start(command, cwd, environment)
        try:
            assert process.stdout is not None
            with _watched(process, give_up):
                for line in process.stdout:
                    file.write(line)
                    if on_line is not None:
                        on_line(line.rstrip("\n"))
                return process.wait()
        finally:
            # Interrupted, or ended with something still running in its group.
            end_group(process)


@contextmanager
def _watched(process: subprocess.Popen[str], give_up: Callable[[], bool] | None) -> Iterator[None]:
    """Kill the process's group as soon as ``give_up`` says so; its output ends then."""
    done = threading.Event()

    def watch() -> None:
        while give_up is not None and not done.wait(_WATCH_SECONDS):
            if give_up():
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                return

    thread = threading.Thread(target=watch, name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _start(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str]
) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ToolchainError(
            f"Cannot start {command[0]}: {error.strerror}.", hint="Install it again."
        ) from error


def end_group(process: subprocess.Popen[str]) -> None:
    """End a process that leads a group, and the whole group, at once if it can, by force if not."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # The leader may have gone before its children; a group without members is no error.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
