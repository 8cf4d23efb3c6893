"""Times LiteRT itself on this host, as its own tool ``benchmark_model`` does, in a child process.

A warm-up of at least half a second and one inference, then at least a second and 50 inferences, one
at a time: the defaults of that tool. The inputs are set once: the call of ``invoke`` is timed, what
Python adds to it (about a microsecond) included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyproof.errors import ReferenceFailedError
from tinyproof.records import open_unnamed, write_all
from tinyproof.reference import MEMORY_BYTES
from tinyproof.stats import Latency, latency

_WORKER = Path(__file__).with_name("litert_latency_worker.py")
_NS_PER_S = 1e9
DEADLINE_S = 200


@dataclass(frozen=True)
class Plan:
    """How much is timed; the defaults are those of ``benchmark_model``.

    Attributes:
        threads: as given to LiteRT.
        warmup_ms: least milliseconds of the warm-up.
        warmup_runs: least inferences of the warm-up.
        run_ms: least milliseconds of the measurement.
        runs: least inferences of the measurement.
        most: of either; the end, however short they are.
    """

    threads: int = 1
    warmup_ms: int = 500
    warmup_runs: int = 1
    run_ms: int = 1000
    runs: int = 50
    most: int = 1_000_000


@dataclass(frozen=True)
class Timing:
    """What was found: inferences of the warm-up, then latency of those that count."""

    warmup: int
    latency_us: Latency


def time_litert(model: bytes, sample: bytes, *, is_reference: bool, plan: Plan) -> Timing:
    """Time LiteRT on one sample.

    Args:
        model: the ``.tflite`` file.
        sample: all inputs in order, without gaps.
        is_reference: with the reference kernels, or else those that LiteRT takes by default.
        plan: how much is timed.

    Raises:
        ReferenceFailedError: LiteRT cannot run the model, or takes too long.
        StorageError: the temporary folder cannot be written.
    """
    files = [open_unnamed(), open_unnamed()]
    try:
        for file, content in zip(files, (model, sample), strict=True):
            write_all(file, content)
        found = _run(files, is_reference, plan)
    finally:
        for file in files:
            os.close(file)
    figures = latency(found["ns"], _NS_PER_S)
    if figures is None:
        raise ReferenceFailedError("LiteRT ran no inference at all.")
    return Timing(int(found["warmup"]), figures)


def _run(files: list[int], is_reference: bool, plan: Plan) -> Any:
    numbers = (
        *(*files, MEMORY_BYTES, DEADLINE_S, plan.threads, int(is_reference)),
        *(plan.warmup_ms, plan.warmup_runs, plan.run_ms, plan.runs, plan.most),
    )
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(_WORKER), *map(str, numbers)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=files,
            timeout=DEADLINE_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReferenceFailedError("LiteRT could not be timed within its time.") from error
    if done.returncode:
        raise ReferenceFailedError(f"LiteRT could not be timed (status {done.returncode}).")
    return json.loads(done.stdout)
