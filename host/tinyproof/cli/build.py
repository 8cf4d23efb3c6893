"""``tinyproof build``: the firmware of one model for one target."""

from __future__ import annotations

from pathlib import Path

import click

from tinyproof.cli import options
from tinyproof.convert import Form


@click.command()
@options.target
@options.model
@options.form
@options.engine
def command(target: str, model: Path | None, form: str, engine: str | None) -> None:
    """Build the firmware, or find it built, and print where it is.

    \b
    Examples:
      tinyproof build
      tinyproof build --target native_asan --model m.tflite
    """
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.firmware import generate_model, make_firmware
    from tinyproof.project import find_project
    from tinyproof.subject import find_subject
    from tinyproof.targets import find_target

    project, progress = find_project(), ConsoleProgress()
    found = find_target(project, target)
    found.engine(engine)
    subject = find_subject(project, model, None, progress, form=Form(form))
    generated = generate_model(subject.model, progress, found, engine)
    firmware = make_firmware(project, found, subject.model, generated, progress, engine=engine)
    click.echo(firmware.build.program)
