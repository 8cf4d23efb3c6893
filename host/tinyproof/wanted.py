"""What samples are expected to give: class numbers, or the real values of a regression."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.errors import SamplesError
from tinyproof.npz import Rows
from tinyproof.tensors import TensorLike
from tinyproof.text import count

BLOCK_ROWS = 1 << 20
"""Rows read at a time."""


def check_labels(labels: NDArray[np.int64], classes: int, source: str = "the samples") -> None:
    """Hold labels against the number of classes that the model tells apart.

    Raises:
        SamplesError: a label is not below ``classes``.
    """
    beyond = np.flatnonzero(labels >= classes)
    if len(beyond):
        raise SamplesError(
            f"Label {labels[beyond[0]]} of sample {beyond[0]} in {source} is beyond the model's "
            f"{count(classes, 'class', 'classes')} (0 to {classes - 1}).",
            hint="Number the labels from 0, or compare outputs as tensors with --task tensor.",
        )


def check_truth(
    truth: NDArray[np.float32], outputs: Sequence[TensorLike], source: str = "the samples"
) -> None:
    """Hold the real values wanted against the model's output.

    Raises:
        SamplesError: the model has several outputs, or one of another shape.
    """
    shape = outputs[0].shape
    single = truth.ndim == 1 and math.prod(shape) == 1
    fits = truth.shape[1:] in (shape, shape[1:]) or single
    if len(outputs) > 1 or not fits:
        raise SamplesError(
            f"The values y of {source} have shape {truth.shape}, wanted integers of shape (N,), or "
            f"values of the shape {shape} of the model's output.",
            hint="Class numbers are integers: y.astype(int). Values wanted of a regression have "
            "the output's shape. Leave y out for anything else.",
        )


def one_hot(values: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return the class numbers that rows of a single 1 among zeros stand for; None if not all do.

    Args:
        values: (N, classes), at least 2 classes, of any type of numbers or bool; anything else is
            no such rows.
    """
    if values.dtype.kind not in "biuf" or values.ndim != 2:
        return None
    if values.shape[1] < 2 or not len(values):
        return None
    single = np.count_nonzero(values, axis=1) == 1
    return values.argmax(axis=1) if np.all(single & (values.max(axis=1) == 1)) else None


def one_hot_note(classes: int, source: str) -> str:
    """Return what was made of one-hot labels, a sentence."""
    return (
        f"The values y of {source} are rows of a single 1: taken as class numbers, 0 to "
        f"{classes - 1}."
    )


def read_wanted(
    array: Rows, source: str
) -> tuple[NDArray[np.int64] | None, NDArray[np.float32] | None]:
    """Return labels, and the real values wanted; of one-hot rows, whatever their type, both.

    Raises:
        SamplesError: neither; see ``read_labels`` and ``read_truth``.
    """
    is_real = array.dtype.kind == "f"
    if is_real or (array.dtype.kind in "biu" and len(array.shape) == 2):
        values = read_truth(array, source)
        numbers = one_hot(values)
        if is_real or numbers is not None:
            return numbers, values
    return read_labels(array, source), None


def read_labels(array: Rows, source: str) -> NDArray[np.int64]:
    """Return labels as int64.

    Raises:
        SamplesError: not one-dimensional, not integers, or negative.
    """
    if len(array.shape) != 1:
        raise SamplesError(
            f"The labels y of {source} have shape {tuple(array.shape)}, wanted (N,).",
            hint="One-hot labels become numbers with y.argmax(axis=1), one column with y.ravel().",
        )
    if array.dtype.kind not in "iu":
        raise SamplesError(
            f"The labels y of {source} are {array.dtype}, wanted integers.",
            hint="Convert class numbers with y.astype(int); leave y out for other values.",
        )
    blocks = [block.astype(np.int64) for block in array.blocks(BLOCK_ROWS)]
    labels = np.concatenate(blocks) if blocks else np.empty(0, np.int64)
    negative = np.flatnonzero(labels < 0)
    if len(negative):
        raise SamplesError(
            f"Label {labels[negative[0]]} of sample {negative[0]} in {source} is negative or huge.",
            hint="Number the classes from 0; leave out samples without a label.",
        )
    return labels


def read_truth(array: Rows, source: str) -> NDArray[np.float32]:
    """Return the real values wanted of a regression.

    Raises:
        SamplesError: one of them is not finite, or there is a single one for all.
    """
    if not array.shape:
        raise SamplesError(f"The values y of {source} have no rows.", hint="Give one a sample.")
    blocks = [block.astype(np.float32) for block in array.blocks(BLOCK_ROWS)]
    values = np.concatenate(blocks) if blocks else np.empty(array.shape, np.float32)
    if not np.isfinite(values).all():
        raise SamplesError(
            f"The values y of {source} are not all finite.", hint="Remove or repair these samples."
        )
    return values
