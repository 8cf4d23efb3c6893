"""``tinyproof generate``: from a model to ``model.h``."""

from __future__ import annotations

from pathlib import Path

import click

from tinyproof.cli import options
from tinyproof.convert import Form


@click.command()
@click.argument("model", type=options.FILE, required=False)
@options.form
@click.option("--out", "-o", type=options.FILE, help="File to write.  [default: standard output]")
@click.option("--xxd", "plain", is_flag=True, help="Only the array, as `xxd -i` writes it, const.")
def command(model: Path | None, form: str, out: Path | None, plain: bool) -> None:
    """Write model.h for MODEL, a .tflite file; without MODEL for the digits.

    \b
    Examples:
      tinyproof generate m.tflite -o firmware/include/model.h
      tinyproof generate --xxd m.tflite -o m.h
    """
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.codegen import generate, xxd
    from tinyproof.project import find_project
    from tinyproof.storage import write_atomic
    from tinyproof.subject import find_subject

    subject = find_subject(find_project(), model, None, ConsoleProgress(), form=Form(form))
    text = xxd(subject.model, str(subject.path)) if plain else generate(subject.model).header
    if out is None:
        click.echo(text, nl=False)
        return
    write_atomic(out, text)
    click.echo(f"Wrote {out}.", err=True)
