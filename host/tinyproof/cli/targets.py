"""``tinyproof targets``: the kinds of board there are."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from tinyproof.targets import Target


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
        click.echo(json.dumps([_plain(target) for target in targets.values()], indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for title in _COLUMNS:
        table.add_column(title, justify="right" if title in _NUMBERS else "left", no_wrap=True)
    for target in targets.values():
        table.add_row(*_row(target))
    Console(highlight=False, width=None if sys.stdout.isatty() else 120).print(table)


_COLUMNS = ("target", "what it is", "engines", "MHz", "flash", "RAM", "port", "simulator")
_NUMBERS = ("MHz", "flash", "RAM")
_PORTS = {"bridge": "USB bridge", "usb_cdc": "native USB", "pty": "pty"}


def _row(target: Target) -> tuple[str, ...]:
    """Return the cells of one target, in the order of ``_COLUMNS``."""
    numbers = (target.clock_hz // 1_000_000, target.flash_bytes, target.ram_bytes)
    figures = (f"{number:,}" if number else "-" for number in numbers)
    engines = ", ".join(target.engines)
    port = _PORTS[target.serial]
    return (target.name, target.title, engines, *figures, port, target.simulator or "-")


def _plain(target: Target) -> dict[str, object]:
    """Return all fields as JSON has them; USB ids as people write them, in hex."""
    ids = [f"{vendor:04x}:{product:04x}" for vendor, product in target.usb_ids]
    return asdict(target) | {"folder": str(target.folder), "usb_ids": ids}
