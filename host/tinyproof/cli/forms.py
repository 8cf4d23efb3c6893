"""The table of a model's forms: accuracy, size, latency on this host, where they fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from tinyproof.codegen.explain import Room
from tinyproof.convert import Form
from tinyproof.convert.fitting import fitting
from tinyproof.convert.measure import (
    ACCURACY_KERNELS,
    LATENCY_KERNELS,
    FormRow,
    input_shape,
    measure_form,
    range_warning,
)
from tinyproof.convert.representative import load_labelled
from tinyproof.metadata import Normalization

Labels = NDArray[Any]


def print_forms(
    forms: Mapping[Form, Path],
    samples: Path | None,
    rooms: Sequence[Room] = (),
    *,
    normalization: Normalization | None = None,
) -> None:
    """Measure each ``.tflite`` of ``forms`` and print a line for each.

    Args:
        forms: the files.
        samples: an ``.npz`` with ``x`` and perhaps ``y``; None for values made up, with which
            only the latency is told.
        rooms: targets whose fit is shown; none: no such column.
        normalization: how whole numbers in ``x`` become the model's.
    """
    x, y = _given(next(iter(forms.values())), samples, normalization)
    warnings: list[str] = []
    table = Table(box=None, pad_edge=False)
    table.add_column("form", no_wrap=True)
    for title in ("accuracy", "correct", "bytes", "host latency"):
        table.add_column(title, justify="right", no_wrap=True)
    if rooms:
        table.add_column("fits")
    for form, path in forms.items():
        model = path.read_bytes()
        if samples and (warning := range_warning(model, x, str(samples))):
            warnings.append(f"{form}: {warning}")
        labels = np.zeros(len(x), np.int64) if y is None else y
        row = measure_form(form, model, x, labels)
        extra = (fitting(model, rooms),) if rooms else ()
        table.add_row(str(form), *_score(row, y), f"{row.size_bytes:,}", _latency(row), *extra)
    console = Console(highlight=False)
    for warning in warnings:
        console.print(warning, markup=False)
    console.print(table)
    console.print(f"accuracy: {ACCURACY_KERNELS}; latency: median, {LATENCY_KERNELS}, on this host")
    if rooms:
        console.print("fits: engine aot, flash and RAM as estimated; tinyproof check tells more")


def _given(
    model: Path, samples: Path | None, normalization: Normalization | None
) -> tuple[NDArray[np.float32], Labels | None]:
    if samples is None:
        shape = input_shape(model.read_bytes())[1:]
        return np.random.default_rng(0).uniform(0, 1, (8, *shape)).astype(np.float32), None
    x, y = load_labelled(samples)
    if x.dtype.kind != "f" and normalization is not None:
        x = normalization.apply(x)
    return x.astype(np.float32), y


def _score(row: FormRow, y: Labels | None) -> tuple[str, str]:
    if y is None:
        return "-", "-"
    if row.rmse is not None:
        return "-", f"RMSE {row.rmse:.4g}"
    return f"{100 * row.accuracy:.2f} %", f"{row.correct}/{row.samples}"


def _latency(row: FormRow) -> str:
    return f"{row.latency_us:.1f} us"
