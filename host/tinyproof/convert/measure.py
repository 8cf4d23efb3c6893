"""Measure a ``.tflite`` file on the host: size, accuracy, latency; the rows of the forms' table."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.convert.backend import quiet
from tinyproof.convert.forms import Form
from tinyproof.ranges import RangeWatch
from tinyproof.samples import quantize
from tinyproof.tensors import TensorDescription

ACCURACY_KERNELS = "LiteRT reference kernels"
LATENCY_KERNELS = "LiteRT default kernels (XNNPACK), 1 thread"
_WARM_UP_RUNS = 20


@dataclass(frozen=True)
class FormRow:
    """One row of the table.

    Attributes:
        form: the model's form.
        size_bytes: of the file.
        correct: samples whose largest output is at the label's index, by ``ACCURACY_KERNELS``; 0
            without labels.
        samples: how many were tried.
        rmse: of a regression, root mean square distance from the real values wanted; None for
            classes.
        latency_us: median time of one invocation on this host, microseconds, by
            ``LATENCY_KERNELS``; filling inputs and reading outputs are not counted.
        latency_runs: invocations behind the median, after a warm-up.
    """

    form: Form
    size_bytes: int
    correct: int
    samples: int
    latency_us: float
    latency_runs: int
    rmse: float | None = None

    @property
    def accuracy(self) -> float:
        """Share of correct samples, 0 to 1."""
        return self.correct / self.samples


def measure_form(
    form: Form,
    model: bytes,
    x: NDArray[np.float32],
    y: NDArray[Any],
    *,
    runs: int = 300,
) -> FormRow:
    """Measure one model.

    Args:
        form: what ``model`` is.
        model: the bytes of a ``.tflite`` file with one input and one output.
        x: samples, N x input shape, real values, N at least 1.
        y: labels, N; or the real values wanted of a regression, N x output shape.
        runs: invocations to time, at least 1.
    """
    latency_us = _median_latency_us(model, x, runs)
    if y.dtype.kind == "f":
        errors = reference_reals(model, x).reshape(len(x), -1) - y.reshape(len(x), -1)
        rmse = float(np.sqrt(np.mean(errors.astype(np.float64) ** 2)))
        return FormRow(form, len(model), 0, len(x), latency_us, runs, rmse)
    outputs = reference_outputs(model, x)
    correct = int(np.sum(outputs.reshape(len(x), -1).argmax(axis=1) == y))
    return FormRow(form, len(model), correct, len(x), latency_us, runs)


def measure_forms(
    files: dict[Form, Path], x: NDArray[np.float32], y: NDArray[Any], *, runs: int = 300
) -> list[FormRow]:
    """Measure the ``.tflite`` files of one model in turn; see ``measure_form``."""
    return [measure_form(form, path.read_bytes(), x, y, runs=runs) for form, path in files.items()]


def reference_outputs(model: bytes, x: NDArray[np.float32]) -> NDArray[Any]:
    """Run ``x`` (N x input shape, real values) by the reference kernels.

    Returns N x output shape, in the model's own output type, not dequantized.
    """
    interpreter = _interpreter(model, reference=True)
    target, source = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for sample in _as_stored(x, target):
        # The interpreter reuses the input's memory: fill it before every invocation.
        interpreter.set_tensor(target["index"], sample[np.newaxis])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(source["index"])[0])
    return np.stack(outputs)


def reference_reals(model: bytes, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Run ``x`` by the reference kernels; return real values, N x output shape."""
    outputs = reference_outputs(model, x)
    if outputs.dtype.kind == "f":
        return outputs.astype(np.float32)
    scale, zero_point = _interpreter(model, reference=True).get_output_details()[0]["quantization"]
    real = (outputs.astype(np.float32) - zero_point) * np.float32(scale)
    return np.asarray(real, np.float32)


def input_shape(model: bytes) -> tuple[int, ...]:
    """Return the shape of a model's first input, batch included."""
    detail = _interpreter(model, reference=True).get_input_details()[0]
    return tuple(int(size) for size in detail["shape"])


def range_warning(model: bytes, x: NDArray[np.float32], source: str) -> str:
    """Return what is odd about the range of samples, a sentence; empty if nothing is.

    Raises:
        SamplesError: most of them would saturate; a measurement on them means nothing.
    """
    target = _interpreter(model, reference=True).get_input_details()[0]
    scale, zero_point = target["quantization"]
    shape = tuple(int(size) for size in target["shape"])
    dtype = np.dtype(target["dtype"])
    tensor = TensorDescription(target["name"], dtype, shape, float(scale), int(zero_point))
    watch = RangeWatch(tensor, source)
    watch.add(x)
    return watch.finish()


def _as_stored(x: NDArray[np.float32], tensor: dict[str, Any]) -> NDArray[Any]:
    """Bring real values into the type of an input tensor."""
    dtype = np.dtype(tensor["dtype"])
    if dtype.kind == "f":
        return x.astype(dtype)
    scale, zero_point = tensor["quantization"]
    return quantize(x, dtype, scale, zero_point)


def _median_latency_us(model: bytes, x: NDArray[np.float32], runs: int) -> float:
    """Median microseconds of one invocation, samples taken in turn."""
    interpreter = _interpreter(model, reference=False)
    target = interpreter.get_input_details()[0]
    samples = _as_stored(x, target)
    times_ns = []
    for run in range(_WARM_UP_RUNS + runs):
        interpreter.set_tensor(target["index"], samples[run % len(samples)][np.newaxis])
        start = time.perf_counter_ns()
        interpreter.invoke()
        times_ns.append(time.perf_counter_ns() - start)
    return statistics.median(times_ns[_WARM_UP_RUNS:]) / 1000


def _interpreter(model: bytes, *, reference: bool) -> Any:
    """Return an interpreter with its tensors allocated; LiteRT's log is discarded."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # Here: it takes 0.1 s.

    kernels = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
    with quiet():
        interpreter = Interpreter(
            model_content=model, num_threads=1, experimental_op_resolver_type=kernels
        )
        interpreter.allocate_tensors()
    return interpreter
