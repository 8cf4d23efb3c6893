"""Progress in the terminal: a line per step, live with a bar where the terminal can."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from tinyproof.cli.streams import complain
from tinyproof.progress import Progress, Step
from tinyproof.text import printable


class ConsoleStep(Step):
    """A step shown as a live bar on a terminal and as one line when it is finished."""

    def __init__(self, bars: Bars | None, task: TaskID | None) -> None:
        self._bars = bars
        self._task = task
        self._began = time.monotonic()
        self.text = ""

    def update(self, done: int, total: int, note: str = "") -> None:
        """Move the bar to ``done`` of ``total``; an unknown total (0) shows a pulse."""
        if self._bars is None or self._task is None:
            return
        rate = done / max(time.monotonic() - self._began, 1e-3)
        self._bars.update(
            self._task,
            completed=done,
            total=total or None,
            note=printable(note) or f"{rate:,.0f}/s",
        )

    def result(self, text: str) -> None:
        """Set the words behind the finished step."""
        self.text = printable(text)


class ConsoleProgress(Progress):
    """Steps on stderr, so that stdout carries results alone."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._live = sys.stderr.isatty()

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[Step]:
        """Show ``name`` and ``what`` while the step lasts, and its result and seconds after it."""
        began, what = time.monotonic(), printable(what)
        if not self._live:
            step = ConsoleStep(None, None)
            yield step
        else:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}", markup=False),
            )
            with Bars(*columns, console=self._console, transient=True) as bars:
                task = bars.add_task(f"{name:<9} {what}", total=None, note="")
                step = ConsoleStep(bars, task)
                yield step
        seconds = f"{time.monotonic() - began:5.1f} s"
        self._console.print(f"{name:<9} {what:<34} {seconds}  {step.text}".rstrip(), markup=False)

    def note(self, text: str) -> None:
        """Show ``text`` as a line of its own."""
        complain(text)
