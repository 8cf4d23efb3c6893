"""``tinyproof flash``: put the firmware of one model on a board, and ask the board what it runs."""

from __future__ import annotations

from pathlib import Path

import click

from tinyproof.cli import options
from tinyproof.convert import Form


@click.command(short_help="Build the firmware and flash a board that runs another.")
@options.target
@options.port
@options.model
@options.form
@options.engine
@options.baud
def command(
    target: str,
    port: str | None,
    model: Path | None,
    form: str,
    engine: str | None,
    baud: int | None,
) -> None:
    """Build the firmware and flash the board on --port, unless the board already runs it.

    With one board of the target attached, --port can be left out, unless only its USB-serial chip
    is known and it runs something else; see tinyproof ports.

    \b
    Examples:
      tinyproof flash --target esp32dev --port /dev/ttyUSB0
      tinyproof flash --target uno --port /dev/ttyACM0
      tinyproof flash --target megaatmega2560 --port /dev/ttyACM0 --model m.tflite
    """
    from tinyproof.access import is_simulated
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.errors import UsageError
    from tinyproof.harness import open_session
    from tinyproof.hello import describe_board
    from tinyproof.project import find_project
    from tinyproof.subject import find_subject
    from tinyproof.targets import find_target

    project, progress = find_project(), ConsoleProgress()
    found = find_target(project, target)
    if found.hosted:
        raise UsageError(
            f"Target {target} is a program of this machine: there is nothing to flash.",
            hint="Name a board with --target; tinyproof targets lists them.",
        )
    is_simulated(found, port)  # Which board is meant shows before anything is trained.
    subject = find_subject(project, model, None, progress, form=Form(form))
    session = open_session(
        project,
        subject,
        progress,
        target=target,
        port=port,
        engine=engine,
        baud=baud,
        despite_echo=True,
    )
    with session as board:
        for name, value in describe_board(board.hello):
            click.echo(f"{name:<16} {value}")
