"""``tinyproof boards``: which boards are in quarantine."""

from __future__ import annotations

import click


@click.command(short_help="List the boards in quarantine, or release one.")
@click.option("--release", metavar="BOARD", help="Take this board out of quarantine.")
def command(release: str | None) -> int:
    """List the boards in quarantine, or release one, by serial number, port or bench name.

    run --quarantine refuses such a board; everything else warns and uses it.

    \b
    Examples:
      tinyproof run --target uno --port /dev/ttyACM0 --quarantine
      tinyproof boards
      tinyproof boards --release 85735313832351F02131
    """
    from tinyproof import benchmap
    from tinyproof.quarantine import Quarantine
    from tinyproof.text import printable

    quarantine, bench = Quarantine(), benchmap.load()
    if release is not None:
        known = bench.entries.get(release)
        quarantine.release(known.serial_number if known else release)
        return 0
    entries = quarantine.entries()
    for key, entry in entries.items():
        known = bench.of_number(key)
        name = f"{known.name}, " if known else ""
        click.echo(f"{name}{printable(key)}  since {entry.since} on {entry.port}")
        click.echo(f"  {entry.failure}: {entry.sentence}")
    if not entries:
        click.echo("No board is in quarantine.")
    return 0
