"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tinyproof.convert import ZOO_FORMS, Form

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

FILE = click.Path(path_type=Path, dir_okay=False)

target: Decorator = click.option(
    "--target", default="native", show_default=True, help="Kind of board; see: tinyproof targets."
)
port: Decorator = click.option(
    "--port",
    help="Serial port, pyserial URL or bench name of the board (see tinyproof ports), or sim for "
    "the target's simulator.  [default: the one board of the target that is attached]",
)
model: Decorator = click.option(
    "--model", type=FILE, help="A .tflite file; without it the digits model, trained if need be."
)
form: Decorator = click.option(
    "--form",
    type=click.Choice([str(form) for form in ZOO_FORMS]),
    default=str(Form.INT8),
    show_default=True,
    help="Which form of the digits model.",
)
engine: Decorator = click.option(
    "--engine", help="What runs the model on the board; the target's first engine if not given."
)
baud: Decorator = click.option(
    "--baud",
    type=click.IntRange(min=300),
    metavar="N",
    help="Speed of the serial port, bits per second; built into the firmware too.  "
    "[default: the target's]",
)
