"""The program that ``tinyproof.reference`` runs as a child: limits itself, then runs a model.

Run by path, it imports nothing of TinyProof, so that it starts fast and alone. Arguments, all
numbers: descriptors of model, samples and outputs; bytes of a sample; samples; address space in
bytes; processor seconds; process id of the parent; the interpreter, 0 for LiteRT and 1 for
TensorFlow Lite Micro; then indices of tensors whose values are wanted instead of the outputs, if
any. Standard output gets a JSON list of the tensors written. Exit status 1 and a last line on
standard error say why the model cannot be run; when all went well TensorFlow Lite Micro tells there
of its arena.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

BLOCK_BYTES = 1 << 20
TFLM_ARENA_BYTES = 256 << 20
"""For TFLM on this machine; what it does not touch costs nothing."""
TYPES = {0: "float32", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8"}
"""NumPy's names of the element types in a ``.tflite`` file that TFLM has."""
MAX_OUTPUT_BYTES = 4 << 30
"""The most the child may write to any file; a model with huge outputs must not fill the disk."""


def main(arguments: list[str]) -> None:
    """Run every sample of the file through the model."""
    model, samples, outputs, size, count, memory, seconds, owner, kind, *wanted = map(
        int, arguments
    )
    answer = os.dup(1)
    os.dup2(2, 1)  # The interpreter's own messages must not mix with the answer.
    _limit(memory, seconds)
    content = _read(model, 0, os.fstat(model).st_size)
    runner = _Tflm(content, wanted) if kind else _LiteRt(content, wanted)
    if count:
        _check_size(runner.inputs, size)
    buffer = bytearray()
    for sample in _samples(samples, size, count, owner):
        buffer += runner.run(sample)
        if len(buffer) >= BLOCK_BYTES:
            _write(outputs, buffer)
    _write(outputs, buffer)
    os.write(answer, json.dumps(runner.description()).encode())


class _LiteRt:
    """LiteRT with its reference kernels."""

    def __init__(self, model: bytes, wanted: list[int]) -> None:
        self._interpreter = _interpreter(model, keep=bool(wanted))
        self.inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        self._tensors = _wanted(self._interpreter, wanted) if wanted else outputs

    def run(self, sample: memoryview) -> bytes:
        """Return the tensors of one sample, in order, without gaps."""
        for detail, values in _split(self.inputs, sample):
            self._interpreter.set_tensor(detail["index"], values)
        _invoke(self._interpreter)
        return b"".join(_value(self._interpreter, detail["index"]) for detail in self._tensors)

    def description(self) -> list[dict[str, Any]]:
        """Describe the tensors that ``run`` returns."""
        return [_description(detail) for detail in self._tensors]


class _Tflm:
    """TensorFlow Lite Micro, with the reference kernels that its Python package has."""

    def __init__(self, model: bytes, wanted: list[int]) -> None:
        from tflite_micro.python.tflite_micro import runtime

        kinds = runtime.InterpreterConfig
        kind = kinds.kPreserveAllTensors if wanted else kinds.kAllocationRecording
        try:
            self._interpreter = runtime.Interpreter.from_bytes(
                model, arena_size=TFLM_ARENA_BYTES, intrepreter_config=kind
            )
        except (ValueError, RuntimeError, MemoryError) as error:
            _refuse(f"{error}" or "out of memory")
        if not wanted:
            self._interpreter.print_allocations()
        self._graph = runtime.schema_fb.Model.GetRootAsModel(model, 0).Subgraphs(0)
        self._model = model  # TFLM reads the weights from it.
        self._wanted = wanted
        numbers = range(self._graph.InputsLength())
        self.inputs = [self._interpreter.get_input_details(number) for number in numbers]

    def run(self, sample: memoryview) -> bytes:
        """Return the tensors of one sample, in order, without gaps."""
        for number, (_, values) in enumerate(_split(self.inputs, sample)):
            self._interpreter.set_input(values, number)
        _invoke(self._interpreter)
        return b"".join(value.tobytes() for value in self._values())

    def _values(self) -> Iterator[Any]:
        for index in self._wanted:
            yield self._interpreter.GetTensor(index, 0)["tensor_data"]
        for number in range(0 if self._wanted else self._graph.OutputsLength()):
            yield self._interpreter.get_output(number)

    def description(self) -> list[dict[str, Any]]:
        """Describe the tensors that ``run`` returns."""
        outputs = [self._graph.Outputs(number) for number in range(self._graph.OutputsLength())]
        return [_stored(self._graph.Tensors(index)) for index in self._wanted or outputs]


def _stored(tensor: Any) -> dict[str, Any]:
    """Describe a tensor from the file: TFLM tells of inputs and outputs only."""
    quantization = tensor.Quantization()
    single = quantization is not None and quantization.ScaleLength() == 1
    return {
        "name": (tensor.Name() or b"").decode("utf-8", "replace"),
        "dtype": TYPES[tensor.Type()],
        "shape": [tensor.Shape(axis) for axis in range(tensor.ShapeLength())],
        "scale": float(quantization.Scale(0)) if single else 0.0,
        "zero": int(quantization.ZeroPoint(0)) if single else 0,
    }


def _limit(memory: int, seconds: int) -> None:
    """Bound address space, processor time and file size, and write no core file."""
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: MAX_OUTPUT_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, wanted in limits.items():
        _, most = resource.getrlimit(kind)
        bound = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(kind, (bound, bound))


def _interpreter(model: bytes, *, keep: bool) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        interpreter = Interpreter(
            model_content=model,
            num_threads=1,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            # Otherwise a later layer takes over the memory of an earlier one's output.
            experimental_preserve_all_tensors=keep,
        )
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError, MemoryError) as error:
        _refuse(f"{error}" or "out of memory")
    return interpreter


def _check_size(inputs: list[dict[str, Any]], size: int) -> None:
    import numpy as np

    wanted = sum(math.prod(i["shape"].tolist()) * np.dtype(i["dtype"]).itemsize for i in inputs)
    if wanted != size:
        _refuse(f"its inputs take {wanted} bytes, the samples have {size}")


def _split(
    inputs: list[dict[str, Any]], sample: memoryview
) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield each input and its values, to be set before every inference: their memory is reused."""
    import numpy as np

    offset = 0
    for detail in inputs:
        count = math.prod(detail["shape"].tolist())
        values = np.frombuffer(sample, detail["dtype"], count, offset)
        yield detail, values.reshape(detail["shape"])
        offset += values.nbytes


def _invoke(interpreter: Any) -> None:
    try:
        interpreter.invoke()
    except (ValueError, RuntimeError) as error:
        _refuse(f"{error}")


def _wanted(interpreter: Any, indices: list[int]) -> list[dict[str, Any]]:
    known = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    if missing := [index for index in indices if index not in known]:
        _refuse(f"it has no tensor {missing[0]}")
    return [known[index] for index in indices]


def _value(interpreter: Any, index: int) -> bytes:
    try:
        value: bytes = interpreter.get_tensor(index).tobytes()
    except ValueError as error:
        _refuse(f"{error}")
    return value


def _samples(descriptor: int, size: int, count: int, owner: int) -> Iterator[memoryview]:
    step = max(1, BLOCK_BYTES // max(size, 1))
    for start in range(0, count, step):
        if os.getppid() != owner:
            _refuse("the process that asked has ended")
        block = memoryview(_read(descriptor, start * size, min(step, count - start) * size))
        for offset in range(0, len(block), size):
            yield block[offset : offset + size]


def _read(descriptor: int, offset: int, wanted: int) -> bytes:
    parts = []
    while wanted:
        part = os.pread(descriptor, wanted, offset)
        if not part:
            _refuse("a file of the run became shorter")
        parts.append(part)
        offset += len(part)
        wanted -= len(part)
    return b"".join(parts)


def _write(descriptor: int, buffer: bytearray) -> None:
    try:
        while buffer:
            del buffer[: os.write(descriptor, buffer)]
    except OSError as error:
        _refuse(f"its outputs cannot be stored ({error.strerror})")


def _description(detail: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    scale, zero = detail["quantization"]
    return {
        "name": detail["name"],
        "dtype": np.dtype(detail["dtype"]).name,
        "shape": [int(n) for n in detail["shape"]],
        "scale": float(scale),
        "zero": int(zero),
    }


def _refuse(reason: str) -> NoReturn:
    sys.stderr.write(reason.strip() + "\n")
    sys.stderr.flush()
    sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
