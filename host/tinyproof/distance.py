"""How far the reference of an engine is from LiteRT, on the samples of a run.

Engine ``tflm`` is held against TensorFlow Lite Micro, which does not always answer what LiteRT
does: its int8 FullyConnected rounds twice where LiteRT's reference kernels round once. Who compares
the board with a notebook sees this distance, so a report tells it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyproof import reference
from tinyproof.errors import TinyProofError
from tinyproof.records import Records
from tinyproof.reference import ReferenceRun
from tinyproof.report.figures import ReferenceDistance
from tinyproof.tensors import TensorLike
from tinyproof.verdict import Task, Verdict, judge


class Distance:
    """LiteRT at work beside an engine's own reference, if that is another."""

    def __init__(self, engine: str, model: bytes, samples: Records) -> None:
        """Start; see ``ReferenceRun`` for arguments and errors."""
        other = engine != reference.DEFAULT_ENGINE
        self._run = ReferenceRun(model, samples) if other else None

    def collect(
        self, outputs: Sequence[TensorLike], answers: Sequence[bytes], task: Task
    ) -> ReferenceDistance | None:
        """Return how far ``answers``, those of the engine's reference, are from LiteRT's.

        None if there is no other reference, or LiteRT cannot run the model.
        """
        if self._run is None:
            return None
        try:
            expected = self._run.collect()
        except TinyProofError:
            return None
        try:
            return _distance(outputs, expected.records, answers, task)
        finally:
            expected.close()

    def close(self) -> None:
        """End the process, if it still runs."""
        if self._run:
            self._run.close()

    def __enter__(self) -> Distance:
        """Return itself; the process already runs."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End the process."""
        self.close()


def _distance(
    outputs: Sequence[TensorLike], litert: Sequence[bytes], answers: Sequence[bytes], task: Task
) -> ReferenceDistance:
    found = judge(outputs, litert, answers, task=task)
    known = found.relative_error[np.isfinite(found.relative_error)]
    described = reference.describe()
    return ReferenceDistance(
        interpreter=described.interpreter,
        version=described.version,
        kernels=described.kernels,
        samples=len(found),
        differing=len(found) - found.counts()[Verdict.EXACT],
        lsb=int(found.lsb_error.max(initial=0)),
        relative=float(known.max(initial=0.0)),
        class_flips=None if task is Task.TENSOR else int((found.wanted != found.got).sum()),
    )
