"""From the bytes of a ``.tflite`` file to a validated :class:`Graph`.

Everything a later stage relies on is checked here, once: indices, shapes, sizes of data,
quantization, the order of execution. A file that breaks a rule raises ModelError, whatever it
contains; one that is well
formed but beyond any engine (custom operators, several subgraphs, sparse tensors, tensors
of unknown size) raises UnsupportedModelError.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.errors import ModelError, UnsupportedModelError
from tinyproof.graph.flatbuffer import Buffer, Table, malformed
from tinyproof.graph.model import (
    NUMPY_TYPES,
    Graph,
    Operator,
    Quantization,
    Tensor,
    TensorType,
)
from tinyproof.graph.names import OPERATOR_NAMES
from tinyproof.graph.options import read_options

MAX_FILE_BYTES = 16 << 20
MAX_TENSOR_BYTES = 16 << 20
MAX_TENSORS = 8192
MAX_OPERATORS = 2048
MAX_OPERANDS = 64
MAX_RANK = 8


def read_graph(model: bytes) -> Graph:
    """Return the graph in ``model``, the bytes of a ``.tflite`` file.

    Raises:
        ModelError: empty, truncated, not a TFLite FlatBuffer, or contradictory.
        UnsupportedModelError: well formed, but nothing an engine could run.
    """
    root = _root(model)
    subgraphs = root.tables(2, limit=1024)
    if len(subgraphs) != 1:
        raise UnsupportedModelError(
            f"it has {len(subgraphs)} subgraphs instead of one",
            hint="Recurrences and conditions make subgraphs: unroll them (unroll=True in Keras).",
        )
    subgraph = subgraphs[0]
    buffers = root.tables(4, limit=2 * MAX_TENSORS)
    _check_rest(root, buffers)
    tensors = tuple(
        _tensor(index, table, buffers)
        for index, table in enumerate(subgraph.tables(0, limit=MAX_TENSORS))
    )
    codes = [_operator_code(table) for table in root.tables(1, limit=1024)]
    operators = tuple(
        _operator(index, table, codes, len(tensors))
        for index, table in enumerate(subgraph.tables(3, limit=MAX_OPERATORS))
    )
    inputs = _indices(subgraph, 1, len(tensors), "the model's inputs")
    outputs = _indices(subgraph, 2, len(tensors), "the model's outputs")
    graph = Graph(tensors, operators, inputs, outputs, root.text(3))
    _check_interface(graph)
    _check_order(graph)
    return graph


def _root(model: bytes) -> Table:
    if not model:
        raise ModelError("The model file is empty.", hint="Convert the model again.")
    if len(model) > MAX_FILE_BYTES:
        raise UnsupportedModelError(
            f"it has {len(model)} bytes, more than the {MAX_FILE_BYTES} that are read"
        )
    if len(model) < 8 or model[4:8] != b"TFL3":
        raise ModelError(
            "The model file is not a TensorFlow Lite FlatBuffer (its identifier TFL3 is missing).",
            hint="Give a .tflite file; tinyproof convert makes one.",
        )
    root = Buffer(model).root()
    version = root.integer(0, "I")
    if version != 3:
        raise malformed(f"its schema version is {version} instead of 3")
    return root


def _check_rest(root: Table, buffers: list[Table]) -> None:
    """Touch what the graph does not need, so that a file cut off within it is refused too."""
    for buffer in buffers:
        buffer.raw(0)
    for metadata in root.tables(6, limit=1024):
        metadata.text(0)
    for signature in root.tables(7, limit=1024):
        signature.text(2)
        for names in (signature.tables(0, limit=1024), signature.tables(1, limit=1024)):
            for name in names:
                name.text(0)


def _tensor(index: int, table: Table, buffers: list[Table]) -> Tensor:
    name = table.text(3)
    where = f"tensor {index}"
    kind = _tensor_type(table.integer(1, "b"), where)
    if table.has(6):
        raise UnsupportedModelError(f"{where} is sparse")
    if table.integer(5, "B"):
        raise UnsupportedModelError(f"{where} is a variable that outlives an inference")
    shape = _shape(table, where)
    size = math.prod(shape) * NUMPY_TYPES[kind].itemsize
    if size > MAX_TENSOR_BYTES:
        raise UnsupportedModelError(
            f"{where} of shape {list(shape)} takes {size} bytes, more than {MAX_TENSOR_BYTES}"
        )
    data = _data(table.integer(2, "I"), buffers, kind, shape, where)
    quantization = _quantization(table.table(4), shape, where)
    return Tensor(index, name, shape, kind, quantization, data, _free_dims(table, shape, where))


def _tensor_type(number: int, where: str) -> TensorType:
    try:
        kind = TensorType(number)
    except ValueError as error:
        raise malformed(f"{where} has the unknown element type {number}") from error
    if kind not in NUMPY_TYPES:
        raise UnsupportedModelError(f"{where} has the element type {kind.name}")
    return kind


def _shape(table: Table, where: str) -> tuple[int, ...]:
    shape = tuple(int(size) for size in table.numbers(0, "<i4"))
    if len(shape) > MAX_RANK:
        raise UnsupportedModelError(f"{where} has {len(shape)} dimensions, more than {MAX_RANK}")
    if any(size < 1 for size in shape):
        raise malformed(f"{where} has the shape {list(shape)}")
    return shape


def _free_dims(table: Table, shape: tuple[int, ...], where: str) -> tuple[int, ...]:
    """Return the dimensions whose entry in the shape signature is -1; ``shape`` has 1 there."""
    signature = tuple(int(size) for size in table.numbers(7, "<i4"))
    if not signature:
        return ()
    if len(signature) != len(shape):
        raise malformed(f"{where} has the shape {list(shape)}, but {len(signature)} open sizes")
    free = tuple(axis for axis, size in enumerate(signature) if size == -1)
    wrong = any(size not in (-1, shape[axis]) for axis, size in enumerate(signature))
    if wrong or any(shape[axis] != 1 for axis in free):
        raise malformed(f"{where} has the shape {list(shape)} and the signature {list(signature)}")
    return free


def _data(
    number: int, buffers: list[Table], kind: TensorType, shape: tuple[int, ...], where: str
) -> NDArray[Any] | None:
    if number >= len(buffers):
        raise malformed(f"{where} refers to buffer {number} of {len(buffers)}")
    buffer = buffers[number]
    if buffer.integer(1, "Q") or buffer.integer(2, "Q"):
        raise UnsupportedModelError(f"{where} keeps its values outside of the FlatBuffer")
    raw = buffer.raw(0)
    if not raw:
        return None
    dtype = NUMPY_TYPES[kind]
    wanted = math.prod(shape) * dtype.itemsize
    if len(raw) != wanted:
        raise malformed(f"{where} has {len(raw)} bytes of data instead of {wanted}")
    return np.frombuffer(raw, dtype).reshape(shape)


def _quantization(table: Table | None, shape: tuple[int, ...], where: str) -> Quantization | None:
    if table is None:
        return None
    if table.integer(4, "B"):
        raise UnsupportedModelError(f"{where} is quantized in another way than scale and offset")
    scale = tuple(float(value) for value in table.numbers(2, "<f4").tolist())
    zero_point = tuple(int(value) for value in table.numbers(3, "<i8").tolist())
    if not scale:
        return None
    if not all(math.isfinite(value) and value >= 0 for value in scale):
        raise malformed(f"{where} has a scale that is negative or not finite")
    zero_point = zero_point or (0,) * len(scale)
    axis = table.integer(6, "i")
    if len(zero_point) == 1:
        zero_point *= len(scale)
    if len(zero_point) != len(scale):
        raise malformed(f"{where} has {len(scale)} scales and {len(zero_point)} zero points")
    if not all(-(1 << 31) <= value < 1 << 31 for value in zero_point):
        raise malformed(f"{where} has a zero point beyond 32 bits")
    if len(scale) == 1:
        return Quantization(scale, zero_point)
    if not 0 <= axis < len(shape) or shape[axis] != len(scale):
        raise malformed(f"{where} of shape {list(shape)} has {len(scale)} scales on axis {axis}")
    return Quantization(scale, zero_point, axis)


def _operator_code(table: Table) -> tuple[str, int]:
    """Return (operator name, version); the older schema kept the number in another field."""
    number = max(table.integer(3, "i"), table.integer(0, "b"))
    name = OPERATOR_NAMES.get(number, f"BUILTIN_{number}")
    if name == "CUSTOM":
        name = f"CUSTOM:{table.text(1)[:64]}"
    return name, table.integer(2, "i", 1)


def _operator(index: int, table: Table, codes: list[tuple[str, int]], tensors: int) -> Operator:
    code = table.integer(0, "I")
    if code >= len(codes):
        raise malformed(f"operator {index} has code {code} of {len(codes)}")
    name, version = codes[code]
    where = f"operator {index} ({name})"
    inputs = _indices(table, 1, tensors, f"the inputs of {where}", optional=True)
    outputs = _indices(table, 2, tensors, f"the outputs of {where}")
    options = read_options(name, table.integer(3, "B"), table.table(4))
    return Operator(name, index, version, inputs, outputs, options)


def _indices(
    table: Table, slot: int, tensors: int, what: str, *, optional: bool = False
) -> tuple[int, ...]:
    """Return the tensor indices in vector ``slot``; -1 is allowed only where ``optional``."""
    indices = tuple(int(index) for index in table.numbers(slot, "<i4", limit=MAX_OPERANDS))
    lowest = -1 if optional else 0
    if any(not lowest <= index < tensors for index in indices):
        raise malformed(f"{what} are {list(indices)}, but there are {tensors} tensors")
    return indices


def _check_interface(graph: Graph) -> None:
    for what, indices in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        if not indices:
            raise malformed(f"it has no {what}")
    if len(set(graph.inputs)) != len(graph.inputs):
        raise malformed("two of its inputs are the same tensor")
    if any(graph.tensors[index].data is not None for index in graph.inputs):
        raise malformed("one of its inputs has a constant value")


def _check_order(graph: Graph) -> None:
    """Check that every tensor is written once, and before it is read; so there are no cycles."""
    known = {tensor.index for tensor in graph.tensors if tensor.data is not None}
    known.update(graph.inputs)
    for operator in graph.operators:
        missing = [index for index in operator.inputs if index != -1 and index not in known]
        if missing:
            raise malformed(
                f"operator {operator.index} ({operator.name}) reads tensor {missing[0]}"
                " before it is written"
            )
        for index in operator.outputs:
            if index in known:
                raise malformed(
                    f"operator {operator.index} ({operator.name}) writes tensor {index} again"
                )
            known.add(index)
    unknown = [index for index in graph.outputs if index not in known]
    if unknown:
        raise malformed(f"output tensor {unknown[0]} is never written")
