"""The report in the terminal: held against golden files, safe from foreign text."""

from __future__ import annotations

import dataclasses
import io
import itertools
import os
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from runs import SILENT, full_result, result

from tinyproof.errors import IdentityError
from tinyproof.report import Event, ModelInfo, Report, make_report, render, verdict_line

GOLDEN = Path(__file__).with_name("golden_report")
UPDATE = bool(os.environ.get("TINYPROOF_UPDATE_GOLDEN"))


def rendered(report: Report, width: int = 100, **options: Any) -> str:
    stream = io.StringIO()
    render(report, Console(file=stream, width=width, **options))
    return stream.getvalue()


CASES = {
    "proved": (result, 100),
    "everything": (full_result, 100),
    "narrow": (full_result, 40),
    "silent": (lambda: result(error=SILENT), 80),
}


@pytest.mark.parametrize("name", CASES)
def test_the_terminal_text_is_golden(name: str) -> None:
    """Run with TINYPROOF_UPDATE_GOLDEN=1 to write the files anew, then read the difference."""
    make, width = CASES[name]
    text, path = rendered(make_report(make()), width), GOLDEN / f"{name}.txt"
    if UPDATE:
        path.write_text(text)
    assert text == path.read_text()


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(CASES)


def test_a_log_gets_no_control_codes_and_a_terminal_gets_colour() -> None:
    report = make_report(full_result())
    assert all(c.isprintable() or c == "\n" for c in rendered(report))
    colour = rendered(report, force_terminal=True, color_system="standard")
    assert "\x1b[1;31mNOT PROVED" in colour


def test_a_pipe_that_only_knows_ascii_gets_the_report() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    render(make_report(full_result()), Console(file=stream, width=80))
    stream.flush()
    assert b"NOT PROVED" in raw.getvalue()


HOSTILE = "\x1b[2J[bold]x[/bold]\x07\u202e:smile:\n"


def test_foreign_text_neither_controls_the_terminal_nor_counts_as_markup() -> None:
    run = dataclasses.replace(
        full_result(),
        target=HOSTILE,
        port=HOSTILE,
        model=ModelInfo(HOSTILE, "ab" * 32, 1),
        events=(Event(HOSTILE, 1, HOSTILE),),
        error=IdentityError("build", wanted="a", got=HOSTILE),
        samples_source=HOSTILE,
    )
    report = make_report(run)
    text = rendered(report, 500)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert text.count("[bold]x[/bold]") == 7
    assert ":smile:" in text
    assert "\n" not in verdict_line(report)


def test_the_verdict_is_one_line_however_narrow() -> None:
    for make, width in itertools.product((result, full_result), (20, 200)):
        report = make_report(make())
        assert rendered(report, width).splitlines()[-1] == verdict_line(report)
