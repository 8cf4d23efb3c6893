"""Figures as people read them; an unknown one is a dash."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tinyproof.regression import Regression
from tinyproof.report.figures import ReferenceDistance
from tinyproof.text import count

DASH = "–"
NAN = "NaN"


def microseconds(value: float) -> str:
    """Return ``4.217`` or ``1,234``: four significant digits, or whole numbers."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def whole(value: float | None) -> str:
    """Return ``12,345``."""
    return DASH if value is None else f"{value:,.0f}"


def percent(share: float | None, digits: int = 1) -> str:
    """Return ``96.7 %`` for 0.967."""
    return DASH if share is None else f"{100 * share:.{digits}f} %"


def short(value: float | None) -> str:
    """Return up to four significant digits."""
    return DASH if value is None else f"{value:.4g}"


def aligned(largest: float) -> Callable[[float], str]:
    """Return what writes figures of a column, up to ``largest``, with as many decimals each."""
    if not 1e-3 <= largest < 1e6:
        return lambda value: NAN if math.isnan(value) else short(value)
    decimals = max(0, 4 - len(str(int(largest))))
    return lambda value: NAN if math.isnan(value) else f"{value:.{decimals}f}"


def dimensions(shape: Sequence[int]) -> str:
    """Return ``1 × 8 × 8 × 1``."""
    return " × ".join(map(str, shape)) or "scalar"


def regression_text(regression: Regression | None) -> str:
    """Return the errors in real units; empty where there are none."""
    if regression is None:
        return ""
    between = (
        f"device and reference differ by up to {short(regression.max_difference)}, "
        f"RMS {short(regression.rmse_difference)}"
    )
    if regression.rmse_device is None:
        return between
    device, reference = short(regression.rmse_device), short(regression.rmse_reference)
    return f"RMSE device {device}, reference {reference}; {between}"


def distance_text(distance: ReferenceDistance | None) -> str:
    """Return how far the reference is from the other interpreter; empty where there is none."""
    if distance is None:
        return ""
    name = f"{distance.interpreter} {distance.version}, {distance.kernels} kernels"
    if not distance.differing:
        return f"none to {name}"
    step = f"up to {distance.lsb:,} LSB" if distance.lsb else f"up to {distance.relative:.2g}"
    flips = distance.class_flips
    classes = "" if flips is None else f", {flips:,} of another class"
    samples = count(distance.samples, "sample")
    return f"{distance.differing:,} of {samples} differ from {name}: {step}{classes}"
