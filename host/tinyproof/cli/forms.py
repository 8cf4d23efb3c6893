"""The table of a model's forms: accuracy, size, latency on this host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tinyproof.convert import Form
from tinyproof.convert.measure import ACCURACY_KERNELS, LATENCY_KERNELS, measure_form


def print_forms(forms: Mapping[Form, Path], samples: Path) -> None:
    """Measure each ``.tflite`` of ``forms`` on the samples and labels of an ``.npz``, and print."""
    with np.load(samples, allow_pickle=False) as test:
        x, y = test["x"], test["y"]
    table = Table(box=None, pad_edge=False)
    table.add_column("form")
    for title in ("accuracy", "correct", "bytes", "host latency"):
        table.add_column(title, justify="right")
    for form, path in forms.items():
        row = measure_form(form, path.read_bytes(), x, y)
        table.add_row(
            str(form),
            f"{100 * row.accuracy:.2f} %",
            f"{row.correct}/{row.samples}",
            f"{row.size_bytes:,}",
            f"{row.latency_us:.1f} us",
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(f"accuracy: {ACCURACY_KERNELS}; latency: median, {LATENCY_KERNELS}, on this host")
