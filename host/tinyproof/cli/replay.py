"""``tinyproof replay``: judges a run again, from its wire log alone."""

from __future__ import annotations

from pathlib import Path

import click

from tinyproof.cli import options


@click.command()
@click.argument("log", type=options.FILE)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for report.json.  [default: replay, beside the log]",
)
def command(log: Path, out: Path | None) -> int:
    """Judge the run whose wire log LOG is, and end as it ended.

    No board and no firmware is needed: the log holds model, samples and every byte that passed.

    \b
    Examples:
      tinyproof run --wire-log run.log
      tinyproof replay run.log --out again
    """
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.cli.job import conclude
    from tinyproof.replay import replay
    from tinyproof.storage import check_writable

    folder = out or log.parent / "replay"
    check_writable(folder)
    return conclude(replay(log, ConsoleProgress()), folder)
