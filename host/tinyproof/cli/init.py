"""``tinyproof init``: a project of one's own."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Lay out firmware and fixtures as a project of your own.")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def command(directory: Path) -> None:
    """Lay out firmware, platformio.ini and fixtures in DIRECTORY as a project of your own.

    \b
    Example:
      tinyproof init my-board && cd my-board && tinyproof run
    """
    from tinyproof.project import init_project

    init_project(directory)
    click.echo(f"Laid out a project in {directory}. Next: cd {directory} && tinyproof run")
