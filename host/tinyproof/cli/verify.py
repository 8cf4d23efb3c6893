"""``tinyproof verify``: what is on a board, and whether it is what it should be."""

from __future__ import annotations

from pathlib import Path

import click

from tinyproof.cli import options
from tinyproof.cli.streams import complain
from tinyproof.convert import Form


@click.command(short_help="Ask a board whether it runs the expected firmware.")
@options.target
@options.port
@options.model
@options.form
@options.engine
def command(
    target: str, port: str | None, model: Path | None, form: str, engine: str | None
) -> int:
    """Ask the board on --port who it is, and say whether it runs the expected firmware.

    No sample is sent. Of the budgets in target.ini those of flash, static RAM and arena are judged,
    the others named; `tinyproof run` judges all.

    Ends with 0 if it does, with 1 if it misses such a budget, with 3 if it runs other firmware of
    TinyProof's or another model, with 4 if anything else runs on it, or nothing answers.

    \b
    Examples:
      tinyproof verify --port /dev/ttyACM0 --target uno --model m.tflite
      tinyproof verify
    """
    from tinyproof.access import (
        demand_identity,
        greet,
        hold_board,
        is_simulated,
        warn_of_quarantine,
    )
    from tinyproof.budgets import judge_built, target_budgets
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.device import Device
    from tinyproof.firmware import built_memory, generate_model, make_firmware
    from tinyproof.hello import describe_board
    from tinyproof.project import find_project
    from tinyproof.report.outcome import EXIT_DISAGREES, missed
    from tinyproof.subject import find_subject
    from tinyproof.targets import find_target

    project, progress = find_project(), ConsoleProgress()
    found = find_target(project, target)
    found.engine(engine)
    budgets = target_budgets(found)
    simulated = is_simulated(found, port)
    subject = find_subject(project, model, None, progress, form=Form(form))
    generated = generate_model(subject.model, progress, found, engine)
    firmware = make_firmware(
        project, found, subject.model, generated, progress, engine=engine, simulated=simulated
    )
    with hold_board(project, found, firmware.build, port) as access:
        warn_of_quarantine(access, progress)
        with Device(access.open()) as device:
            greet(device, found)
            for name, value in describe_board(device.description):
                click.echo(f"{name:<16} {value}")
            demand_identity(device, firmware.build, firmware.identity)
            memory = built_memory(firmware, device.description)
    click.echo("This is the expected firmware.")
    judged, others = judge_built(budgets, memory)
    if others:
        click.echo(f"Not judged without samples: {', '.join(others)}.")
    if failure := missed(judged):
        complain(f"{failure.kind}: {failure.sentence}", failure.hint)
        return EXIT_DISAGREES
    return 0
