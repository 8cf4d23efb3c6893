"""``tinyproof run``: the main job."""

from __future__ import annotations

from pathlib import Path

import click

from tinyproof.cli import options


@click.command()
@options.target
@options.port
@options.model
@options.form
@click.option("--samples", type=options.FILE, help="An .npz file with x and, if known, labels y.")
@click.option(
    "--random",
    type=click.IntRange(min=1),
    metavar="N",
    help="Instead of --samples: N random and edge-value inputs.",
)
@options.engine
@click.option(
    "--task",
    type=click.Choice(["classification", "tensor"]),
    help="Whether classes matter; they do by default where there are labels.",
)
@click.option(
    "--tolerance-lsb",
    type=click.IntRange(min=0),
    metavar="K",
    help="Let answers within K LSB pass; without it only exact ones do.",
)
@click.option(
    "--max-latency-us",
    type=click.FloatRange(min=0, min_open=True),
    metavar="US",
    help="Budget: fail if the p99 latency is above this many microseconds.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for report.json.  [default: .tinyproof/report]",
)
def command(
    target: str,
    port: str | None,
    model: Path | None,
    form: str,
    samples: Path | None,
    random: int | None,
    engine: str | None,
    task: str | None,
    tolerance_lsb: int | None,
    max_latency_us: float | None,
    out: Path | None,
) -> int:
    """Train, quantize, generate, build, flash, stream and compare; skip what is up to date.

    \b
    Examples:
      tinyproof run
      tinyproof run --form float32
      tinyproof run --model m.tflite --samples s.npz --out report
      tinyproof run --target native_asan --model m.tflite --random 200
    """
    from rich.console import Console

    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.convert.forms import Form
    from tinyproof.project import find_project
    from tinyproof.report import decide, make_report, render, write_report
    from tinyproof.run import RunOptions, run
    from tinyproof.storage import check_writable
    from tinyproof.verdict import Task

    if random is not None and samples is not None:
        raise click.UsageError("--random and --samples exclude each other.")
    project = find_project()
    folder = out or project.state / "report"
    check_writable(folder)
    result = run(
        project,
        RunOptions(
            target=target,
            port=port,
            model=model,
            form=Form(form),
            samples=samples,
            random=random,
            engine=engine,
            task=Task(task) if task else None,
            tolerance_lsb=tolerance_lsb,
            max_latency_us=max_latency_us,
        ),
        ConsoleProgress(),
    )
    report = make_report(result)
    path = write_report(report, folder)
    render(report, Console(highlight=False))
    click.echo(f"Report: {path}")
    failure, code = decide(result)
    if failure is not None and result.judgement is None:
        click.echo(f"tinyproof: {failure.kind}: {failure.sentence}", err=True)
        if failure.hint:
            click.echo(f"  next: {failure.hint}", err=True)
    return code
