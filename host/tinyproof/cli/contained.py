"""Commands that native code may crash: the console script runs them in a child, and tells."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tinyproof.errors import ToolchainError
from tinyproof.progress import Progress, Step

CONTAINED = frozenset({"convert"})
"""Commands that run libraries which crash on some models, TensorFlow's converter first of all."""
STEP_FILE = "TINYPROOF_STEP_FILE"
"""Environment variable by which a child knows that it is one: the file to note its steps in."""
INTERRUPTED = 130
END_SECONDS = 3.0
"""How long an interrupted child may take to end before it is killed."""


def is_contained(arguments: Sequence[str]) -> bool:
    """Return whether the console script hands ``arguments`` to a child."""
    command = next((word for word in arguments if not word.startswith("-")), "")
    return command in CONTAINED and STEP_FILE not in os.environ


def run_contained(arguments: Sequence[str]) -> int:
    """Run the command in a child with the same terminal and return its exit code.

    Temporary files of the child are in a folder of its own, which goes with it.

    Raises:
        ToolchainError: the child died by a signal.
        KeyboardInterrupt: interrupted, and the child did not say so itself.
    """
    with tempfile.TemporaryDirectory(prefix="tinyproof-", ignore_cleanup_errors=True) as folder:
        steps = Path(folder) / "step.json"
        environment = {**os.environ, "TMPDIR": folder, STEP_FILE: str(steps)}
        command = [sys.executable, "-P", "-m", "tinyproof", *arguments]
        code = _wait(subprocess.Popen(command, env=environment))
        if code < 0:
            raise _crash(-code, steps)
        return code


def _wait(child: subprocess.Popen[bytes]) -> int:
    try:
        return child.wait()
    except KeyboardInterrupt:
        # Ctrl-C reached the child as well, a signal to this process alone did not.
        if _end(child) == INTERRUPTED:
            return INTERRUPTED  # It has told the user.
        raise
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def _end(child: subprocess.Popen[bytes]) -> int | None:
    """Return the exit code of an interrupted child; None if it has to be killed."""
    with suppress(subprocess.TimeoutExpired):
        return child.wait(END_SECONDS / 2)
    child.terminate()
    with suppress(subprocess.TimeoutExpired):
        return child.wait(END_SECONDS / 2)
    return None


def _crash(number: int, steps: Path) -> ToolchainError:
    name = signal.Signals(number).name
    verb, what = _last_step(steps)
    if verb != "convert":
        return ToolchainError(
            f"The command crashed with {name} in the step {verb} {what}.".replace(" .", "."),
            hint="Try it with another model or other samples, to see which of them it is.",
        )
    return ToolchainError(
        f"TensorFlow's converter crashed with {name} while making the form {what}.",
        hint="Make the other forms with --form ...; recurrent layers: build them with unroll=True.",
    )


def _last_step(steps: Path) -> tuple[str, str]:
    try:
        verb, what = json.loads(steps.read_text("utf-8"))
    except (OSError, ValueError):
        return "start", ""  # It died before its first step, or while noting one.
    return str(verb), str(what)


class NotedProgress(Progress):
    """Passes steps on and, in a child of ``run_contained``, notes the one that was begun last."""

    def __init__(self, shown: Progress) -> None:
        """Pass steps on to ``shown``."""
        self._shown = shown
        self._file = os.environ.get(STEP_FILE)

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[Step]:
        """Note the step and enter it."""
        if self._file:
            Path(self._file).write_text(json.dumps([name, what]), "utf-8")
        with self._shown.step(name, what) as step:
            yield step

    def note(self, text: str) -> None:
        """Pass it on."""
        self._shown.note(text)
