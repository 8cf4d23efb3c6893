"""The program that ``tinyproof.reference`` runs as a child: limits itself, then runs LiteRT.

Run by path, it imports nothing of TinyProof, so that it starts fast and alone. Arguments, all
numbers: descriptors of model, samples and outputs; bytes of a sample; samples; address space in
bytes; processor seconds; process id of the parent; then indices of tensors whose values are wanted
instead of the outputs, if any. Standard output gets a JSON list of the tensors written. Exit status
1 and a last line on standard error say why the model cannot be run.
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
MAX_OUTPUT_BYTES = 4 << 30
"""The most the child may write to any file; a model with huge outputs must not fill the disk."""


def main(arguments: list[str]) -> None:
    """Run every sample of the file through the model."""
    model, samples, outputs, size, count, memory, seconds, owner, *wanted = map(int, arguments)
    answer = os.dup(1)
    os.dup2(2, 1)  # LiteRT's own messages must not mix with the answer.
    _limit(memory, seconds)
    interpreter = _interpreter(_read(model, 0, os.fstat(model).st_size), keep=bool(wanted))
    inputs = interpreter.get_input_details()
    _check_size(inputs, size)
    tensors = _wanted(interpreter, wanted) if wanted else interpreter.get_output_details()
    buffer = bytearray()
    for sample in _samples(samples, size, count, owner):
        _fill(interpreter, inputs, sample)
        _invoke(interpreter)
        for detail in tensors:
            buffer += _value(interpreter, detail["index"])
        if len(buffer) >= BLOCK_BYTES:
            _write(outputs, buffer)
    _write(outputs, buffer)
    summary = [_description(detail) for detail in tensors]
    os.write(answer, json.dumps(summary).encode())


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


def _fill(interpreter: Any, inputs: list[dict[str, Any]], sample: memoryview) -> None:
    """Write the inputs, anew before every inference: the interpreter reuses their memory."""
    import numpy as np

    offset = 0
    for detail in inputs:
        count = math.prod(detail["shape"].tolist())
        values = np.frombuffer(sample, detail["dtype"], count, offset)
        interpreter.set_tensor(detail["index"], values.reshape(detail["shape"]))
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
    step = max(1, BLOCK_BYTES // size)
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
