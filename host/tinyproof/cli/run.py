"""``tinyproof run``: the main job."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinyproof.cli import matrix
from tinyproof.cli.compare import against
from tinyproof.cli.job import do_job, job_options
from tinyproof.cli.streams import complain
from tinyproof.errors import StorageError

if TYPE_CHECKING:
    from tinyproof.report import Report, RunResult


@click.command(short_help="Do all of it: train, generate, build, flash, stream, compare.")
@partial(job_options, subject=matrix.SUBJECT)
@click.option(
    "--quarantine",
    is_flag=True,
    help="For benches: try once more what a cable can cause, then never use the board again until "
    "tinyproof boards --release.",
)
@click.option(
    "--wire-log",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every byte that passes to a file that tinyproof replay judges again.",
)
def command(**given: Any) -> int:
    """Train, quantize, generate, build, flash, stream and compare; skip what is up to date.

    \b
    Examples:
      tinyproof run
      tinyproof run --form float32
      tinyproof run --model m.tflite --samples s.npz --out report
      tinyproof run --target native_asan --model m.tflite --random 200
      tinyproof run --target uno --port sim --baud 1000000
      tinyproof run --target uno,native --port uno=sim --model a.tflite,b.tflite --random 50
    """
    if matrix.is_matrix(given):
        return matrix.run_pairs(given, click.get_current_context())
    return against(given["baseline"], lambda: do_job(matrix.one(given)))


def conclude(result: RunResult, folder: Path) -> int:
    """Write the report and its pages, show it, say what failed, and return the exit code.

    A full disk takes neither the verdict nor its exit code away.
    """
    from tinyproof.report import decide, make_report
    from tinyproof.report.gather import evidence_of
    from tinyproof.report.write import write_all

    failure, code = decide(result)
    report = make_report(result)
    lost = _storage_error_of(lambda: write_all(report, evidence_of(result), folder))
    compared = result.judgement is not None
    lost = _storage_error_of(lambda: _show(report, compared, None if lost else folder)) or lost
    if failure:
        on_screen = compared and sys.stdout.isatty() and sys.stderr.isatty()
        complain("" if on_screen else f"{failure.kind}: {failure.sentence}", failure.hint)
    if lost:
        complain(f"{lost.failure}: {lost.sentence}", lost.hint)
        return code or lost.exit_code
    return code


def _show(report: Report, compared: bool, folder: Path | None) -> None:
    """Print the table if there is anything in it, and where the report is."""
    from rich.console import Console

    from tinyproof.report import render
    from tinyproof.report.html import FILE_NAME

    if compared:
        render(report, Console(highlight=False))
    if folder is not None:
        click.echo(f"Report: {folder / FILE_NAME}")


def _storage_error_of(action: Callable[[], object]) -> StorageError | None:
    try:
        action()
    except StorageError as error:
        return error
    return None
