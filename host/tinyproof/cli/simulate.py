"""``tinyproof simulate``: a simulated board on a serial port, for any other program."""

from __future__ import annotations

from pathlib import Path

import click

from tinyproof.cli import options


@click.command(short_help="Run a simulated board and print its port.")
@options.target
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Simulated seconds per second once the bootloader is done; 0 is as fast as it goes.",
)
@click.option(
    "--tcp",
    type=click.IntRange(min=0, max=65535),
    metavar="PORT",
    help="Serve TCP on 127.0.0.1 instead of a pseudo-terminal; 0 takes a free port.",
)
@click.option(
    "--link",
    type=click.Path(path_type=Path),
    help="Also make a symbolic link to the pseudo-terminal here.",
)
def command(target: str, speed: float, tcp: int | None, link: Path | None) -> None:
    """Run a simulated board, print its port and what happens to it, until Ctrl-C.

    The board is empty but for its own bootloader, resets when the port is opened as a real one
    does, and takes any sketch: avrdude, the Arduino IDE or a serial monitor may use it.

    \b
    Examples:
      tinyproof simulate --target uno
      tinyproof simulate --target uno --link ttyUNO --speed 0
      avrdude -p atmega328p -c arduino -P ttyUNO -b 115200 -D -U flash:w:sketch.hex:i
    """
    from tinyproof.project import find_project
    from tinyproof.simulators.start import simulated_board
    from tinyproof.targets import find_target

    found = find_target(find_project(), target)
    with simulated_board(found, speed=speed, tcp_port=tcp, link=link, say=click.echo) as board:
        board.wait()
