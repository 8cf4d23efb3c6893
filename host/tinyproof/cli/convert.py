"""``tinyproof convert``: from a Keras model to its forms."""

from __future__ import annotations

from pathlib import Path

import click

from tinyproof.cli import options
from tinyproof.convert import Form


@click.command(short_help="Convert a Keras model to .tflite files with a clean graph.")
@click.argument("source", type=options.FILE)
@click.option(
    "--samples", type=options.FILE, help="An .npz file whose x calibrates the int8 forms."
)
@click.option(
    "--form",
    "forms",
    multiple=True,
    type=click.Choice([str(form) for form in Form]),
    help="A form to make; several may be given.  [default: all]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="the current folder",
    help="Folder to write to.",
)
def command(source: Path, samples: Path | None, forms: tuple[str, ...], out: Path) -> None:
    """Convert SOURCE, a Keras model (.keras, .h5), to .tflite files with a clean graph.

    With labels y in --samples a table shows the accuracy, size and latency of each form.

    \b
    Examples:
      tinyproof convert model.keras --samples train.npz --out forms
      tinyproof convert model.keras --form float32
    """
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.cli.forms import print_forms
    from tinyproof.convert.files import convert_file

    wanted = [Form(form) for form in forms] or list(Form)
    written = convert_file(source, wanted, samples, out, ConsoleProgress())
    if samples is not None:
        print_forms(written, samples)
    for path in written.values():
        click.echo(f"Wrote {path}.")
