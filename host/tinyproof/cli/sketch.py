"""``tinyproof sketch``: a standalone Arduino sketch or PlatformIO project of a model."""

from __future__ import annotations

from pathlib import Path

import click

from tinyproof.cli import options
from tinyproof.convert import Form


@click.command(short_help="Write a standalone Arduino sketch of a model.")
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to write; its name becomes the sketch's.",
)
@click.option(
    "--engine",
    type=click.Choice(["aot", "tflm"]),
    default="aot",
    show_default=True,
    help="TinyProof's own C, or TensorFlow Lite Micro.",
)
@options.model
@options.form
@click.option("--samples", type=options.FILE, help="An .npz file with x and, if known, labels y.")
@click.option(
    "--index",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="I",
    help="Which sample is baked in, from 0.",
)
@click.option(
    "--arduino/--platformio",
    "arduino",
    default=True,
    help="Whose project to write.  [default: Arduino IDE's]",
)
@click.option("--force", is_flag=True, help="Replace the sketch in a folder that is not empty.")
def command(
    out: Path,
    engine: str,
    model: Path | None,
    form: str,
    samples: Path | None,
    index: int,
    arduino: bool,
    force: bool,
) -> None:
    """Write a sketch with the model, the sources it needs and one sample baked in.

    It prints the scores separated by commas at 9600 baud, the class, and whether both are what
    LiteRT computes. It needs nothing but the written folder.

    \b
    Examples:
      tinyproof sketch --out digits
      tinyproof sketch --engine tflm --platformio --out digits_esp32
      tinyproof sketch --model m.tflite --samples s.npz --index 7 --out mine
    """
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.project import find_project
    from tinyproof.sketch import Layout, SketchOptions, write_sketch
    from tinyproof.subject import find_subject
    from tinyproof.tflm import warning_of_old_libraries

    project = find_project()
    progress = ConsoleProgress()
    subject = find_subject(project, model, samples, progress, form=Form(form))
    layout = Layout.ARDUINO if arduino else Layout.PLATFORMIO
    chosen = SketchOptions(out=out, engine=engine, layout=layout, index=index, force=force)
    click.echo(f"Wrote {write_sketch(project, subject, chosen)}.", err=True)
    if engine == "tflm" and (warning := warning_of_old_libraries(subject.model)):
        progress.note(warning)
