"""From a graph to the list of layers, operator by operator, fusing where the table allows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tinyproof.codegen.layer import Layer
from tinyproof.codegen.node import Node
from tinyproof.codegen.normalise import Normalised, root_of
from tinyproof.codegen.operators import FUSIONS, LOWERINGS
from tinyproof.errors import UnsupportedModelError
from tinyproof.graph import Graph, Operator

MAX_CONSTANT_BYTES = 32 << 20
"""Most bytes of weights as laid out for the kernels; bounds the size of ``model.h``."""


@dataclass(frozen=True, eq=False)
class _Uses:
    """Who reads each tensor: operators by tensor index, an output of the model counting as one."""

    counts: Counter[int]
    readers: dict[int, Operator]

    @classmethod
    def of(cls, normalised: Normalised) -> _Uses:
        graph = normalised.graph
        counts = Counter(root_of(normalised.aliases, index) for index in graph.outputs)
        readers: dict[int, Operator] = {}
        for operator in graph.operators:
            for index in operator.inputs:
                counts[root_of(normalised.aliases, index)] += 1
                readers[index] = operator
        return cls(counts, readers)

    def only_reader(self, tensor: int) -> Operator | None:
        """Return the operator that reads ``tensor`` itself, if nothing else does."""
        return self.readers.get(tensor) if self.counts[tensor] == 1 else None


def lower(normalised: Normalised) -> list[Layer]:
    """Return the layers of a normalised graph, in order.

    Raises:
        UnsupportedModelError: an operator, or one of its options, that is not supported.
    """
    graph = normalised.graph
    uses = _Uses.of(normalised)
    layers: list[Layer] = []
    fused: set[int] = set()
    constant_bytes = 0
    for operator in graph.operators:
        if operator.index in fused:
            continue
        added = lower_operator(graph, operator)
        if len(added) == 1:
            added = [_fuse(graph, added[0], uses)]
            fused.update(part.index for part in added[0].operators)
        constant_bytes += sum(array.values.nbytes for layer in added for array in layer.arrays())
        if constant_bytes > MAX_CONSTANT_BYTES:
            raise UnsupportedModelError(f"its weights take more than {MAX_CONSTANT_BYTES} bytes")
        layers += added
    return layers


def lower_operator(graph: Graph, operator: Operator) -> list[Layer]:
    """Return the layers of one operator of a normalised graph, before anything is fused.

    Raises:
        UnsupportedModelError: it, or one of its options, is not supported.
    """
    lowering = LOWERINGS.get(operator.name)
    if lowering is None:
        raise UnsupportedModelError(
            "engine aot does not have this operator",
            operator=operator.name,
            index=operator.index,
            hint="docs/operators.md lists the operators it has.",
        )
    return lowering(Node(graph, operator))


def _fuse(graph: Graph, layer: Layer, uses: _Uses) -> Layer:
    """Return ``layer`` joined with operators that alone read its output, as far as it goes."""
    while (reader := uses.only_reader(layer.output)) is not None:
        fusion = FUSIONS.get(reader.name)
        joined = fusion(layer, Node(graph, reader)) if fusion else None
        if joined is None:
            break
        layer = joined
    return layer
