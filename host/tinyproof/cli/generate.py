"""``tinyproof generate``: from a model to ``model.h``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tinyproof.cli import options
from tinyproof.convert import Form


@click.command(short_help="Write model.h for a .tflite file.")
@click.argument("model", type=options.FILE, required=False)
@options.form
@click.option("--out", "-o", type=options.FILE, help="File to write.  [default: standard output]")
@click.option(
    "--engine",
    type=click.Choice(["aot", "tflm"]),
    default="aot",
    show_default=True,
    help="What runs the model; for tflm the arena suffices on 32-bit boards.",
)
@click.option("--xxd", "plain", is_flag=True, help="Only the array, as `xxd -i` writes it, const.")
@click.option("--explain", is_flag=True, help="Tell what each layer takes and where it fits.")
@click.option("--json", "as_json", is_flag=True, help="With --explain: print JSON.")
def command(
    model: Path | None,
    form: str,
    out: Path | None,
    engine: str,
    plain: bool,
    explain: bool,
    as_json: bool,
) -> None:
    """Write model.h for MODEL, a .tflite file; without MODEL for the digits.

    \b
    Examples:
      tinyproof generate m.tflite -o firmware/include/model.h
      tinyproof generate --engine tflm m.tflite -o firmware/include/model.h
      tinyproof generate --xxd m.tflite -o m.h
      tinyproof generate --explain m.tflite
    """
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.codegen import generate, xxd
    from tinyproof.project import find_project
    from tinyproof.storage import write_atomic
    from tinyproof.subject import find_subject

    subject = find_subject(find_project(), model, None, ConsoleProgress(), form=Form(form))
    if explain:
        text = _explain(subject.model, as_json)
    elif plain:
        text = xxd(subject.model, str(subject.path))
    elif engine == "tflm":
        from tinyproof.tflm import generate_for_tflm

        text = generate_for_tflm(subject.model, hosted=False).header
    else:
        text = generate(subject.model).header
    if out is None:
        click.echo(text, nl=False)
        return
    write_atomic(out, text)
    click.echo(f"Wrote {out}.", err=True)


def _explain(model: bytes, as_json: bool) -> str:
    from tinyproof.codegen import generate
    from tinyproof.codegen.explain import Room, explanation, text
    from tinyproof.codegen.firmware import firmware_of
    from tinyproof.project import find_project
    from tinyproof.targets import load_targets

    rooms = [
        Room(target.name, target.flash_bytes, target.ram_bytes, firmware_of(target.mcu))
        for target in load_targets(find_project()).values()
    ]
    generated = generate(model)
    if as_json:
        return json.dumps(explanation(generated, rooms), indent=2) + "\n"
    return text(generated, rooms)
