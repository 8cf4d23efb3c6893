"""What each engine says of each operator: all that is refused, not only the first."""

from __future__ import annotations

from dataclasses import dataclass

from tinyproof.check.advice import advice
from tinyproof.codegen import generate
from tinyproof.codegen.lower import lower_operator
from tinyproof.codegen.normalise import Normalised, normalise
from tinyproof.codegen.tflm import resolver_method
from tinyproof.errors import UnsupportedModelError
from tinyproof.graph import Graph, Operator, read_graph


@dataclass(frozen=True)
class OperatorVerdict:
    """One operator of the model.

    Attributes:
        index: its position in the file.
        name: such as ``CONV_2D``.
        types: element types of its first input and first output.
        aot: why engine aot refuses it; empty: it takes it.
        tflm: why TensorFlow Lite Micro refuses it; empty: it has such an operator.
        advice: what to do where engine aot refuses it.
    """

    index: int
    name: str
    types: str
    aot: str
    tflm: str
    advice: str


def judge_operators(model: bytes) -> tuple[tuple[OperatorVerdict, ...], str]:
    """Return a verdict on each operator, and why engine aot refuses the model; empty: it does not.

    Without operators the graph as a whole is beyond the engine; the reason then says what to do.

    Raises:
        ModelError: the file is unreadable or contradicts itself.
    """
    try:
        graph = read_graph(model)
    except UnsupportedModelError as error:
        return (), f"{error.reason}. {error.hint}".rstrip(". ")
    refusals = _refusals(graph)
    try:
        generate(model)
        reason = ""
    except UnsupportedModelError as error:
        reason = error.reason
        if error.operator:
            refusals.setdefault(error.index, error.reason)
            reason = f"operator {error.index} ({error.operator}): {error.reason}"
    verdicts = tuple(
        _verdict(graph, operator, refusals.get(operator.index, "")) for operator in graph.operators
    )
    return verdicts, reason


def _refusals(graph: Graph) -> dict[int, str]:
    """Return the reasons of engine aot by the operator's index."""
    found: dict[int, str] = {}
    try:
        normalised = normalise(graph)
    except UnsupportedModelError as error:
        if error.operator:
            found[error.index] = error.reason
        normalised = Normalised(graph, {})
    for operator in normalised.graph.operators:
        try:
            lower_operator(normalised.graph, operator)
        except UnsupportedModelError as error:
            # Without folding, shape arithmetic seems unsupported that the first refusal hides.
            if not found or normalised.graph is not graph:
                found.setdefault(operator.index, error.reason)
    return found


def _verdict(graph: Graph, operator: Operator, refusal: str) -> OperatorVerdict:
    tensors = [
        graph.tensors[next((index for index in indices if index != -1), 0)].type.name.lower()
        for indices in (operator.inputs, operator.outputs)
        if indices
    ]
    try:
        resolver_method(operator.name)
        tflm = ""
    except UnsupportedModelError as error:
        tflm = error.reason
    return OperatorVerdict(
        index=operator.index,
        name=operator.name,
        types=" to ".join(dict.fromkeys(tensors)),
        aot=refusal,
        tflm=tflm,
        advice=advice(operator.name, refusal, takes_tflm=not tflm) if refusal else "",
    )
