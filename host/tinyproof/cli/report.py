"""``tinyproof report``: the pages of a run, made again from its files."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Make the pages of a run again from its files.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write just the HTML page, to this file.",
)
@click.option("--markdown", is_flag=True, help="Print the Markdown, for a pull request.")
def command(folder: Path, page: Path | None, markdown: bool) -> int:
    """Write report.html, report.md and junit.xml into FOLDER, from the report.json that is there.

    Ends with 0 whatever the report says. Pictures are drawn from evidence.npz, if it is there.

    \b
    Examples:
      tinyproof report .tinyproof/report
      tinyproof report .tinyproof/report --html digits.html
      tinyproof report .tinyproof/report --markdown   for $GITHUB_STEP_SUMMARY
    """
    from tinyproof.report import load_report
    from tinyproof.report.evidence import load_evidence
    from tinyproof.report.html import FILE_NAME, render_html
    from tinyproof.report.markdown import render_markdown
    from tinyproof.report.write import write_views
    from tinyproof.storage import alone_in, write_atomic

    report = load_report(folder)
    if markdown:
        click.echo(render_markdown(report), nl=False)
    if page is not None:
        write_atomic(page, render_html(report, load_evidence(folder)))
    if not markdown and page is None:
        with alone_in(folder):
            # Read again: a run may have written here since, and the pages must be of its report.
            write_views(load_report(folder), load_evidence(folder), folder)
        click.echo(f"Report: {folder / FILE_NAME}")
    return 0
