"""``tinyproof quantization``: what the int8 form of a model loses, layer by layer."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinyproof.cli import options

if TYPE_CHECKING:
    from tinyproof.quantization import Analysis

SHOWN_NAME = 36
"""Characters of a tensor's name in the table; converters write long ones."""


@click.command(short_help="Tell what quantization costs, layer by layer.")
@click.argument("real", metavar="FLOAT_MODEL", type=options.FILE)
@click.argument("quantized", metavar="INT8_MODEL", type=options.FILE)
@click.option(
    "--samples", type=options.FILE, required=True, help="An .npz file with real values x."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    metavar="N",
    help="Use the first N samples.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(real: Path, quantized: Path, samples: Path, limit: int, as_json: bool) -> None:
    """Compare the float32 and the int8 form of one model, layer by layer, with LiteRT.

    For each layer: the largest and the mean error, signal to noise in decibels (6 dB are one bit),
    how much of it this layer itself loses, the gain (1 unless a scale is wrong), and how many
    values do not fit. Then what to try.

    \b
    Examples:
      tinyproof quantization float32.tflite int8.tflite --samples test.npz
      tinyproof quantization m.tflite m_int16x8.tflite --samples s.npz --limit 200 --json
    """
    from tinyproof.graph import read_graph
    from tinyproof.quantization import advise, analyse
    from tinyproof.samples import load_samples
    from tinyproof.subject import read_model

    int8 = read_model(quantized)
    analysis = analyse(read_model(real), int8, load_samples(samples), limit)
    advice = advise(analysis, read_graph(int8))
    if as_json:
        click.echo(json.dumps(_as_dict(analysis, advice), indent=2, allow_nan=False))
        return
    _print(analysis, advice)


def _as_dict(analysis: Analysis, advice: tuple[str, ...]) -> dict[str, Any]:
    """Return JSON's own types; an infinite ratio becomes null."""
    found = asdict(analysis) | {"advice": advice}
    for layer in found["layers"]:
        layer |= {
            key: None
            for key, value in layer.items()
            if isinstance(value, float) and not math.isfinite(value)
        }
    return found


def _print(analysis: Analysis, advice: tuple[str, ...]) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_table(analysis))
    console.print(f"\n{analysis.samples:,} samples, {analysis.flips:,} change their class", end="")
    if analysis.accuracy_float is not None and analysis.accuracy_quantized is not None:
        rates = (analysis.accuracy_float, analysis.accuracy_quantized)
        console.print("; accuracy float {:.2%}, quantized {:.2%}".format(*rates), end="")
    console.print(".")
    for sentence in advice:
        console.print(f"- {sentence}", markup=False)


def _table(analysis: Analysis) -> Any:
    from rich.table import Table

    from tinyproof.text import printable

    table = Table(box=None, pad_edge=False)
    for title in ("layer", "tensor", "max error", "mean", "SNR dB", "lost dB", "gain", "saturated"):
        table.add_column(title, justify="left" if title in ("layer", "tensor") else "right")
    worst = analysis.worst()[:1]
    for layer in analysis.layers:
        table.add_row(
            f"{layer.index} {layer.operator}" if layer.index >= 0 else layer.operator,
            printable(layer.name, limit=SHOWN_NAME),
            f"{layer.max_error:.4g}",
            f"{layer.mean_error:.4g}",
            f"{layer.snr_db:.1f}",
            f"{layer.lost_db:.1f}",
            f"{layer.gain:.3f}",
            f"{layer.saturated:,}",
            style="bold" if layer in worst else "",
        )
    return table
