"""Measure a ``.tflite`` file on the host: size, accuracy, latency; the rows of the forms' table."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.convert.backend import quiet
from tinyproof.convert.forms import Form
from tinyproof.convert.inputs import Inputs, Shapes, in_order
from tinyproof.errors import SamplesError
from tinyproof.ranges import RangeWatch
from tinyproof.samples import quantize
from tinyproof.tensors import TensorDescription, plain_name
from tinyproof.text import printable
from tinyproof.wanted import check_labels, check_truth

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
    x: Inputs,
    y: NDArray[Any],
    *,
    runs: int = 300,
) -> FormRow:
    """Measure one model.

    Args:
        form: what ``model`` is.
        model: the bytes of a ``.tflite`` file with one output.
        x: samples, real values, at least 1.
        y: labels, N; or the real values wanted of a regression, N x output shape.
        runs: invocations to time, at least 1.
    """
    latency_us = _median_latency_us(model, x, runs)
    if y.dtype.kind == "f":
        errors = reference_reals(model, x).reshape(len(y), -1) - y.reshape(len(y), -1)
        rmse = float(np.sqrt(np.mean(errors.astype(np.float64) ** 2)))
        return FormRow(form, len(model), 0, len(y), latency_us, runs, rmse)
    outputs = reference_outputs(model, x)
    correct = int(np.sum(outputs.reshape(len(y), -1).argmax(axis=1) == y))
    return FormRow(form, len(model), correct, len(y), latency_us, runs)


def measure_forms(
    files: dict[Form, Path], x: Inputs, y: NDArray[Any], *, runs: int = 300
) -> list[FormRow]:
    """Measure the ``.tflite`` files of one model in turn; see ``measure_form``."""
    return [measure_form(form, path.read_bytes(), x, y, runs=runs) for form, path in files.items()]


def reference_outputs(model: bytes, x: Inputs) -> NDArray[Any]:
    """Run ``x`` (real values) by the reference kernels.

    Returns N x output shape, in the model's own output type, not dequantized.
    """
    interpreter = _interpreter(model, reference=True)
    targets, source = interpreter.get_input_details(), interpreter.get_output_details()[0]
    outputs = []
    for sample in zip(*_as_stored(x, targets), strict=True):
        # The interpreter reuses the inputs' memory: fill it before every invocation.
        _fill(interpreter, targets, sample)
        _invoke(interpreter)
        outputs.append(interpreter.get_tensor(source["index"])[0])
    return np.stack(outputs)


def reference_reals(model: bytes, x: Inputs) -> NDArray[np.float32]:
    """Run ``x`` by the reference kernels; return real values, N x output shape."""
    outputs = reference_outputs(model, x)
    if outputs.dtype.kind == "f":
        return outputs.astype(np.float32)
    scale, zero_point = _interpreter(model, reference=True).get_output_details()[0]["quantization"]
    real = (outputs.astype(np.float32) - zero_point) * np.float32(scale)
    return np.asarray(real, np.float32)


def output_count(model: bytes) -> int:
    """Return how many outputs a model has."""
    return len(_interpreter(model, reference=True).get_output_details())


def input_shapes(model: bytes) -> Shapes:
    """Return the shape of each of a model's inputs."""
    return {tensor.name: tensor.shape for tensor in _inputs(_interpreter(model, reference=True))}


def range_warnings(model: bytes, x: Inputs, source: str) -> list[str]:
    """Return what is odd about the range of samples, a sentence for an input.

    Raises:
        SamplesError: most of them would saturate; a measurement on them means nothing.
    """
    tensors = _inputs(_interpreter(model, reference=True))
    watches = [RangeWatch(tensor, source) for tensor in tensors]
    for watch, values in zip(watches, in_order(x, [t.name for t in tensors]), strict=True):
        watch.add(values)
    return list(filter(None, (watch.finish() for watch in watches)))


def check_wanted(model: bytes, y: NDArray[Any], source: str) -> None:
    """Hold labels, or a regression's real values, against a model's outputs.

    Raises:
        SamplesError: they do not suit it.
    """
    outputs = _described(_interpreter(model, reference=True).get_output_details())
    if y.dtype.kind == "f":
        check_truth(y, outputs, source)
    else:
        check_labels(y, math.prod(outputs[0].shape), source)


def _inputs(interpreter: Any) -> list[TensorDescription]:
    return _described(interpreter.get_input_details())


def _described(details: list[dict[str, Any]]) -> list[TensorDescription]:
    """Return tensors with the names that they had before the conversion."""
    return [
        TensorDescription(
            plain_name(tensor["name"]),
            np.dtype(tensor["dtype"]),
            tuple(int(size) for size in tensor["shape"]),
            float(tensor["quantization"][0]),
            int(tensor["quantization"][1]),
        )
        for tensor in details
    ]


def _as_stored(x: Inputs, tensors: list[dict[str, Any]]) -> list[NDArray[Any]]:
    """Bring real values into the types of the input tensors."""
    arrays = in_order(x, [plain_name(tensor["name"]) for tensor in tensors])
    return [_stored(array, tensor) for array, tensor in zip(arrays, tensors, strict=True)]


def _stored(x: NDArray[np.float32], tensor: dict[str, Any]) -> NDArray[Any]:
    dtype = np.dtype(tensor["dtype"])
    if dtype.kind == "f":
        return x.astype(dtype)
    scale, zero_point = tensor["quantization"]
    return quantize(x, dtype, scale, zero_point) if scale else x.astype(dtype)


def _invoke(interpreter: Any) -> None:
    try:
        interpreter.invoke()
    except RuntimeError as error:
        raise SamplesError(
            f"LiteRT cannot run the model on the samples: {printable(str(error), limit=200)}",
            hint="Give samples like those of the training; indices must be within their tables.",
        ) from error


def _fill(interpreter: Any, tensors: list[dict[str, Any]], sample: Sequence[NDArray[Any]]) -> None:
    for tensor, value in zip(tensors, sample, strict=True):
        interpreter.set_tensor(tensor["index"], value[np.newaxis])


def _median_latency_us(model: bytes, x: Inputs, runs: int) -> float:
    """Median microseconds of one invocation, samples taken in turn."""
    interpreter = _interpreter(model, reference=False)
    targets = interpreter.get_input_details()
    samples = list(zip(*_as_stored(x, targets), strict=True))
    times_ns = []
    for run in range(_WARM_UP_RUNS + runs):
        _fill(interpreter, targets, samples[run % len(samples)])
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
