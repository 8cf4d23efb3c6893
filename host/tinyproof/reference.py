"""Runs LiteRT with its reference kernels in a process of its own: what answers are held against.

A broken or hostile model can crash LiteRT, eat memory or never end; here it only ends the child.
The child reads model and samples from files and writes the outputs to a file, so it runs beside a
build without any help from this process, and 100,000 samples need no more memory than one.
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
from tinyproof.errors import ReferenceFailedError
from tinyproof.records import Records, open_unnamed, write_all
from tinyproof.tensors import TensorDescription, byte_count
from tinyproof.text import printable

PACKAGE = "ai-edge-litert"
MEMORY_BYTES = 2 << 30
"""Address space that the child may use; LiteRT and NumPy take about 0.3 GB of it."""
DEADLINE_S = 600.0

_WORKER = Path(__file__).with_name("reference_worker.py")
_HINT = "Check the model with another LiteRT program: what LiteRT cannot run cannot be proved."


@dataclass(frozen=True)
class ReferenceDescription:
    """Which reference gave the expected answers, as reports name it."""

    interpreter: str
    package: str
    version: str
    kernels: str


@dataclass(frozen=True)
class ReferenceOutputs:
    """What LiteRT answered.

    Attributes:
        records: one record for each sample: all outputs in order, without gaps, little-endian.
        tensors: the outputs.
    """

    records: Records
    tensors: tuple[TensorDescription, ...]

    def close(self) -> None:
        """Release the temporary file."""
        self.records.close()


def describe() -> ReferenceDescription:
    """Name the interpreter, its version and its kernels, without running it.

    Raises:
        ReferenceFailedError: LiteRT is not installed.
    """
    try:
        found = version(PACKAGE)
    except PackageNotFoundError as error:
        raise ReferenceFailedError(
            f"LiteRT (Python package {PACKAGE}) is not installed.",
            hint=f"Install it: python -m pip install {PACKAGE}.",
        ) from error
    return ReferenceDescription("LiteRT", PACKAGE, found, "BUILTIN_REF")


class ReferenceRun:
    """LiteRT at work. ``collect`` waits for the outputs; leaving the context ends the process."""

    def __init__(
        self,
        model: bytes,
        samples: Records,
        *,
        tensors: Sequence[int] = (),
        deadline_s: float = DEADLINE_S,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        """Start; the samples must not change or close until ``collect`` returns.

        Args:
            model: the ``.tflite`` file.
            samples: one record for each sample: all inputs in order, without gaps.
            tensors: indices of tensors in the file to return instead of the model's outputs, such
                as the output of each layer; all are kept in memory at once.
            deadline_s: seconds of wall time (and, for an orphan, of processor time) allowed.
            memory_bytes: address space allowed.

        Raises:
            StorageError: the temporary folder cannot be written.
            ReferenceFailedError: the process cannot be started.
        """
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

    def _start(
        self, model_file: int, samples: Records, cpu_s: int, memory_bytes: int
    ) -> subprocess.Popen[bytes]:
        files = (model_file, samples.descriptor, self._outputs)
        numbers = (*files, samples.size, len(samples), memory_bytes, cpu_s, os.getpid())
        try:
            return subprocess.Popen(
                # -P: the folder of the script, full of our modules' names, stays off the path.
                [sys.executable, "-P", str(_WORKER), *map(str, (*numbers, *self._wanted))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._log,
                pass_fds=files,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        except OSError as error:
            raise ReferenceFailedError(
                f"LiteRT's process cannot be started: {error.strerror}.",
                hint="Check that the Python interpreter is still installed and memory is free.",
            ) from error

    def collect(self) -> ReferenceOutputs:
        """Wait for the end and return the outputs. Call it once.

        Raises:
            ReferenceFailedError: LiteRT refused the model, crashed, or passed a limit.
        """
        try:
            summary, _ = self._process.communicate(timeout=self._deadline.remaining)
        except subprocess.TimeoutExpired as error:
            self.close()
            raise ReferenceFailedError(
                f"LiteRT did not run {self._count:,} samples within {self._deadline.seconds:g} s.",
                hint="Use fewer samples or a smaller model.",
            ) from error
        if self._process.returncode:
            raise self._failure(self._process.returncode)
        tensors = _tensors(summary)
        size = sum(byte_count(tensor) for tensor in tensors)
        if not size:
            raise ReferenceFailedError("The model has no outputs.", hint=_HINT)
        records = Records(size, descriptor=os.dup(self._outputs))
        self._close_files()
        if len(records) != self._count:
            raise ReferenceFailedError(
                f"LiteRT answered {len(records):,} of {self._count:,} samples.", hint=_HINT
            )
        return ReferenceOutputs(records, tensors)

    def _failure(self, code: int) -> ReferenceFailedError:
        said = os.pread(self._log, 64 << 10, 0).decode("utf-8", "replace").strip()
        last = printable(said.splitlines()[-1], limit=300).rstrip(".") if said else "no reason"
        if code == -signal.SIGXCPU or code == -signal.SIGKILL:
            sentence = "LiteRT was stopped while running the model: out of memory or out of time."
        elif code < 0:
            sentence = f"LiteRT crashed on the model with {_signal_name(-code)} ({last})."
        else:
            sentence = f"LiteRT cannot run the model: {last}."
        return ReferenceFailedError(sentence, hint=_HINT)

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
    tensors: Sequence[int] = (),
    deadline_s: float = DEADLINE_S,
) -> ReferenceOutputs:
    """Run all samples and return the outputs; see ``ReferenceRun`` for arguments and errors."""
    records = samples if isinstance(samples, Records) else _as_records(samples)
    with ReferenceRun(model, records, tensors=tensors, deadline_s=deadline_s) as run:
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
