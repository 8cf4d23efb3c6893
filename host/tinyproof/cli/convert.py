"""``tinyproof convert``: from a model of any kind to its forms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinyproof.cli import options, values
from tinyproof.convert import Form

if TYPE_CHECKING:
    from tinyproof.cli.contained import Journal
    from tinyproof.convert.files import Converted
    from tinyproof.metadata import Normalization
    from tinyproof.progress import Progress

PATH = click.Path(path_type=Path)


@click.command(short_help="Convert a model to .tflite files with a clean graph.")
@click.argument("source", type=PATH)
@click.option(
    "--samples",
    type=PATH,
    help="What calibrates the integer forms: an .npz with x (of several inputs an array for each "
    "name), a folder of images, or a Python file with representative(), which is executed.",
)
@click.option(
    "--test", type=options.FILE, help="An .npz with x and y to measure accuracy on.  [--samples]"
)
@click.option(
    "--form",
    "forms",
    multiple=True,
    type=click.Choice([str(form) for form in Form]),
    help="A form to make; several may be given.  [default: all]",
)
@click.option(
    "--scale",
    type=values.ratio,
    metavar="X/Y",
    help="Raw samples times this are the model's, e.g. 1/255.",
)
@click.option(
    "--mean",
    type=values.numbers,
    metavar="X,...",
    help="Raw samples less this, over --std; one value, or one a channel.",
)
@click.option("--std", type=values.deviations, metavar="X,...", help="See --mean.")
@click.option("--raw-samples", is_flag=True, help="Real values in --samples are raw as well.")
@click.option(
    "--per-tensor-dense",
    is_flag=True,
    help="One scale for a dense layer's weights, as TFLM from before September 2024 needs.",
)
@click.option("--labels", type=options.FILE, help="Class names, one a line, kept as metadata.")
@click.option(
    "--input-shape",
    type=values.shape,
    metavar="N,...",
    help="Batch first, e.g. 1,28,28,1; fixes free sizes of the only input.",
)
@click.option("--inputs", help="Names of a frozen graph's inputs, with commas between them.")
@click.option("--outputs", help="Names of its outputs.")
@click.option("--signature", help="Function of a SavedModel.  [default: serving_default]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="the current folder",
    help="Folder to write to.",
)
def command(
    source: Path,
    samples: Path | None,
    test: Path | None,
    forms: tuple[str, ...],
    scale: float | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    raw_samples: bool,
    per_tensor_dense: bool,
    labels: Path | None,
    input_shape: tuple[int, ...] | None,
    inputs: str | None,
    outputs: str | None,
    signature: str | None,
    out: Path,
) -> None:
    """Convert SOURCE to .tflite files with a clean graph and a batch of 1.

    SOURCE is a Keras model (.keras, .h5), a SavedModel folder, a frozen graph of TensorFlow 1
    (.pb), a .tflite file, or a Python file with build_model(), which is executed.

    \b
    Examples:
      tinyproof convert model.keras --samples train.npz --out forms
      tinyproof convert saved_model --samples images --scale 1/255 --form int8
      tinyproof convert frozen.pb --inputs x --outputs probabilities --form float32
      tinyproof convert model.py --form float32 --form float16
    """
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.cli.contained import Journal, NotedProgress
    from tinyproof.convert.annotate import read_labels
    from tinyproof.convert.files import Request, convert_file
    from tinyproof.convert.opening import Opening

    normalization = _normalization(scale, mean, std)
    request = Request(
        forms=[Form(form) for form in forms],
        samples=samples,
        normalization=normalization,
        raw=raw_samples,
        labels=read_labels(labels) if labels else (),
        opening=Opening(
            inputs=_names(inputs),
            outputs=_names(outputs),
            input_shape=input_shape,
            signature=signature,
        ),
        per_tensor_dense=per_tensor_dense,
    )
    journal = Journal.of_this_process()
    progress = NotedProgress(ConsoleProgress(), journal)

    def tell(form: Form, path: Path) -> None:
        """Name a file as soon as it is written: it stays, whatever happens to the next form."""
        journal.wrote(form, path)
        click.echo(f"Wrote {path}.")

    converted = convert_file(source, request, out, progress, tell, _earlier(journal, progress))
    if converted.written:
        journal.began("measure", "the forms")
        _print(converted, test or samples, normalization, raw=raw_samples)
    _complain(converted)


def _earlier(journal: Journal, progress: Progress) -> Converted:
    """Return what other processes of this command have tried, the last of which crashed."""
    from tinyproof.cli.contained import crash_of
    from tinyproof.convert.files import Converted

    crashes = journal.crashes()
    for form in list(crashes)[-1:]:
        progress.note(f"The converter crashed while making the form {form}; now the others.")
    return Converted(
        {Form(form): path for form, path in journal.written().items()},
        {Form(form): crash_of(form, how) for form, how in crashes.items()},
    )


def _complain(converted: Converted) -> None:
    """Tell of the forms that could not be made; a crash ends the command rather than a refusal."""
    from tinyproof.cli.streams import complain
    from tinyproof.errors import ToolchainError

    failed = sorted(converted.failed.values(), key=lambda e: isinstance(e, ToolchainError))
    for error in failed[:-1]:
        complain(f"{error.failure}: {error.sentence}", error.hint)
    if failed:
        raise failed[-1]


def _print(
    converted: Converted,
    samples: Path | None,
    normalization: Normalization | None,
    *,
    raw: bool,
) -> None:
    """Print the table, measured on ``samples`` if that is an ``.npz``."""
    from tinyproof.cli.forms import print_forms
    from tinyproof.convert.fitting import rooms
    from tinyproof.project import find_project
    from tinyproof.targets import load_targets

    there = rooms(load_targets(find_project()).values())
    measured = samples if samples and samples.suffix == ".npz" else None
    failed = {form: error.sentence for form, error in converted.failed.items()}
    print_forms(
        converted.written, measured, there, normalization=normalization, raw=raw, failed=failed
    )


def _normalization(
    scale: float | None, mean: tuple[float, ...] | None, std: tuple[float, ...] | None
) -> Normalization | None:
    from tinyproof.metadata import Normalization

    if scale is not None and (mean or std):
        raise click.UsageError("--scale and --mean with --std say the same: give one of them.")
    if scale is not None:
        return Normalization(std=(1 / scale,))
    return Normalization(mean or (0.0,), std or (1.0,)) if mean or std else None


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip()) if text else ()
