"""Samples for the inputs of a model: an array for each name, or one array for the only input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.errors import SamplesError
from tinyproof.text import printable

Array = NDArray[np.float32]
Inputs = Array | Mapping[str, Array]
"""N x input shape without the batch, real values; the same N for every input."""
Shapes = Mapping[str, tuple[int, ...]]
"""Name of each input, in the model's order, and its shape, batch of 1 included."""
ONLY = "x"
"""What the array for the only input may be called, whatever the input is called."""


def of_each(given: Mapping[str, NDArray[Any]], names: Sequence[str]) -> list[NDArray[Any]]:
    """Return the array of each input in the order of ``names``.

    Raises:
        SamplesError: an input has none.
    """
    if len(names) == 1 and ONLY in given:
        return [given[ONLY]]
    missing = [name for name in names if name not in given]
    if missing:
        raise SamplesError(
            f"The samples have no array for the model's input {shown(missing)}.",
            hint=f"Give one array for each input: {shown(names)}.",
        )
    return [given[name] for name in names]


def in_order(
    given: NDArray[Any] | Mapping[str, NDArray[Any]], names: Sequence[str]
) -> list[NDArray[Any]]:
    """Return samples of each input in the order of ``names``, as many of each.

    Raises:
        SamplesError: an input has none, or their numbers differ.
    """
    chosen = of_each(given if isinstance(given, Mapping) else {ONLY: given}, names)
    lengths = [len(array) if array.ndim else 0 for array in chosen]
    if len(set(lengths)) > 1:
        raise SamplesError(
            f"The samples of the inputs {shown(names)} differ in number: "
            f"{', '.join(map(str, lengths))}.",
            hint="Give every input the same number of rows.",
        )
    return chosen


def shown(names: Sequence[str]) -> str:
    """Return names that come from files, safe to print."""
    return ", ".join(printable(name, limit=60) for name in names)


def sizes(shapes: Shapes) -> str:
    """Return the shapes in words: ``1 x 8 x 8``, with names if there are several."""
    said = {name: " x ".join(map(str, shape)) for name, shape in shapes.items()}
    if len(said) == 1:
        return next(iter(said.values()))
    return ", ".join(f"{shown([name])} {size}" for name, size in said.items())
