"""From the bytes of a model to ``model.h`` and everything known about it. Pure: no I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from tinyproof import __version__
from tinyproof.codegen.descriptor import Interface, pack_descriptor
from tinyproof.codegen.emit import Program, emit
from tinyproof.codegen.layer import Layer
from tinyproof.codegen.lower import lower
from tinyproof.codegen.node import SUFFIXES, Node
from tinyproof.codegen.normalise import Normalised, normalise
from tinyproof.codegen.plan import Plan, plan_arena
from tinyproof.codegen.weights import collect_weights
from tinyproof.errors import UnsupportedModelError
from tinyproof.graph import Graph, Tensor, read_graph

ENGINE = "aot"


@dataclass(frozen=True)
class LayerInfo:
    """One layer of the plan, for people and for comparing traces.

    Attributes:
        name: name of the tensor it writes, as in the ``.tflite``.
        tensor: index of that tensor in the ``.tflite``; what a trace is compared with.
        operators: names of the operators it carries out; more than one are a fused group.
        operator_indices: their positions in the graph.
        inputs: shapes of the tensors it reads from the arena.
        output: shape of the tensor it writes.
        macs: multiply-accumulates.
        weight_bytes: bytes of its constants in flash.
        arena_in: (offset, bytes) of each tensor it reads.
        arena_out: (offset, bytes) of the tensor it writes.
        scratch_bytes: working memory beyond those.
    """

    name: str
    tensor: int
    operators: tuple[str, ...]
    operator_indices: tuple[int, ...]
    kernel: str
    inputs: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    macs: int
    weight_bytes: int
    arena_in: tuple[tuple[int, int], ...]
    arena_out: tuple[int, int]
    scratch_bytes: int


@dataclass(frozen=True)
class Generated:
    """``model.h`` and what it holds.

    Attributes:
        header: text of ``model.h``.
        sha256: of the ``.tflite``, hexadecimal.
        model_bytes: size of the ``.tflite``.
        arena_bytes: RAM for tensors.
        weight_bytes: flash for constants.
        weights_crc32: what the board must compute over its constants.
        descriptor: what the board tells of the model in its ``hello``.
    """

    header: str
    sha256: str
    model_bytes: int
    arena_bytes: int
    weight_bytes: int
    weights_crc32: int
    layers: tuple[LayerInfo, ...]
    inputs: tuple[Interface, ...]
    outputs: tuple[Interface, ...]
    descriptor: bytes

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.layers)


def generate(model: bytes) -> Generated:
    """Return ``model.h`` for engine ``aot``; ``model`` are the bytes of a ``.tflite`` file.

    Raises:
        ModelError: the file is unreadable or contradicts itself.
        UnsupportedModelError: an operator, option or type that the engine does not have.
    """
    normalised = normalise(read_graph(model))
    graph = normalised.graph
    _check_interface(normalised)
    layers = lower(normalised)
    plan = plan_arena(normalised, layers)
    weights = collect_weights(_arrays(graph, layers))
    digest = hashlib.sha256(model)
    inputs = tuple(Interface.of(graph.tensors[index]) for index in graph.inputs)
    outputs = tuple(Interface.of(graph.tensors[index]) for index in graph.outputs)
    descriptor = pack_descriptor(
        sha256=digest.digest(),
        engine=ENGINE,
        engine_version=__version__,
        layers=len(layers),
        inputs=inputs,
        outputs=outputs,
    )
    program = Program(
        model, digest.hexdigest(), descriptor, inputs, outputs, graph, layers, plan, weights
    )
    return Generated(
        header=emit(program),
        sha256=digest.hexdigest(),
        model_bytes=len(model),
        arena_bytes=max(plan.bytes, 4),
        weight_bytes=weights.bytes,
        weights_crc32=weights.crc32,
        layers=tuple(_info(graph, plan, layer) for layer in layers),
        inputs=inputs,
        outputs=outputs,
        descriptor=descriptor,
    )


def _check_interface(normalised: Normalised) -> None:
    graph = normalised.graph
    for what, indices in (("input", graph.inputs), ("output", graph.outputs)):
        for index in indices:
            tensor = graph.tensors[index]
            if tensor.type not in SUFFIXES:
                raise _refused_type(graph, what, tensor)
            if tensor.data is not None:
                raise UnsupportedModelError(f"its {what} {tensor.name!r} is constant")


def _refused_type(graph: Graph, what: str, tensor: Tensor) -> UnsupportedModelError:
    """Return the refusal of an input or output, on behalf of the first operator that has it."""
    reason = f"the model's {what} {tensor.name!r} is {tensor.type.name.lower()}"
    for operator in graph.operators:
        if tensor.index in (*operator.inputs, *operator.outputs):
            return Node(graph, operator).refusal(reason)
    return UnsupportedModelError(reason)


def _arrays(graph: Graph, layers: Sequence[Layer]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield all constants with the names they get in ``model.h``."""
    for index, layer in enumerate(layers):
        for array in layer.arrays():
            yield f"{layer.kernel}_{index}_{array.role}", array.values
        for tensor in layer.reads:
            data = graph.tensors[tensor].data
            if data is not None:
                yield f"tensor_{tensor}", data.reshape(-1)


def _info(graph: Graph, plan: Plan, layer: Layer) -> LayerInfo:
    reads = [graph.tensors[index] for index in layer.reads]
    moving = [tensor for tensor in reads if tensor.data is None]
    constants = sum(tensor.bytes for tensor in reads if tensor.data is not None)
    output = graph.tensors[layer.output]
    return LayerInfo(
        name=output.name,
        tensor=output.index,
        operators=tuple(part.name for part in layer.operators),
        operator_indices=tuple(part.index for part in layer.operators),
        kernel=layer.function,
        inputs=tuple(tensor.shape for tensor in moving),
        output=output.shape,
        macs=layer.macs,
        weight_bytes=sum(array.values.nbytes for array in layer.arrays()) + constants,
        arena_in=tuple((plan.tensors[tensor.index], tensor.bytes) for tensor in moving),
        arena_out=(plan.tensors[output.index], output.bytes),
        scratch_bytes=layer.scratch_bytes,
    )
