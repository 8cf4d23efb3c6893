"""``tinyproof train``: train a model of the zoo and show what each of its forms is worth."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Train a model of the zoo and convert it to each form.")
@click.argument("name", default="digits")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@click.option("--seed", default=0, show_default=True, help="Where the random numbers start.")
def command(name: str, out: Path | None, seed: int) -> None:
    """Train the zoo's model NAME (default: digits) and convert it to each form.

    Writes one .tflite per form, test.npz and the training curve to .tinyproof/models/NAME.

    \b
    Examples:
      tinyproof train
      tinyproof train digits --seed 7 --out my-digits
    """
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.cli.forms import print_forms
    from tinyproof.project import find_project
    from tinyproof.subject import models_folder, train_model

    folder = out or models_folder(find_project()) / name
    trained = train_model(name, folder, seed, ConsoleProgress())
    print_forms(trained.forms, trained.samples)
    click.echo(f"Wrote {folder}.")
