"""How far answers lie from the truth and from the reference, in the output's own unit. Pure.

For models whose outputs are values, not classes: beside the verdicts, which count steps, a user
wants to know what that is in degrees or metres, and how large the model's own error is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.tensors import TensorLike, byte_count, element_type

_BLOCK = 1024
"""Samples held in memory at once."""


@dataclass(frozen=True)
class Regression:
    """Errors in real units; None where they do not apply.

    Attributes:
        rmse_device: root mean square of the device's distance from the truth.
        rmse_reference: the same of the reference.
        rmse_difference: root mean square of the distance between device and reference.
        max_difference: largest distance between device and reference.
    """

    rmse_device: float | None
    rmse_reference: float | None
    rmse_difference: float
    max_difference: float


def measure(
    output: TensorLike,
    answers: Sequence[bytes | None],
    expected: Sequence[bytes],
    truth: NDArray[np.float32] | None = None,
) -> Regression | None:
    """Compare the first output of every sample that was answered.

    None if none was, or if a value on either side is not finite: its distance is no number.

    Args:
        output: the model's first output.
        answers: all outputs of each sample, the first one first; None where there is no answer.
        expected: the reference's.
        truth: (N, ...) real values wanted; None if they are not known.
    """
    squares = np.zeros(3)
    largest, elements = 0.0, 0
    for start in range(0, len(answers), _BLOCK):
        block = answers[start : start + _BLOCK]
        kept = [n for n, answer in enumerate(block) if answer is not None]
        if not kept:
            continue
        device = real(output, [block[n] or b"" for n in kept])
        wanted = expected[start : start + _BLOCK]
        reference = real(output, [wanted[n] for n in kept])
        if not (np.isfinite(device).all() and np.isfinite(reference).all()):
            return None
        difference = np.abs(device - reference)
        largest = max(largest, float(difference.max(initial=0.0)))
        squares[2] += float((difference**2).sum())
        elements += difference.size
        if truth is not None:
            right = truth[start : start + _BLOCK][kept].astype(np.float64).reshape(device.shape)
            squares[:2] += [float(((found - right) ** 2).sum()) for found in (device, reference)]
    if not elements:
        return None
    roots = [math.sqrt(square / elements) for square in squares]
    return Regression(
        roots[0] if truth is not None else None,
        roots[1] if truth is not None else None,
        roots[2],
        largest,
    )


def real(output: TensorLike, records: Sequence[bytes]) -> NDArray[np.float64]:
    """Return the first output of each record as real numbers, (n, elements)."""
    size = byte_count(output)
    rows = b"".join(record[:size] for record in records)
    values: NDArray[Any] = np.frombuffer(rows, element_type(output)).reshape(len(records), -1)
    if output.scale and values.dtype.kind in "iu":
        return output.scale * (values.astype(np.float64) - output.zero_point)
    return values.astype(np.float64)
