"""``tinyproof targets``: the kinds of board there are."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List the kinds of board that firmware can be built for.

    \b
    Examples:
      tinyproof targets
      tinyproof targets --json
    """
    from tinyproof.project import find_project
    from tinyproof.targets import load_targets

    targets = load_targets(find_project())
    if as_json:
        found = [asdict(t) | {"folder": str(t.folder)} for t in targets.values()]
        click.echo(json.dumps(found, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("target", "what it is", "engines", "flash", "RAM", "simulator"):
        table.add_column(title, justify="right" if title in ("flash", "RAM") else "left")
    for target in targets.values():
        sizes = (f"{n:,}" if n else "-" for n in (target.flash_bytes, target.ram_bytes))
        engines = ", ".join(target.engines)
        table.add_row(target.name, target.title, engines, *sizes, target.simulator or "-")
    Console(highlight=False).print(table)
