"""The program that ``tinyproof.litert_latency`` runs as a child: times LiteRT on one sample.

Run by path, it imports nothing of TinyProof, so that it starts fast and alone. Arguments, all
numbers: descriptors of model and sample; address space in bytes; processor seconds; threads;
whether the reference kernels are wanted (1) or those that LiteRT takes by default (0); milliseconds
and inferences, both at least, of the warm-up; the same of the measurement; most inferences of each.
Standard output gets a JSON object: ``warmup``, inferences before the measurement, and ``ns``, a
list of nanoseconds, one for each inference. Any other exit status than 0 means that LiteRT cannot
run the model.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time
from typing import Any


def main(arguments: list[str]) -> None:
    """Fill the inputs once, warm up, and time one inference after the other."""
    model, sample, memory, cpu, threads, is_reference, *plan = map(int, arguments)
    warm_ms, warm_least, milliseconds, least, most = plan
    answer = os.dup(1)
    os.dup2(2, 1)  # LiteRT's own messages must not mix with the answer.
    for kind, bound in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, cpu)):
        resource.setrlimit(kind, (bound, resource.getrlimit(kind)[1]))
    interpreter = _interpreter(_read(model), threads, is_reference=bool(is_reference))
    _fill(interpreter, _read(sample))
    warm = _timed(interpreter, warm_ms, warm_least, most)
    found = _timed(interpreter, milliseconds, least, most)
    with os.fdopen(answer, "w") as out:
        json.dump({"warmup": len(warm), "ns": found}, out)


def _read(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _interpreter(model: bytes, threads: int, *, is_reference: bool) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kinds = OpResolverType
    interpreter = Interpreter(
        model_content=model,
        num_threads=threads,
        experimental_op_resolver_type=kinds.BUILTIN_REF if is_reference else kinds.AUTO,
    )
    interpreter.allocate_tensors()
    return interpreter


def _fill(interpreter: Any, sample: bytes) -> None:
    import numpy as np

    offset = 0
    for detail in interpreter.get_input_details():
        shape = detail["shape"].tolist()
        values = np.frombuffer(sample, detail["dtype"], math.prod(shape), offset)
        interpreter.set_tensor(detail["index"], values.reshape(shape))
        offset += values.nbytes


def _timed(interpreter: Any, milliseconds: int, least: int, most: int) -> list[int]:
    """Return the nanoseconds of each of ``least`` to ``most`` inferences, for as long as told."""
    invoke, now = interpreter.invoke, time.perf_counter_ns
    end = now() + milliseconds * 1_000_000
    found: list[int] = []
    while len(found) < least or (len(found) < most and now() < end):
        start = now()
        invoke()
        found.append(now() - start)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
