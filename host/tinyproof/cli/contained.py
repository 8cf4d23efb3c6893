"""Commands that native code may crash: the console script runs them in a child, and goes on."""

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
JOURNAL = "TINYPROOF_JOURNAL"
"""Environment variable by which a child knows that it is one: the file of its journal."""
CONVERT = "convert"
"""The step whose crash the next child goes on from, without the form that was being made."""
INTERRUPTED = 130
END_SECONDS = 3.0
"""How long an interrupted child may take to end before it is killed."""


class Journal:
    """What a child began and made, a JSON list a line, so that another can go on from there."""

    def __init__(self, file: Path | None) -> None:
        """Keep it in ``file``; None: keep none."""
        self._file = file

    @classmethod
    def of_this_process(cls) -> Journal:
        """Return the journal that this process was started with."""
        file = os.environ.get(JOURNAL)
        return cls(Path(file) if file else None)

    def began(self, verb: str, what: str) -> None:
        """Note a step."""
        self._add("began", verb, what)

    def wrote(self, form: str, path: Path) -> None:
        """Note a file that is there."""
        self._add("wrote", form, str(path))

    def crashed(self, form: str, how: str) -> None:
        """Note that the form cannot be made; ``how`` is the name of a signal."""
        self._add("crashed", form, how)

    def written(self) -> dict[str, Path]:
        """Return the file of each form that is there."""
        return {form: Path(path) for kind, form, path in self._entries() if kind == "wrote"}

    def crashes(self) -> dict[str, str]:
        """Return how each form crashed that did."""
        return {form: how for kind, form, how in self._entries() if kind == "crashed"}

    def last_step(self) -> tuple[str, str]:
        """Return the step begun last."""
        steps = [(verb, what) for kind, verb, what in self._entries() if kind == "began"]
        return steps[-1] if steps else ("start", "")

    def _add(self, *entry: str) -> None:
        if self._file:
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(entry) + "\n")

    def _entries(self) -> list[list[str]]:
        if not self._file or not self._file.exists():
            return []
        lines = self._file.read_text("utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]  # It may die writing.


def is_contained(arguments: Sequence[str]) -> bool:
    """Return whether the console script hands ``arguments`` to a child."""
    command = next((word for word in arguments if not word.startswith("-")), "")
    return command in CONTAINED and JOURNAL not in os.environ


def run_contained(arguments: Sequence[str]) -> int:
    """Run the command in a child with the same terminal and return its exit code.

    If making a form crashes the child, another one makes the rest. Temporary files of the children
    are in a folder of their own, which goes with them.

    Raises:
        ToolchainError: a child died by a signal, and not while it made a form.
        KeyboardInterrupt: interrupted, and the child did not say so itself.
    """
    with tempfile.TemporaryDirectory(prefix="tinyproof-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "journal"
        environment = {**os.environ, "TMPDIR": folder, JOURNAL: str(file)}
        command = [sys.executable, "-P", "-m", "tinyproof", *arguments]
        while (code := _wait(subprocess.Popen(command, env=environment))) < 0:
            _note_crash(Journal(file), signal.Signals(-code).name)
        return code


def _note_crash(journal: Journal, how: str) -> None:
    """Note the form that crashed.

    Raises:
        ToolchainError: it was no form, so that nothing can be left out.
    """
    verb, what = journal.last_step()
    if verb != CONVERT or what in {*journal.crashes(), *journal.written()}:
        raise ToolchainError(
            f"The command crashed with {how} in the step {verb} {what}.".replace(" .", "."),
            hint="Try it with another model or other samples, to see which of them it is.",
        )
    journal.crashed(what, how)


def crash_of(form: str, how: str) -> ToolchainError:
    """Return the error of a form whose making ended with the signal ``how``."""
    return ToolchainError(
        f"TensorFlow's converter crashed with {how} while making the form {form}.",
        hint="Do with the other forms; recurrent layers: build them with unroll=True.",
    )


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


class NotedProgress(Progress):
    """Passes steps on and notes each in a journal."""

    def __init__(self, shown: Progress, journal: Journal) -> None:
        """Pass steps on to ``shown``."""
        self._shown = shown
        self._journal = journal

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[Step]:
        """Note the step and enter it."""
        self._journal.began(name, what)
        with self._shown.step(name, what) as step:
            yield step

    def note(self, text: str) -> None:
        """Pass it on."""
        self._shown.note(text)
