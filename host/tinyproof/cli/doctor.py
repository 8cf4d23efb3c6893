"""``tinyproof doctor``: what this machine has and lacks."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text


@click.command(short_help="Tell what this machine lacks, and the command that mends it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> int:
    """Tell what this machine has, what it lacks, and the command that mends it.

    Ends with 0 if the main job can run on `native`, with 4 if not.

    \b
    Examples:
      tinyproof doctor
      tinyproof doctor --json
    """
    from tinyproof import doctor

    checks = list(doctor.examine())
    broken = any(check.required and not check.ok for check in checks)
    if as_json:
        answer = {"system": doctor.system(), "checks": [asdict(c) | {"ok": c.ok} for c in checks]}
        click.echo(json.dumps(answer, indent=2))
        return 4 if broken else 0
    table = Table(box=None, pad_edge=False)
    for title in ("", "what", "for", "found, or what to do"):
        table.add_column(title, overflow="fold")
    for check in checks:
        mark = "ok" if check.ok else ("MISSING" if check.required else "-")
        table.add_row(mark, check.name, check.needed_for, Text(check.found or check.fix))
    Console(highlight=False).print(table)
    return 4 if broken else 0
