"""``tinyproof ports``: the serial ports of this machine."""

from __future__ import annotations

import click


@click.command(short_help="List the serial ports that are attached.")
def command() -> None:
    """List the serial ports that are attached, with what USB tells of them.

    \b
    Example:
      tinyproof ports
    """
    from serial.tools import list_ports

    from tinyproof.text import printable

    found = sorted(list_ports.comports(), key=lambda port: port.device)
    for port in found:
        usb = f"{port.vid:04x}:{port.pid:04x}" if port.vid is not None else "no USB"
        parts = [port.device, usb, port.serial_number or "-", port.description or ""]
        click.echo("  ".join(printable(part) for part in parts))
    if not found:
        click.echo("No serial ports. Plug in a board with a data cable, or use --port sim.")
