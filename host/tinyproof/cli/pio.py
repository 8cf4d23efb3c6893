"""``tinyproof pio``: plain PlatformIO commands, with TinyProof's own core directory."""

from __future__ import annotations

import click


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(ctx: click.Context, arguments: tuple[str, ...]) -> int:
    """Run a plain PlatformIO command, without a registry.

    It works on the platformio.ini of the current folder or of -d DIR, whatever that belongs to;
    where there is none, on TinyProof's own firmware.

    \b
    Examples:
      tinyproof pio run -e native
      tinyproof pio run -e native -t size
      tinyproof pio project config
    """
    if arguments in ((), ("-h",), ("--help",)):
        click.echo(ctx.get_help())
        return 0
    from tinyproof.pio.plain import project_of
    from tinyproof.platformio import passthrough
    from tinyproof.subject import provide_header

    project = project_of(arguments)
    if project and "run" in arguments and provide_header(project):
        click.echo(
            "Wrote firmware/include/model.h for the digits model; "
            "for yours: tinyproof generate MODEL.tflite -o firmware/include/model.h",
            err=True,
        )
    return passthrough(project, list(arguments))
