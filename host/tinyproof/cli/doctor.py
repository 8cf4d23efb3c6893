"""``tinyproof doctor``: what this machine has and lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tinyproof.doctor import Check

_MARKS = {"ok": "ok", "missing": "MISSING", "absent": "-"}


@click.command(short_help="Tell what this machine lacks, and the command that mends it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a zip for a bug report: without user names, home folders or secrets.",
)
def command(as_json: bool, bundle: Path | None) -> int:
    """Tell what this machine has, what it lacks, and the command that mends it.

    Ends with 0 if the main job can run on `native`, with 4 if not.

    \b
    Examples:
      tinyproof doctor
      tinyproof doctor --json
      tinyproof doctor --bundle bug.zip
    """
    from tinyproof import bugreport, doctor
    from tinyproof.project import find_project

    checks = list(doctor.examine())
    broken = any(check.required and not check.ok for check in checks)
    if bundle is not None:
        for name, size in bugreport.write_bundle(find_project(), bundle, checks):
            click.echo(f"{name:<18} {size:>9,} bytes", err=as_json)
        click.echo(f"Bundle: {bundle}. Look through it before you send it.", err=as_json)
        if not as_json:
            return 4 if broken else 0
    if as_json:
        click.echo(json.dumps(bugreport.as_json(checks), indent=2))
        return 4 if broken else 0
    width = max(len(check.name) for check in checks)
    for check in checks:
        # Never wrapped: commands are there to be copied.
        click.echo(f"{_MARKS[check.state]:<7}  {check.name:<{width}}  {_words(check)}")
    return 4 if broken else 0


def _words(check: Check) -> str:
    return check.found if check.ok else f"{check.fix}   ({check.needed_for})"
