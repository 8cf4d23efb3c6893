"""``tinyproof train``: train a model of the zoo and show what each of its forms is worth."""

from __future__ import annotations

from pathlib import Path

import click

from tinyproof.cli import options


@click.command(short_help="Train a model of the zoo and convert it to each form.")
@click.argument("name", default="digits")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@click.option("--seed", default=0, show_default=True, help="Where the random numbers start.")
@click.option(
    "--data",
    type=options.FILE,
    help="The data set of a model that does not bring its own: for cifar10 an .npz with x_train, "
    "y_train, x_test and y_test, or cifar-10-binary.tar.gz.",
)
def command(name: str, out: Path | None, seed: int, data: Path | None) -> None:
    """Train the zoo's model NAME (default: digits) and convert it to each form.

    Writes one .tflite per form, test.npz and the training curve to .tinyproof/models/NAME of the
    project.

    \b
    Models:
      digits    handwritten digits of 8 x 8 pixels, 810 parameters
      sine      y = sin(x): a regression, 321 parameters
      keywords  the shape of a keyword spotter (DS-CNN, 12 classes); its data are made up
      cifar10   photographs of 32 x 32 pixels, 122,570 parameters

    \b
    Examples:
      tinyproof train
      tinyproof train digits --seed 7 --out my-digits
      tinyproof train cifar10 --data cifar-10-binary.tar.gz
      tinyproof train sine --out sine
      tinyproof run --model sine/int8.tflite --samples sine/test.npz
    """
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.cli.forms import print_forms
    from tinyproof.project import find_project
    from tinyproof.subject import models_folder, train_model

    folder = out or models_folder(find_project()) / name
    trained = train_model(name, folder, seed, ConsoleProgress(), data=data)
    print_forms(trained.forms, trained.samples)
    click.echo(f"Wrote {folder}.")
