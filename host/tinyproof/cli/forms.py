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
from tinyproof.convert.inputs import Array
from tinyproof.convert.measure import (
    ACCURACY_KERNELS,
    LATENCY_KERNELS,
    FormRow,
    check_wanted,
    input_shapes,
    measure_form,
    range_warnings,
)
from tinyproof.convert.representative import load_labelled
from tinyproof.metadata import Normalization
from tinyproof.wanted import one_hot, one_hot_note

Labels = NDArray[Any]


def print_forms(
    forms: Mapping[Form, Path],
    samples: Path | None,
    rooms: Sequence[Room] = (),
    *,
    normalization: Normalization | None = None,
    raw: bool = False,
    failed: Mapping[Form, str] | None = None,
) -> None:
    """Measure each ``.tflite`` of ``forms`` and print a line for each.

    Args:
        forms: the files.
        samples: an ``.npz`` with the inputs and perhaps ``y``; None for values made up, with which
            only the latency is told.
        rooms: targets whose fit is shown; none: no such column.
        normalization: how whole numbers in ``samples`` become the model's.
        raw: whether real values need it too.
        failed: why further forms are not there, a sentence each; needs ``rooms``.
    """
    first = next(iter(forms.values())).read_bytes()
    x, y = _given(first, samples, normalization, raw=raw)
    number = len(next(iter(x.values())))
    y, warnings = (None, []) if y is None else _wanted(first, y, str(samples))
    table = Table(box=None, pad_edge=False)
    table.add_column("form", no_wrap=True)
    for title in ("accuracy", "correct", "bytes", "host latency"):
        table.add_column(title, justify="right", no_wrap=True)
    if rooms:
        table.add_column("fits")
    for form, path in forms.items():
        model = path.read_bytes()
        if samples:
            warnings += (f"{form}: {said}" for said in range_warnings(model, x, str(samples)))
        labels = np.zeros(number, np.int64) if y is None else y
        row = measure_form(form, model, x, labels)
        extra = (fitting(model, rooms),) if rooms else ()
        table.add_row(str(form), *_score(row, y), f"{row.size_bytes:,}", _latency(row), *extra)
    for form, sentence in (failed or {}).items():
        table.add_row(str(form), "-", "-", "-", "-", f"not made: {sentence}")
    console = Console(highlight=False)
    for warning in warnings:
        console.print(warning, markup=False)
    console.print(table)
    console.print(f"accuracy: {ACCURACY_KERNELS}; latency: median, {LATENCY_KERNELS}, on this host")
    if rooms:
        console.print("fits: engine aot, flash and RAM as estimated; tinyproof check tells more")


def _given(
    model: bytes, samples: Path | None, normalization: Normalization | None, *, raw: bool
) -> tuple[dict[str, Array], Labels | None]:
    shapes, rng = input_shapes(model), np.random.default_rng(0)
    if samples is None:
        made = {name: rng.uniform(0, 1, (8, *shape[1:])) for name, shape in shapes.items()}
        return {name: values.astype(np.float32) for name, values in made.items()}, None
    given, y = load_labelled(samples, list(shapes))

    def prepared(values: NDArray[Any]) -> Array:
        is_raw = raw or values.dtype.kind != "f"
        scaled = normalization.apply(values) if normalization and is_raw else values
        return scaled.astype(np.float32)

    return {name: prepared(values) for name, values in given.items()}, y


def _wanted(model: bytes, y: Labels, source: str) -> tuple[Labels, list[str]]:
    """Return labels, or the real values of a regression, and what was assumed of them."""
    check_wanted(model, y, source)
    numbers = one_hot(y)
    return (y, []) if numbers is None else (numbers, [one_hot_note(y.shape[1], source)])


def _score(row: FormRow, y: Labels | None) -> tuple[str, str]:
    if y is None:
        return "-", "-"
    if row.rmse is not None:
        return "-", f"RMSE {row.rmse:.4g}"
    return f"{100 * row.accuracy:.2f} %", f"{row.correct}/{row.samples}"


def _latency(row: FormRow) -> str:
    return f"{row.latency_us:.1f} us"
