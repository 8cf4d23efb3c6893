"""How a kernel steps through two tensors at once: the members of ``tp_walk_t``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

from tinyproof.codegen.layer import Value
from tinyproof.codegen.node import Node

OUTER_AXES = 5
"""Most axes around a row; ``TP_WALK_OUTER`` in ``tp_walk.h``."""


@dataclass(frozen=True)
class Axis:
    """One axis of a walk: ``size`` elements, ``a`` and ``b`` elements apart in either tensor."""

    size: int
    a: int
    b: int


def strides(shape: Sequence[int]) -> list[int]:
    """Return how many elements apart neighbours along each axis of a dense tensor lie."""
    return list(accumulate((1, *reversed(shape[1:])), mul))[::-1] if shape else []


def merge(axes: Iterable[Axis]) -> list[Axis]:
    """Return as few axes as visit the same elements in the same order; at least one.

    Args:
        axes: outermost first.
    """
    merged: list[Axis] = []
    for axis in axes:
        if axis.size == 1:
            continue
        if merged and merged[-1].a == axis.a * axis.size and merged[-1].b == axis.b * axis.size:
            merged[-1] = Axis(merged[-1].size * axis.size, axis.a, axis.b)
        else:
            merged.append(axis)
    return merged or [Axis(1, 1, 1)]


def walk(node: Node, axes: Iterable[Axis]) -> dict[str, Value]:
    """Return the members of ``tp_walk_t`` for ``axes``, outermost first."""
    *outer, row = merge(axes)
    node.require(len(outer) <= OUTER_AXES, f"it walks along {len(outer) + 1} axes")
    outer.reverse()
    unused = (0,) * (OUTER_AXES - len(outer))
    return {
        "count": row.size,
        "step_a": row.a,
        "step_b": row.b,
        "outer": len(outer),
        "size": (*(axis.size for axis in outer), *(1 for _ in unused)),
        "jump_a": (*_jumps([(axis.size, axis.a) for axis in outer]), *unused),
        "jump_b": (*_jumps([(axis.size, axis.b) for axis in outer]), *unused),
    }


def _jumps(axes: list[tuple[int, int]]) -> list[int]:
    """Return for each axis, innermost first, its step less the way back along those before it."""
    back = [0, *accumulate((size - 1) * step for size, step in axes)]
    return [step - back[index] for index, (_, step) in enumerate(axes)]
