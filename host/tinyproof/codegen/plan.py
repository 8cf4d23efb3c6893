"""Plan the arena: where each tensor lies, so that memory is used again as soon as it is free.

Tensors are intervals of layers; two may share bytes when their intervals do not meet. Several
orders of first fit are tried, then a short search where the lower bound is not reached, and the
smallest result is kept; ``check_plan`` then proves it independently.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from tinyproof.codegen.layer import Layer
from tinyproof.codegen.normalise import Normalised, root_of

ALIGNMENT = 4
"""Tensors and scratch start at multiples of this, in bytes: the widest element type."""


@dataclass(frozen=True)
class Block:
    """Memory that is in use from layer ``first`` to layer ``last``, both included.

    The model's inputs are written before layer 0: ``first`` is -1. Its outputs are read after the
    last layer.
    """

    key: str
    bytes: int
    first: int
    last: int

    def meets(self, other: Block) -> bool:
        """Return whether both are in use at once."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Plan:
    """Where everything lies, in bytes from the arena's start.

    Attributes:
        tensors: offset of each tensor that lies in the arena, aliases included.
        scratch: offset of each layer's scratch, -1 where it has none.
        bytes: size of the arena.
    """

    tensors: Mapping[int, int]
    scratch: tuple[int, ...]
    bytes: int


def plan_arena(normalised: Normalised, layers: Sequence[Layer]) -> Plan:
    """Return the smallest plan found for ``layers``; it has passed ``check_plan``."""
    shared = _share(normalised, layers)
    blocks = _blocks(normalised, layers, shared)
    offsets = _smallest(blocks)
    graph = normalised.graph
    tensors = {
        tensor.index: offsets[f"t{root}"]
        for tensor in graph.tensors
        if f"t{(root := root_of(shared, tensor))}" in offsets
    }
    scratch = tuple(offsets.get(f"s{index}", -1) for index in range(len(layers)))
    size = max((offsets[block.key] + _aligned(block.bytes) for block in blocks), default=0)
    plan = Plan(tensors, scratch, size)
    check_plan(normalised, layers, plan)
    return plan


def live_bytes(normalised: Normalised, layers: Sequence[Layer]) -> tuple[int, ...]:
    """Return the bytes of the arena that are in use while each layer runs, scratch included."""
    blocks = _blocks(normalised, layers, _share(normalised, layers))
    return tuple(
        sum(_aligned(block.bytes) for block in blocks if block.first <= index <= block.last)
        for index in range(len(layers))
    )


def _share(normalised: Normalised, layers: Sequence[Layer]) -> dict[int, int]:
    """Return the graph's aliases and those made by layers that work in place."""
    graph = normalised.graph
    shared = dict(normalised.aliases)
    members: dict[int, list[int]] = {}
    for alias, root in shared.items():
        members.setdefault(root, [root]).append(alias)
    last = _last_reads(normalised, layers, shared)
    for index, layer in enumerate(layers):
        for tensor in layer.in_place:
            root = root_of(shared, tensor)
            output = layer.output
            fits = graph.tensors[output].bytes == graph.tensors[root].bytes
            if graph.tensors[tensor].data is None and last.get(root, -1) == index and fits:
                group = members.pop(output, [output])
                members.setdefault(root, [root]).extend(group)
                shared.update(dict.fromkeys(group, root))
                last[root] = last.get(output, index)
                break
    return shared


def _last_reads(
    normalised: Normalised, layers: Sequence[Layer], shared: Mapping[int, int]
) -> dict[int, int]:
    """Return the last layer that reads each root tensor; one past the end for outputs."""
    last: dict[int, int] = {}
    for index, layer in enumerate(layers):
        for tensor in layer.reads:
            last[root_of(shared, tensor)] = index
    for tensor in normalised.graph.outputs:
        last[root_of(shared, tensor)] = len(layers)
    return last


def _blocks(
    normalised: Normalised, layers: Sequence[Layer], shared: Mapping[int, int]
) -> list[Block]:
    graph = normalised.graph
    last = _last_reads(normalised, layers, shared)
    first = {root_of(shared, index): -1 for index in graph.inputs}
    for index, layer in enumerate(layers):
        first.setdefault(root_of(shared, layer.output), index)
    blocks = [
        Block(f"t{root}", graph.tensors[root].bytes, start, max(start, last.get(root, start)))
        for root, start in first.items()
    ]
    for index, layer in enumerate(layers):
        if layer.scratch_bytes:
            blocks.append(Block(f"s{index}", layer.scratch_bytes, index, index))
    return blocks


_ORDERS: tuple[Callable[[Block], tuple[int, int, str]], ...] = (
    lambda block: (-block.bytes, block.first, block.key),
    lambda block: (block.first, -block.bytes, block.key),
    lambda block: (-block.last, -block.bytes, block.key),
    lambda block: (block.first - block.last, -block.bytes, block.key),
)
"""Orders in which blocks are placed: largest, earliest, latest, longest first."""


TRIES = 300
"""Orders tried beyond those, each with two blocks of the best exchanged, where there is room left
to win; only for graphs of up to ``SEARCHED`` blocks, others would take long."""
SEARCHED = 100


def _smallest(blocks: Sequence[Block]) -> dict[str, int]:
    orders = [sorted(blocks, key=order) for order in _ORDERS]
    best = min(orders, key=_height)
    least = _lower_bound(blocks)
    random = Random(0)  # noqa: S311 - any sequence does, if it is always the same
    for _ in range(TRIES if len(blocks) <= SEARCHED else 0):
        if _height(best) == least:
            break
        order = best.copy()
        a, b = (random.randrange(len(order)) for _ in range(2))
        order[a], order[b] = order[b], order[a]
        best = min(order, best, key=_height)
    return _first_fit(best)


def _height(order: Sequence[Block]) -> int:
    """Return the bytes of the arena when blocks are placed in this order."""
    offsets = _first_fit(order)
    return max((offsets[block.key] + _aligned(block.bytes) for block in order), default=0)


def _lower_bound(blocks: Sequence[Block]) -> int:
    """Return the most bytes that are in use at once; no plan takes less."""
    moments = {block.first for block in blocks}
    return max(
        (
            sum(_aligned(block.bytes) for block in blocks if block.first <= moment <= block.last)
            for moment in moments
        ),
        default=0,
    )


def _first_fit(blocks: Iterable[Block]) -> dict[str, int]:
    """Place each block at the lowest offset that is free as long as it lives."""
    placed: list[tuple[int, Block]] = []
    for block in blocks:
        offset = 0
        size = _aligned(block.bytes)
        for start, other in placed:
            if not block.meets(other):
                continue
            if start - offset >= size:
                break
            offset = max(offset, start + _aligned(other.bytes))
        insort(placed, (offset, block), key=lambda entry: entry[0])
    return {block.key: offset for offset, block in placed}


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def check_plan(normalised: Normalised, layers: Sequence[Layer], plan: Plan) -> None:
    """Prove that no layer reads bytes that something else has overwritten.

    Plays the layers through on a map of the arena that notes for each byte whose value it holds,
    knowing nothing of lifetimes or of how the plan was made.

    Raises:
        AssertionError: the plan is wrong, a fault of the planner.
    """
    arena = _ArenaMap(normalised, plan)
    for index in normalised.graph.inputs:
        arena.write(index)
    for index in normalised.graph.inputs:
        arena.check(index, "layer 0")
    for number, layer in enumerate(layers):
        arena.run(number, layer)
    for index in normalised.graph.outputs:
        arena.check(index, "the outputs are read")


class _ArenaMap:
    """For each byte of the arena, the tensor whose value it holds."""

    SCRATCH = -2
    NOTHING = -1

    def __init__(self, normalised: Normalised, plan: Plan) -> None:
        self.tensors = normalised.graph.tensors
        self.aliases = normalised.aliases
        self.plan = plan
        self.owners = np.full(plan.bytes, self.NOTHING, np.int32)

    def span(self, index: int) -> slice:
        """Return the bytes of tensor ``index``."""
        start = self.plan.tensors[index]
        end = start + self.tensors[index].bytes
        assert 0 <= start <= end <= self.plan.bytes, f"tensor {index} lies outside the arena"
        assert start % ALIGNMENT == 0, f"tensor {index} is not aligned"
        return slice(start, end)

    def write(self, index: int) -> None:
        """Note that tensor ``index`` was written."""
        self.owners[self.span(index)] = root_of(self.aliases, index)

    def check(self, index: int, when: str) -> None:
        """Assert that all bytes of tensor ``index`` still hold it."""
        held = bool(np.all(self.owners[self.span(index)] == root_of(self.aliases, index)))
        assert held, f"tensor {index} is overwritten before {when}"

    def run(self, number: int, layer: Layer) -> None:
        """Play ``layer``: its inputs hold before and during it, its output afterwards."""
        reads = [index for index in layer.reads if self.tensors[index].data is None]
        for index in reads:
            self.check(index, f"layer {number}")
        if layer.scratch_bytes:
            start = self.plan.scratch[number]
            assert 0 <= start <= self.plan.bytes - layer.scratch_bytes, "scratch lies outside"
            assert start % ALIGNMENT == 0, "scratch is not aligned"
            self.owners[start : start + layer.scratch_bytes] = self.SCRATCH
        output = self.span(layer.output)
        scratched = bool(np.any(self.owners[output] == self.SCRATCH)) and layer.scratch_bytes
        assert not scratched, f"layer {number} writes into its own scratch"
        for index in reads:
            self.check(index, f"layer {number} is done with its scratch")
            source = self.span(index)
            apart = source.stop <= output.start or output.stop <= source.start
            in_place = index in layer.in_place and source == output
            assert apart or in_place, f"layer {number} overwrites its input {index}"
        self.write(layer.output)
        if layer.scratch_bytes:
            start = self.plan.scratch[number]
            self.owners[start : start + layer.scratch_bytes] = self.NOTHING
