"""``tinyproof history``: many reports as one page."""

from __future__ import annotations

from pathlib import Path

import click

from tinyproof.cli import options
from tinyproof.cli.streams import complain


@click.command(short_help="Write one page of many reports: how figures moved over time.")
@click.argument("reports", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--out", "-o", type=options.FILE, required=True, help="The HTML file to write.")
def command(reports: tuple[Path, ...], out: Path) -> None:
    """Write a page of REPORTS: report.json files, or folders searched for them.

    A report that cannot be read is left out and named.

    \b
    Examples:
      tinyproof history reports --out history.html
    """
    from tinyproof.errors import UsageError
    from tinyproof.history import find_reports, load_all, render_history, series_of
    from tinyproof.storage import write_atomic

    found, skipped = load_all(find_reports(reports))
    for sentence in skipped:
        complain(sentence)
    if not found:
        raise UsageError("None of the reports can be read.", hint="Run again to write them.")
    write_atomic(out, render_history(series_of(found), skipped))
    click.echo(f"Wrote {out}, {len(found):,} of {len(found) + len(skipped):,} reports.", err=True)
