"""``tinyproof bench``: the main job, and where its time goes."""

from __future__ import annotations

from typing import Any

import click

from tinyproof.cli.compare import against
from tinyproof.cli.job import do_job, job_options


@click.command(short_help="Prove a model, and measure where its time and memory go.")
@click.option(
    "--warmup",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="Inferences before the first one that counts.",
)
@click.option(
    "--n",
    type=click.IntRange(min=1),
    metavar="N",
    help="Inferences timed in each repeat.  [default: 1000 of a program, 100 of a board]",
)
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    metavar="R",
    help="How many times they are made; what they differ by is the noise.",
)
@click.option("--no-litert", is_flag=True, help="Do not time LiteRT on this machine beside it.")
@job_options
def command(warmup: int, n: int | None, repeats: int, no_litert: bool, **given: Any) -> int:
    """Do all that run does, then measure where the time goes.

    Latency is taken with an idle line; beside it stand the time of each layer, of the wire and of
    the host, the rate with requests in flight and without, and LiteRT on this machine.

    \b
    Examples:
      tinyproof bench
      tinyproof bench --target uno --port sim
      tinyproof bench --model m.tflite --random 100 --max-latency-us 500 --max-flash 16384
    """
    from tinyproof.bench import BenchOptions
    from tinyproof.litert_latency import Plan

    litert = None if no_litert else Plan()
    plan = BenchOptions(warmup=warmup, n=n, repeats=repeats, litert=litert)
    return against(given["baseline"], lambda: do_job(given, plan))
