"""``tinyproof check``: whether a model runs on a target, and what it costs there."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinyproof.cli import options

if TYPE_CHECKING:
    from tinyproof.check.model import Build
    from tinyproof.codegen import Generated
    from tinyproof.elf import Sizes
    from tinyproof.project import Project
    from tinyproof.targets import Target

DOES_NOT_FIT = 1


@click.command(short_help="Tell whether a model runs on a board, before flashing.")
@click.argument("model", type=options.FILE)
@click.option(
    "--target",
    "names",
    default="native",
    show_default=True,
    help="Kinds of board, with commas between them; all for every one.",
)
@click.option("--build", "exact", is_flag=True, help="Build, so that flash and RAM are exact.")
@click.option(
    "--samples",
    type=options.FILE,
    help="An .npz whose range is held against the model's: 0 to 255 or 0 to 1.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    model: Path,
    names: str,
    exact: bool,
    samples: Path | None,
    as_json: bool,
) -> None:
    """Check MODEL, a .tflite file: operators, memory, and what an inference costs.

    Ends with 0 if engine aot takes the model and it fits every target named (of all: at least
    one), with 1 if not, with 2 if the file or the samples cannot be used.

    \b
    Examples:
      tinyproof check model.tflite --target uno
      tinyproof check model.tflite --target all
      tinyproof check model.tflite --target uno,pico --build --json
    """
    from tinyproof.check.model import check_model
    from tinyproof.check.render import text
    from tinyproof.project import find_project
    from tinyproof.subject import read_model

    project = find_project()
    targets = _targets(project, names)
    content = read_model(model)
    found = check_model(content, targets, _builder(project, content) if exact else None)
    warnings = _range(content, samples) if samples else ()
    if as_json:
        told = dataclasses.asdict(found) | {"fits": found.fits, "warnings": list(warnings)}
        click.echo(json.dumps(told, indent=2, allow_nan=False))
    else:
        click.echo(text(found), nl=False)
        for warning in warnings:
            click.echo(f"Samples: {warning}")
    chosen = [target.fits for target in found.targets]
    if not (any(chosen) if names == "all" else all(chosen)):
        ctx.exit(DOES_NOT_FIT)


def _targets(project: Project, names: str) -> list[Target]:
    from tinyproof.targets import find_target, load_targets

    if names == "all":
        return list(load_targets(project).values())
    return [find_target(project, name.strip()) for name in names.split(",")]


def _builder(project: Project, model: bytes) -> Build:
    """Return what builds the model's firmware for a target."""
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.firmware import make_firmware

    progress = ConsoleProgress()

    def build(target: Target, generated: Generated) -> Sizes:
        firmware = make_firmware(project, target, model, generated, progress, engine="aot")
        return firmware.build.sizes

    return build


def _range(model: bytes, samples: Path) -> tuple[str, ...]:
    """Return what is odd about the range of the samples.

    Raises:
        SamplesError: they do not suit the model at all.
    """
    from tinyproof.codegen.descriptor import Interface
    from tinyproof.graph import read_graph
    from tinyproof.samples import load_samples, prepare

    graph = read_graph(model)
    inputs = [Interface.of(graph.tensors[index]) for index in graph.inputs]
    prepared = prepare(load_samples(samples), inputs)
    try:
        return prepared.warnings
    finally:
        prepared.close()
