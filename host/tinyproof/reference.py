"""Runs the reference in a process of its own: what answers are held against.

For engine ``aot`` that is LiteRT with its reference kernels, for engine ``tflm`` TensorFlow Lite
Micro with its own. A broken or hostile model can crash an interpreter, eat memory or never end;
here it only ends the child. The child reads model and samples from files and writes the outputs to
a file, so it runs beside a build without any help from this process, and 100,000 samples need no
more memory than one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from tinyproof.deadline import Deadline
from tinyproof.errors import ReferenceFailedError, ToolchainError
from tinyproof.records import Records, open_unnamed, write_all
from tinyproof.tensors import TensorDescription, byte_count
from tinyproof.text import printable

PACKAGE = "ai-edge-litert"
MEMORY_BYTES = 2 << 30
"""Address space that the child may use; LiteRT and NumPy take about 0.3 GB of it."""
DEADLINE_S = 600.0
DEFAULT_ENGINE = "aot"
"""The engine that is held against LiteRT."""

_WORKER = Path(__file__).with_name("reference_worker.py")
_HINT = "Check the model with another LiteRT program: what LiteRT cannot run cannot be proved."
_TFLM_HINT = "Run it with --engine aot, or change what TensorFlow Lite Micro does not have."


@dataclass(frozen=True)
class _Interpreter:
    """What gives the expected answers: its number for the child, its names for people and pip."""

    key: int
    name: str
    package: str
    kernels: str
    hint: str


_INTERPRETERS = {
    "aot": _Interpreter(0, "LiteRT", PACKAGE, "BUILTIN_REF", _HINT),
    "tflm": _Interpreter(1, "TensorFlow Lite Micro", "tflite-micro", "reference", _TFLM_HINT),
}
"""By engine: an engine is held against the interpreter whose rounding it shares."""


@dataclass(frozen=True)
class ReferenceDescription:
    """Which reference gave the expected answers, as reports name it."""

    interpreter: str
    package: str
    version: str
    kernels: str


@dataclass(frozen=True)
class ReferenceOutputs:
    """What the reference answered.

    Attributes:
        records: one record for each sample: all outputs in order, without gaps, little-endian.
        tensors: the outputs.
        said: what the interpreter wrote for people.
    """

    records: Records
    tensors: tuple[TensorDescription, ...]
    said: str = ""

    def close(self) -> None:
        """Release the temporary file."""
        self.records.close()


def describe(engine: str = DEFAULT_ENGINE) -> ReferenceDescription:
    """Name the interpreter that an engine is held against, without running it.

    Raises:
        ReferenceFailedError: LiteRT is not installed.
        ToolchainError: TensorFlow Lite Micro is not installed.
    """
    kind = _INTERPRETERS[engine]
    try:
        found = version(kind.package)
    except PackageNotFoundError as error:
        sentence = f"{kind.name} (Python package {kind.package}) is not installed."
        if kind.key:
            hint = "Install it: python -m pip install 'tinyproof[tflm]'."
            raise ToolchainError(sentence, hint=hint) from error
        hint = f"Install it: python -m pip install {kind.package}."
        raise ReferenceFailedError(sentence, hint=hint) from error
    return ReferenceDescription(kind.name, kind.package, found, kind.kernels)


class ReferenceRun:
    """The reference at work: ``collect`` waits for its outputs, leaving the context ends it."""

    def __init__(
        self,
        model: bytes,
        samples: Records,
        *,
        engine: str = DEFAULT_ENGINE,
        tensors: Sequence[int] = (),
        deadline_s: float = DEADLINE_S,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        """Start; the samples must not change or close until ``collect`` returns.

        Args:
            model: the ``.tflite`` file.
            samples: one record for each sample: all inputs in order, without gaps.
            engine: whose answers are expected; see ``describe``.
            tensors: indices of tensors in the file to return instead of the model's outputs, such
                as the output of each layer; all are kept in memory at once.
            deadline_s: seconds of wall time (and, for an orphan, of processor time) allowed.
            memory_bytes: address space allowed.

        Raises:
            StorageError: the temporary folder cannot be written.
            ReferenceFailedError: the process cannot be started, or LiteRT is not installed.
            ToolchainError: TensorFlow Lite Micro is not installed.
        """
        describe(engine)
        self._kind = _INTERPRETERS[engine]
        self._count = len(samples)
        self._wanted = tuple(tensors)
        self._deadline = Deadline(deadline_s)
        model_file, self._outputs, self._log = (open_unnamed() for _ in range(3))
        self._close_files = weakref.finalize(self, _close, [self._outputs, self._log])
        try:
            write_all(model_file, model)
            self._process = self._start(model_file, samples, int(deadline_s) + 1, memory_bytes)
        finally:
            os.close(model_file)

    @property
    def name(self) -> str:
        """The interpreter's name, for people."""
        return self._kind.name

    def _start(
        self, model_file: int, samples: Records, cpu_s: int, memory_bytes: int
    ) -> subprocess.Popen[bytes]:
        files = (model_file, samples.descriptor, self._outputs)
        numbers = (*files, samples.size, len(samples), memory_bytes, cpu_s, os.getpid())
        arguments = (*numbers, self._kind.key, *self._wanted)
        try:
            return subprocess.Popen(
                # -P: the folder of the script, full of our modules' names, stays off the path.
                [sys.executable, "-P", str(_WORKER), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._log,
                pass_fds=files,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        except OSError as error:
            raise ReferenceFailedError(
                f"The process of {self._kind.name} cannot be started: {error.strerror}.",
                hint="Check that the Python interpreter is still installed and memory is free.",
            ) from error

    def collect(self) -> ReferenceOutputs:
        """Wait for the end and return the outputs. Call it once.

        Raises:
            ReferenceFailedError: the interpreter refused the model, crashed, or passed a limit.
        """
        try:
            summary, _ = self._process.communicate(timeout=self._deadline.remaining)
        except subprocess.TimeoutExpired as error:
            self.close()
            raise ReferenceFailedError(
                f"{self._kind.name} did not run {self._count:,} samples within "
                f"{self._deadline.seconds:g} s.",
                hint="Use fewer samples or a smaller model.",
            ) from error
        if self._process.returncode:
            raise self._failure(self._process.returncode)
        tensors = _tensors(summary)
        size = sum(byte_count(tensor) for tensor in tensors)
        if not size:
            raise ReferenceFailedError("The model has no outputs.", hint=self._kind.hint)
        records = Records(size, descriptor=os.dup(self._outputs))
        said = self._said()
        self._close_files()
        if len(records) != self._count:
            raise ReferenceFailedError(
                f"{self._kind.name} answered {len(records):,} of {self._count:,} samples.",
                hint=self._kind.hint,
            )
        return ReferenceOutputs(records, tensors, said)

    def _failure(self, code: int) -> ReferenceFailedError:
        lines = self._said().splitlines()
        # TFLM says what is wrong on one line, and in its exception only that something is.
        shown = "; ".join(lines[-2:] if self._kind.key else lines[-1:])
        last = printable(shown, limit=300).rstrip(".") or "no reason"
        name = self._kind.name
        if code == -signal.SIGXCPU or code == -signal.SIGKILL:
            sentence = f"{name} was stopped while running the model: out of memory or out of time."
        elif code < 0:
            sentence = f"{name} crashed on the model with {_signal_name(-code)} ({last})."
        else:
            sentence = f"{name} cannot run the model: {last}."
        return ReferenceFailedError(sentence, hint=self._kind.hint)

    def _said(self) -> str:
        return os.pread(self._log, 64 << 10, 0).decode("utf-8", "replace").strip()

    def close(self) -> None:
        """End the process, if it still runs, and release the files."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._close_files()

    def __enter__(self) -> ReferenceRun:
        """Return itself; the process already runs."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End the process."""
        self.close()


def run_reference(
    model: bytes,
    samples: Sequence[bytes],
    *,
    engine: str = DEFAULT_ENGINE,
    tensors: Sequence[int] = (),
    deadline_s: float = DEADLINE_S,
) -> ReferenceOutputs:
    """Run all samples and return the outputs; see ``ReferenceRun`` for arguments and errors."""
    records = samples if isinstance(samples, Records) else _as_records(samples)
    with ReferenceRun(model, records, engine=engine, tensors=tensors, deadline_s=deadline_s) as run:
        return run.collect()


def _as_records(samples: Sequence[bytes]) -> Records:
    records = Records(len(samples[0]))
    for sample in samples:
        records.append(sample)
    return records


def _tensors(summary: bytes) -> tuple[TensorDescription, ...]:
    """Read the child's last words: a JSON list of outputs."""
    return tuple(
        TensorDescription(t["name"], np.dtype(t["dtype"]), tuple(t["shape"]), t["scale"], t["zero"])
        for t in json.loads(summary)
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
