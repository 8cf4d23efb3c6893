"""Progress on a terminal: how far, how fast, and how long still."""

from __future__ import annotations

import io
import re
import time

import pytest
from rich.console import Console

from tinyproof.cli.console import ConsoleProgress


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal of 120 columns shows."""
    shown = io.StringIO()
    terminal = Console(file=shown, force_terminal=True, width=120, color_system=None)
    monkeypatch.setattr("tinyproof.cli.console.Console", lambda **_: terminal)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    return shown


def test_a_long_step_shows_rate_and_time_left(screen: io.StringIO) -> None:
    with ConsoleProgress().step("stream", "100,000 samples") as step:
        for done in (0, 20_000, 40_000):
            step.update(done, 100_000)
            time.sleep(0.15)
    text = screen.getvalue()
    assert "40000/100000" in text
    assert re.search(r"[\d,]{5,}/s", text)
    assert re.search(r"0:00:\d\d", text)


def test_a_finished_step_leaves_one_line_with_its_result(screen: io.StringIO) -> None:
    with ConsoleProgress().step("stream", "359 samples") as step:
        step.update(359, 359)
        step.result("25,000 samples/s")
    last = screen.getvalue().splitlines()[-1]
    assert re.search(r"stream +359 samples +\d\.\d s  25,000 samples/s$", last)
