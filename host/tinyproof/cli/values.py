"""Values on the command line that click has no type for: shapes, ratios, lists of numbers.

Each function is an option's ``type``; what it raises click turns into a wrong usage.
"""

from __future__ import annotations

import math

import click


def shape(text: str) -> tuple[int, ...]:
    """Return the sizes in ``1,28,28,1``: whole numbers of at least 1, eight at most."""
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = (0,)
    if min(sizes) < 1 or len(sizes) > 8:
        raise click.BadParameter(f"{text!r} is no shape; write it as 1,28,28,1.")
    return sizes


def numbers(text: str) -> tuple[float, ...]:
    """Return the finite numbers in ``127.5`` or ``0.485,0.456,0.406``."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = (math.nan,)
    if not all(map(math.isfinite, found)):
        raise click.BadParameter(f"{text!r} is no list of numbers; write 0.5 or 0.1,0.2,0.3.")
    return found


def deviations(text: str) -> tuple[float, ...]:
    """Return numbers of which none is 0, to divide by."""
    found = numbers(text)
    if 0.0 in found:
        raise click.BadParameter("a deviation of 0 cannot be divided by.")
    return found


def ratio(text: str) -> float:
    """Return the number in ``0.5`` or the quotient in ``1/255``; not 0."""
    above, slash, below = text.partition("/")
    try:
        quotient = float(above) / (float(below) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        quotient = 0.0
    if not quotient or not math.isfinite(quotient):
        raise click.BadParameter(f"{text!r} is no scale; write 1/255 or 0.5.")
    return quotient
