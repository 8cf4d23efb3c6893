"""Proves kernels against LiteRT: many small models, generated, compiled together, run, compared.

A test gives a function that draws one random model::

    def test_relu_s8_equals_litert(nn: Harness) -> None:
        nn.prove(relu_s8, cases=200)

Every model is generated to C and compiled with the sanitizers into one program with all the
others; the program runs each on random and edge-value inputs, with the arena poisoned, plainly
and
observed; LiteRT's reference kernels say what is right.
"""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from nn_net import Net
from tinyproof.codegen import Generated, generate

ROOT = Path(__file__).parents[2]
INCLUDES = [
    ROOT / part
    for part in (
        "firmware/include",
        "firmware/lib/nn/include",
        "firmware/lib/engine_aot/src",
        "firmware/lib/wire/include",
        "tests/firmware",
    )
]
FLAGS = [
    *("-std=c99", "-O1", "-g0", "-ffp-contract=off"),
    *("-Wall", "-Wextra", "-Wconversion", "-Werror"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
]
JOBS = 2
_OWN_NAMES = re.compile(
    r"\b(tp_(?:arena|inputs|outputs|steps|weight_blocks|model_\w+|(?:weights|parameters|layer)_\d+|more_\d+_\d+)"
    r"|TP_MODEL_(?!AOT|FORMAT)\w+)\b"
)
"""What ``model.h`` defines; given a suffix, so that many models fit into one source."""

Arrays = tuple[NDArray[Any], ...]
Draw = Callable[[Generator], Net]


@dataclass(frozen=True, eq=False)
class Case:
    """One model and the inputs it is to be run on, each a tuple of arrays."""

    label: str
    model: bytes
    inputs: Sequence[Arrays]

    @cached_property
    def generated(self) -> Generated:
        """What the generator makes of the model."""
        return generate(self.model)

    def interpreter(self) -> Interpreter:
        """Return LiteRT with its reference kernels, ready to run the model."""
        return reference(self.model)


def reference(model: bytes, *, every_tensor: bool = False) -> Interpreter:
    """Return LiteRT with its reference kernels; ``every_tensor``: all of them can be read."""
    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=every_tensor,
    )
    interpreter.allocate_tensors()
    return interpreter


class Harness:
    """Compiles the kernels once and models in batches; keeps everything under ``folder``."""

    BATCH = 100

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._batches = 0

    @cached_property
    def kernels(self) -> list[Path]:
        """Object files of all kernels and of the runner, compiled with the sanitizers."""
        sources = sorted((ROOT / "firmware/lib/nn/src").glob("*.c"))
        extra = [ROOT / "firmware/lib/wire/src/tp_crc32.c", ROOT / "tests/firmware/nn_runner.c"]
        return self._compile([*sources, *extra], self.folder)

    def prove(self, draw: Draw, cases: int = 100, seed: int = 0, samples: int = 4) -> None:
        """Assert that ``cases`` random models answer as LiteRT does; int8 in every bit.

        Args:
            draw: makes one random model; outputs may have the shape None.
            cases: how many models to draw.
            seed: of the first; case n can be drawn again with seed + n.
            samples: random inputs for each model, beside the edge values.
        """
        drawn = (draw_case(draw, number, samples) for number in range(seed, seed + cases))
        self.prove_cases(list(drawn))

    def prove_cases(self, cases: Sequence[Case]) -> None:
        """Assert that every case answers as LiteRT does; int8 in every bit."""
        for start in range(0, len(cases), self.BATCH):
            batch = cases[start : start + self.BATCH]
            for case, answers in zip(batch, self.run(batch), strict=True):
                _compare(case, answers)

    def run(self, cases: Sequence[Case]) -> list[list[Arrays]]:
        """Return the compiled models' outputs for every input of every case."""
        program = self._build(cases, self._next_folder())
        request = b"".join(_requests(cases))
        done = subprocess.run([program], input=request, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()[-4000:]
        return split_answers(cases, done.stdout)

    def _next_folder(self) -> Path:
        self._batches += 1
        return self.folder / f"batch{self._batches}"

    def _build(self, cases: Sequence[Case], folder: Path) -> Path:
        folder.mkdir(parents=True)
        program = folder / "runner"
        objects = self._compile(model_sources(cases, folder), folder)
        _gcc([*self.kernels, *objects, "-o", program, "-lm"], folder)
        return program

    @staticmethod
    def _compile(sources: Sequence[Path], folder: Path) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        includes = [f"-I{path}" for path in (folder, *INCLUDES)]
        shares = [share for job in range(JOBS) if (share := sources[job::JOBS])]
        with ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(lambda share: _gcc(["-c", *includes, *share], folder), shares))
        return [folder / f"{source.stem}.o" for source in sources]


def _gcc(arguments: Sequence[str | Path], folder: Path) -> None:
    command = ["gcc", *FLAGS, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]


def model_sources(cases: Sequence[Case], folder: Path) -> list[Path]:
    """Write sources that hold the plans of all ``cases`` and the table ``nn_cases`` of them."""
    numbers = range(len(cases))
    sources = [
        _write_source(folder, job, [(number, cases[number]) for number in numbers[job::JOBS]])
        for job in range(JOBS)
    ]
    table = folder / "table.c"
    declarations = "".join(f"extern const nn_case_t nn_case_{number};\n" for number in numbers)
    entries = ", ".join(f"&nn_case_{number}" for number in numbers)
    table.write_text(
        f'#include "nn_runner.h"\n{declarations}'
        f"const nn_case_t *const nn_cases[] = {{{entries}}};\n"
    )
    return [*sources, table]


def _write_source(folder: Path, job: int, cases: Sequence[tuple[int, Case]]) -> Path:
    """Write one source that holds the plans of several models, each under names of its own."""
    parts = [
        '#include "nn_runner.h"',
        "#define TP_MODEL_AOT",
        "#define TP_MODEL_FORMAT_SUPPORTED 1",
    ]
    for number, case in cases:
        plan = _OWN_NAMES.sub(rf"\1_{number}", case.generated.header)
        parts += [f"#undef TP_MODEL_H\n{plan}", f"NN_CASE({number});"]
    source = folder / f"cases_{job}.c"
    source.write_text("\n".join(parts))
    return source


def _requests(cases: Sequence[Case]) -> Iterator[bytes]:
    for number, case in enumerate(cases):
        for sample, arrays in enumerate(case.inputs):
            data = b"".join(array.tobytes() for array in arrays)
            yield struct.pack("<IB", number, (0xA5 + 31 * sample) & 0xFF) + data


def split_answers(cases: Sequence[Case], stdout: bytes) -> list[list[Arrays]]:
    """Cut the runner's answers apart; plain and observed inference must agree."""
    position = 0

    def take(size: int) -> bytes:
        nonlocal position
        position += size
        return stdout[position - size : position]

    result: list[list[Arrays]] = []
    for case in cases:
        outputs = case.generated.outputs
        size = sum(item.bytes for item in outputs)
        answers: list[Arrays] = []
        for _ in case.inputs:
            (crc,) = struct.unpack("<I", take(4))
            assert crc == case.generated.weights_crc32, f"{case.label}: weights CRC-32"
            plain, observed = take(size), take(size)
            assert plain == observed, f"{case.label}: the observed inference differs"
            answers.append(_split(plain, case))
        result.append(answers)
    assert position == len(stdout)
    return result


def _split(data: bytes, case: Case) -> Arrays:
    arrays = []
    for item in case.generated.outputs:
        dtype = {0: "<f4", 2: "<i4", 4: "<i8", 9: "i1"}[int(item.type)]
        arrays.append(np.frombuffer(data[: item.bytes], dtype).reshape(item.shape))
        data = data[item.bytes :]
    return tuple(arrays)


def _compare(case: Case, answers: Sequence[Arrays]) -> None:
    interpreter = case.interpreter()
    outputs = interpreter.get_output_details()
    for arrays, answer in zip(case.inputs, answers, strict=True):
        for detail, array in zip(interpreter.get_input_details(), arrays, strict=True):
            interpreter.set_tensor(detail["index"], array)
        interpreter.invoke()
        for detail, got in zip(outputs, answer, strict=True):
            wanted = interpreter.get_tensor(detail["index"])
            assert same(got, wanted), (
                f"{case.label}: input {[array.tolist() for array in arrays]}"
                f" gives {got.tolist()}, LiteRT says {wanted.tolist()}"
            )


def same(got: NDArray[Any], wanted: NDArray[Any]) -> bool:
    """Return whether integers are equal, or float32 within 1e-5 of the largest output."""
    if wanted.dtype != np.float32:
        return bool(np.array_equal(got, wanted))
    bound = 1e-5 * float(np.max(np.abs(wanted), initial=0.0))
    return bool(np.all((got == wanted) | (np.abs(got - wanted) <= bound)))


def draw_case(draw: Draw, seed: int, samples: int = 4) -> Case:
    """Return what ``draw`` makes of ``seed``; inputs: edge values and ``samples`` random ones."""
    rng = default_rng(seed)
    net = draw(rng)
    if any(tensor.shape is None for tensor in net.tensors):
        _infer_shapes(net)
    model = net.build()
    details = [net.tensors[index] for index in net.inputs]
    inputs = [tuple(edge(detail, kind) for detail in details) for kind in ("low", "high", "zero")]
    inputs += [tuple(random_values(rng, detail) for detail in details) for _ in range(samples)]
    return Case(f"{draw.__name__}(seed {seed})", model, inputs)


def _infer_shapes(net: Net) -> None:
    """Fill the shapes that a test left open with those that LiteRT computes."""
    interpreter = reference(net.build())
    for detail in interpreter.get_tensor_details():
        if detail["index"] < len(net.tensors) and net.tensors[detail["index"]].shape is None:
            net.tensors[detail["index"]].shape = np.array(detail["shape"], np.int32)


def edge(tensor: Any, kind: str) -> NDArray[Any]:
    """Return an input of all minimum (``low``), all maximum (``high``) or all zero point."""
    shape = tuple(tensor.shape)
    if tensor.type == 0:
        return np.full(shape, {"low": -1000.0, "high": 1000.0, "zero": 0.0}[kind], np.float32)
    if tensor.type == 2:
        return np.full(shape, {"low": -(1 << 31), "high": (1 << 31) - 1, "zero": 0}[kind], np.int32)
    zeros = tensor.quantization.zeroPoint
    zero = 0 if zeros is None else int(zeros[0])
    return np.full(shape, {"low": -128, "high": 127, "zero": zero}[kind], np.int8)


def random_values(rng: Generator, tensor: Any) -> NDArray[Any]:
    """Return a random input for ``tensor``."""
    shape = tuple(tensor.shape)
    if tensor.type == 0:
        return rng.normal(0, 1, shape).astype(np.float32)
    if tensor.type == 2:
        return rng.integers(-(1 << 31), 1 << 31, shape, dtype=np.int32)
    return rng.integers(-128, 128, shape, dtype=np.int8)
