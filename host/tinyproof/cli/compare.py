"""``tinyproof compare``: a run against an earlier one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinyproof.cli import options
from tinyproof.cli.job import conclude
from tinyproof.cli.streams import complain
from tinyproof.errors import IncomparableError

if TYPE_CHECKING:
    from tinyproof.compare import Comparison
    from tinyproof.report import RunResult

REPORT = click.Path(path_type=Path)
EXIT_REGRESSION = 1
PAGE = "compare.html"
"""What ``--baseline`` writes beside ``report.json``."""


@click.command(short_help="Hold a report against an earlier one; a regression fails.")
@click.argument("old", type=REPORT)
@click.argument("new", type=REPORT)
@click.option(
    "--allow-percent",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="P",
    help="Let times, sizes and throughput get worse by up to P per cent, beyond noise.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--html", type=options.FILE, help="Write a page with a chart.")
def command(old: Path, new: Path, allow_percent: float, as_json: bool, html: Path | None) -> int:
    """Hold NEW against OLD: report.json files, or folders that hold one.

    Exit code 1 on a regression, which is named; 3 if the runs cannot be compared.

    \b
    Examples:
      tinyproof compare baseline/report.json .tinyproof/report
      tinyproof compare OLD NEW --html compare.html --json
    """
    from tinyproof.compare import compare
    from tinyproof.report import load_report

    comparison = compare(load_report(old), load_report(new), allow_percent=allow_percent)
    return show(comparison, as_json=as_json, html=html)


def show(comparison: Comparison, *, as_json: bool = False, html: Path | None = None) -> int:
    """Print a comparison, write its page if one is asked for, and return the exit code."""
    from rich.console import Console

    from tinyproof.compare.page import render_page
    from tinyproof.compare.render import render, to_dict
    from tinyproof.storage import write_atomic

    if as_json:
        click.echo(json.dumps(to_dict(comparison), indent=2))
    else:
        render(comparison, Console(highlight=False))
    if html is not None:
        write_atomic(html, render_page(comparison))
        click.echo(f"Wrote {html}.", err=True)
    return 0 if comparison.passed else EXIT_REGRESSION


def against(baseline: Path | None, job: Callable[[], tuple[RunResult, Path]]) -> int:
    """Do a job, write its report and hold it against ``baseline``; return the exit code.

    The baseline is read before the job begins, which may overwrite it. A job that fails by itself
    keeps its exit code.
    """
    from tinyproof.compare import compare
    from tinyproof.report import load_report, make_report

    old = None if baseline is None else load_report(baseline)
    result, folder = job()
    code = conclude(result, folder)
    if old is None or code not in (0, EXIT_REGRESSION):
        return code
    click.echo()
    try:
        comparison = compare(old, make_report(result))
    except IncomparableError as error:
        if code == 0:
            raise
        complain(f"{error.failure}: {error.sentence}", error.hint)
        return code
    return show(comparison, html=folder / PAGE) or code
