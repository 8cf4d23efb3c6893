"""``tinyproof run``: the main job."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinyproof.cli import options
from tinyproof.cli.streams import complain
from tinyproof.convert import Form
from tinyproof.errors import StorageError

if TYPE_CHECKING:
    from tinyproof.report import Report, RunResult


@click.command(short_help="Do all of it: train, generate, build, flash, stream, compare.")
@options.target
@options.port
@options.model
@options.form
@click.option("--samples", type=options.FILE, help="An .npz file with x and, if known, labels y.")
@click.option(
    "--random",
    type=click.IntRange(min=1),
    metavar="N",
    help="Instead of --samples: N random and edge-value inputs.",
)
@options.engine
@options.baud
@click.option("--no-flash", is_flag=True, help="Refuse a board that runs something else.")
@click.option(
    "--task",
    type=click.Choice(["classification", "tensor"]),
    help="Whether classes matter; they do by default where there are labels.",
)
@click.option(
    "--tolerance-lsb",
    type=click.IntRange(min=0),
    metavar="K",
    help="Let answers within K LSB pass; without it only exact ones do.",
)
@click.option(
    "--max-latency-us",
    type=click.FloatRange(min=0, min_open=True),
    metavar="US",
    help="Budget: fail if the p99 latency is above this many microseconds.",
)
@click.option(
    "--check-clock",
    is_flag=True,
    help="Watch the clock of a simulated board or a program for a second, as that of real boards.",
)
@click.option(
    "--repeat",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Stream the samples N more times: again, shuffled, with poisoned memory; an answer that "
    "changes is unstable.",
)
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
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for report.json.  [default: .tinyproof/report]",
)
def command(
    target: str,
    port: str | None,
    model: Path | None,
    form: str,
    samples: Path | None,
    random: int | None,
    engine: str | None,
    baud: int | None,
    no_flash: bool,
    task: str | None,
    tolerance_lsb: int | None,
    max_latency_us: float | None,
    check_clock: bool,
    repeat: int,
    quarantine: bool,
    wire_log: Path | None,
    out: Path | None,
) -> int:
    """Train, quantize, generate, build, flash, stream and compare; skip what is up to date.

    \b
    Examples:
      tinyproof run
      tinyproof run --form float32
      tinyproof run --model m.tflite --samples s.npz --out report
      tinyproof run --target native_asan --model m.tflite --random 200
      tinyproof run --target uno --port sim --baud 1000000
    """
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.health import run_on_bench
    from tinyproof.project import find_project
    from tinyproof.quarantine import Quarantine
    from tinyproof.run import RunOptions, run
    from tinyproof.storage import check_writable
    from tinyproof.verdict import Task

    if random is not None and samples is not None:
        raise click.UsageError("--random and --samples exclude each other.")
    project = find_project()
    folder = out or project.state / "report"
    check_writable(folder)
    chosen = RunOptions(
        target=target,
        port=port,
        model=model,
        form=Form(form),
        samples=samples,
        random=random,
        engine=engine,
        task=Task(task) if task else None,
        tolerance_lsb=tolerance_lsb,
        max_latency_us=max_latency_us,
        baud=baud,
        flash=not no_flash,
        check_clock=check_clock,
        repeat=repeat,
        wire_log=wire_log,
    )
    if quarantine:
        result = run_on_bench(project, chosen, ConsoleProgress(), Quarantine())
    else:
        result = run(project, chosen, ConsoleProgress())
    return conclude(result, folder)


def conclude(result: RunResult, folder: Path) -> int:
    """Write the report, show it, say what failed, and return the exit code.

    A full disk takes neither the verdict nor its exit code away.
    """
    from tinyproof.report import decide, make_report, write_report

    failure, code = decide(result)
    report = make_report(result)
    lost = _storage_error_of(lambda: write_report(report, folder))
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

    from tinyproof.report import FILE_NAME, render

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
