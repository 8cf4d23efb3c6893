"""What ``run`` and ``bench`` share: the options of the main job, doing it, and its report."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinyproof.cli import options
from tinyproof.cli.streams import complain
from tinyproof.convert import Form
from tinyproof.errors import StorageError

if TYPE_CHECKING:
    from tinyproof.bench import BenchOptions
    from tinyproof.budgets import Budgets
    from tinyproof.report import Report, RunResult
    from tinyproof.run import RunOptions

Command = Callable[..., Any]

_POSITIVE = click.FloatRange(min=0, min_open=True)
_BUDGETS: tuple[tuple[str, str, Any, str, str], ...] = (
    ("--max-latency-us", "latency_p99_us", _POSITIVE, "US", "p99 latency, microseconds"),
    ("--max-p50-us", "latency_p50_us", _POSITIVE, "US", "median latency, microseconds"),
    ("--max-flash", "flash_bytes", click.IntRange(min=1), "BYTES", "the image"),
    ("--max-ram", "static_ram_bytes", click.IntRange(min=1), "BYTES", "static RAM"),
    ("--max-arena", "arena_bytes", click.IntRange(min=1), "BYTES", "the model's tensors"),
    ("--max-stack", "stack_bytes", click.IntRange(min=1), "BYTES", "the deepest stack"),
    ("--max-lsb", "max_lsb", click.IntRange(min=0), "LSB", "the largest error of an output"),
    (
        "--min-accuracy",
        "accuracy",
        click.FloatRange(0, 1),
        "SHARE",
        "the board's accuracy, 0 to 1",
    ),
)
"""Option, name in ``tinyproof.budgets``, type, unit, what is bounded."""

SUBJECT: tuple[Callable[[Command], Command], ...] = (options.target, options.port, options.model)
_OPTIONS: tuple[Callable[[Command], Command], ...] = (
    options.form,
    click.option(
        "--samples", type=options.FILE, help="An .npz file with x and, if known, labels y."
    ),
    click.option(
        "--raw-samples",
        is_flag=True,
        help="Prepare --samples as the model's metadata says: (x - mean) / std.",
    ),
    click.option(
        "--random",
        type=click.IntRange(min=1),
        metavar="N",
        help="Instead of --samples: N random and edge-value inputs.",
    ),
    options.engine,
    options.baud,
    click.option("--no-flash", is_flag=True, help="Refuse a board that runs something else."),
    click.option(
        "--task",
        type=click.Choice(["classification", "tensor"]),
        help="Whether classes matter; they do by default where there are labels.",
    ),
    click.option(
        "--tolerance-lsb",
        type=click.IntRange(min=0),
        metavar="K",
        help="Let answers within K LSB pass; without it only exact ones do.",
    ),
    click.option(
        "--check-clock",
        is_flag=True,
        help="Watch the clock of a simulated board or a program for a second, as that of real "
        "boards.",
    ),
    click.option(
        "--repeat",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Stream the samples N more times: again, shuffled, with poisoned memory; an answer "
        "that changes is unstable.",
    ),
    click.option(
        "--trace",
        is_flag=True,
        help="Compare layer by layer even if no answer is wrong; wrong ones are always traced.",
    ),
    click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder for report.json.  [default: the project's .tinyproof/report]",
    ),
    click.option(
        "--baseline",
        type=click.Path(path_type=Path),
        metavar="REPORT",
        help="Compare with an earlier report.json; a regression ends with 1.",
    ),
    *(
        click.option(name, key, type=kind, metavar=unit, help=f"Budget: {words}; missed: exit 1.")
        for name, key, kind, unit, words in _BUDGETS
    ),
)


def job_options(
    command: Command, subject: tuple[Callable[[Command], Command], ...] = SUBJECT
) -> Command:
    """Give ``command`` the options of the main job; it takes them as keywords.

    ``subject`` are those for target, port and model.
    """
    for option in reversed((*subject, *_OPTIONS)):
        command = option(command)
    return command


def run_options(given: dict[str, Any], bench: BenchOptions | None = None) -> RunOptions:
    """Return what the options ask for; see ``tinyproof.run.RunOptions``."""
    from tinyproof.run import RunOptions
    from tinyproof.verdict import Task

    if given["random"] is not None and given["samples"] is not None:
        raise click.UsageError("--random and --samples exclude each other.")
    if given["raw_samples"] and given["samples"] is None:
        raise click.UsageError("--raw-samples needs --samples.")
    return RunOptions(
        target=given["target"],
        port=given["port"],
        model=given["model"],
        form=Form(given["form"]),
        samples=given["samples"],
        random=given["random"],
        engine=given["engine"],
        task=Task(given["task"]) if given["task"] else None,
        tolerance_lsb=given["tolerance_lsb"],
        budgets=_budgets(given),
        baud=given["baud"],
        flash=not given["no_flash"],
        check_clock=given["check_clock"],
        repeat=given["repeat"],
        wire_log=given.get("wire_log"),
        trace=given["trace"],
        bench=bench,
        raw_samples=given["raw_samples"],
    )


def _budgets(given: dict[str, Any]) -> Budgets:
    from tinyproof.budgets import Budgets, valid

    for option, key, *_ in _BUDGETS:
        # Infinity and what is no number come through click's ranges.
        if given[key] is not None and not valid(key, given[key]):
            raise click.UsageError(f"{option} {given[key]} is not a budget.")
    return Budgets(**{key: given[key] for _, key, *_ in _BUDGETS})


def do_job(given: dict[str, Any], bench: BenchOptions | None = None) -> tuple[RunResult, Path]:
    """Do the main job and return its result, and the folder where its report goes."""
    from tinyproof.baseline import check_baseline
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.health import run_on_bench
    from tinyproof.project import find_project
    from tinyproof.quarantine import Quarantine
    from tinyproof.report import load_report
    from tinyproof.run import run
    from tinyproof.storage import check_writable

    chosen = run_options(given, bench)
    project = find_project()
    folder: Path = given["out"] or project.state / "report"
    check_writable(folder)
    if given["baseline"] is not None:
        old = load_report(given["baseline"])
        check_baseline(old, project, chosen, ConsoleProgress())
    if given.get("quarantine"):
        return run_on_bench(project, chosen, ConsoleProgress(), Quarantine(), complain), folder
    return run(project, chosen, ConsoleProgress()), folder


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
