"""Which tensor of the int8 form stands for which of the float32 form. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from tinyproof.errors import UsageError
from tinyproof.graph import Graph, Operator, Tensor, TensorType
from tinyproof.tensors import plain_name

_TRANSPARENT = frozenset({"QUANTIZE", "DEQUANTIZE"})
"""Operators that only one of the two forms has."""
INPUT = "input"
QUANTIZED = frozenset({TensorType.INT8, TensorType.INT16})


@dataclass(frozen=True, eq=False)
class Pair:
    """A layer as both forms have it.

    Attributes:
        name: of the int8 form's tensor.
        operator: the operator that makes it, or ``input``.
        index: of that operator in the int8 form; -1 for an input.
        real: the float32 form's tensor.
        quantized: the int8 form's tensor, int8 or int16.
    """

    name: str
    operator: str
    index: int
    real: Tensor
    quantized: Tensor


def pair_layers(real: Graph, quantized: Graph) -> tuple[Pair, ...]:
    """Return the layers that both graphs have, inputs first, in the order of execution.

    Two layers are one if their operators and output shapes are, in the same order; QUANTIZE and
    DEQUANTIZE are passed over.

    Raises:
        UsageError: the two have nothing in common, or are not one float and one quantized form.
    """
    _check_forms(real, quantized)
    pairs = [*_inputs(real, quantized), *_layers(real, quantized)]
    if len(pairs) <= len(real.inputs):
        raise UsageError(
            "The two models have no layer in common.",
            hint="Give the float32 and the int8 form of one model.",
        )
    return tuple(pairs)


def _check_forms(real: Graph, quantized: Graph) -> None:
    if _kinds(real) & QUANTIZED:
        raise UsageError(
            "The first model is quantized itself.", hint="Give the float32 form first."
        )
    if not _kinds(quantized) & QUANTIZED:
        raise UsageError(
            "The second model has no layer that computes with integers.",
            hint="Give its int8 or int16x8 form; weights-only forms compute in float32.",
        )


def _kinds(graph: Graph) -> set[TensorType]:
    return {graph.tensors[index].type for op in graph.operators for index in op.outputs}


def _inputs(real: Graph, quantized: Graph) -> list[Pair]:
    """Pair the inputs; one that the int8 form takes as float32 is what its QUANTIZE makes of it."""
    pairs = []
    named = {plain_name(quantized.tensors[index].name): index for index in quantized.inputs}
    for a, b in zip(real.inputs, quantized.inputs, strict=False):
        # The converter may have ordered them otherwise.
        stored = _quantized_input(quantized, named.get(plain_name(real.tensors[a].name), b))
        if stored.type in QUANTIZED and stored.shape == real.tensors[a].shape:
            pairs.append(Pair(stored.name or INPUT, INPUT, -1, real.tensors[a], stored))
    return pairs


def _quantized_input(graph: Graph, index: int) -> Tensor:
    for operator in graph.operators:
        if operator.name == "QUANTIZE" and operator.inputs[0] == index:
            return graph.tensors[operator.outputs[0]]
    return graph.tensors[index]


def _layers(real: Graph, quantized: Graph) -> list[Pair]:
    a, b = _computing(real), _computing(quantized)
    matcher = SequenceMatcher(None, _keys(real, a), _keys(quantized, b), autojunk=False)
    pairs = []
    for block in matcher.get_matching_blocks():
        for step in range(block.size):
            pairs += _outputs(real, quantized, a[block.a + step], b[block.b + step])
    return pairs


def _computing(graph: Graph) -> list[Operator]:
    return [operator for operator in graph.operators if operator.name not in _TRANSPARENT]


def _keys(graph: Graph, operators: Sequence[Operator]) -> list[tuple[object, ...]]:
    return [(op.name, *(graph.tensors[index].shape for index in op.outputs)) for op in operators]


def _outputs(real: Graph, quantized: Graph, a: Operator, b: Operator) -> list[Pair]:
    pairs = []
    for left, right in zip(a.outputs, b.outputs, strict=True):
        tensor = quantized.tensors[right]
        if tensor.type in QUANTIZED and tensor.quantization and tensor.quantization.scale:
            pairs.append(Pair(tensor.name, b.name, b.index, real.tensors[left], tensor))
    return pairs
