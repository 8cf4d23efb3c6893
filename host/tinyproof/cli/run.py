"""``tinyproof run``: the main job."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from tinyproof.cli import matrix
from tinyproof.cli.compare import against
from tinyproof.cli.job import do_job, job_options


@click.command(short_help="Do all of it: train, generate, build, flash, stream, compare.")
@partial(job_options, subject=matrix.SUBJECT)
@click.option(
    "--quarantine",
    is_flag=True,
    help="For benches: try once more what a cable can cause; a board that fails twice goes into "
    "quarantine, and runs with --quarantine refuse it until tinyproof boards --release.",
)
@click.option(
    "--wire-log",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every byte that passes to a file that tinyproof replay judges again.",
)
def command(**given: Any) -> int:
    """Train, quantize, generate, build, flash, stream and compare; skip what is up to date.

    \b
    Examples:
      tinyproof run
      tinyproof run --form float32
      tinyproof run --model m.tflite --samples s.npz --out report
      tinyproof run --target native_asan --model m.tflite --random 200
      tinyproof run --target uno --port sim --baud 1000000
      tinyproof run --target uno,native --port uno=sim --model a.tflite,b.tflite --random 50
    """
    if matrix.is_matrix(given):
        return matrix.run_pairs(given, click.get_current_context())
    return against(given["baseline"], lambda: do_job(matrix.one(given)))
