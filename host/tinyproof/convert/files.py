"""Convert a model file: open it, convert it to each form wanted, write the ``.tflite`` files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tinyproof.convert.annotate import annotate
from tinyproof.convert.forms import FORM_SPECS, Form
from tinyproof.convert.from_tflite import TfliteSource
from tinyproof.convert.inputs import Array, Inputs, sizes
from tinyproof.convert.measure import output_count, reference_reals
from tinyproof.convert.opening import Opening, open_source
from tinyproof.convert.representative import load_representative
from tinyproof.convert.source import Source
from tinyproof.errors import ModelError, SamplesError, TinyProofError, UsageError
from tinyproof.graph.examine import examine
from tinyproof.metadata import Metadata, Normalization, TensorNotes, read_metadata
from tinyproof.progress import Progress
from tinyproof.storage import check_writable, write_atomic

COMPARED = 16
"""Samples on which each form is held against the source's own answers."""
RAW_ABOVE = 10.0
"""Whole numbers beyond this are hardly what a model was trained on."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is wanted of a conversion.

    Attributes:
        forms: what to convert to; empty for all that the source can become.
        samples: representative samples: an ``.npz``, a folder of images, or a Python file.
        normalization: how raw values become the model's; of a model with one input also written
            as metadata.
        raw: whether real values in ``samples`` are raw too.
        labels: class names to write as metadata.
        opening: how to read the source.
        per_tensor_dense: see ``Source``.
    """

    forms: Sequence[Form] = ()
    samples: Path | None = None
    normalization: Normalization | None = None
    raw: bool = False
    labels: tuple[str, ...] = ()
    opening: Opening = field(default_factory=Opening)
    per_tensor_dense: bool = False


@dataclass(frozen=True)
class Converted:
    """What came of a conversion.

    Attributes:
        written: the file of each form that could be made.
        failed: why the others could not: refused, or crashed the converter.
    """

    written: dict[Form, Path]
    failed: dict[Form, TinyProofError]


def convert_file(
    source: Path,
    request: Request,
    out: Path,
    progress: Progress,
    on_written: Callable[[Form, Path], None] = lambda form, path: None,
    earlier: Converted | None = None,
) -> Converted:
    """Write ``<form>.tflite`` into ``out`` for each form that can be made.

    Args:
        source: see ``open_source``.
        request: what is wanted.
        out: folder, made if need be.
        progress: told of each step; also that a user's own code is executed.
        on_written: told of each file as soon as it is there.
        earlier: forms that are not tried, since they were already.

    Raises:
        ModelError: the model cannot be opened.
        SamplesError: the samples do not suit it, or are missing for a form that is calibrated.
        StorageError: ``out`` cannot be written to.
    """
    with progress.step("open", source.name) as step:
        model = open_source(source, request.opening)
        model.per_tensor_dense = request.per_tensor_dense
        step.result(f"input {sizes(model.inputs)}")
    forms = list(request.forms) or list(model.forms)
    _check_calibration(model, forms, request.samples)
    samples = None if request.samples is None else _samples(request, model, progress)
    _check_writable(out)
    found = earlier or Converted({}, {})
    for form in forms:
        if form in found.written or form in found.failed:
            continue
        try:
            found.written[form] = _write(model, form, samples, request, out, progress)
        except ModelError as error:
            found.failed[form] = error
            continue
        on_written(form, found.written[form])
    return found


def _check_writable(out: Path) -> None:
    """Check that ``out`` can be written to; a folder that is not there yet waits for a file."""
    missing = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        check_writable(out)
    finally:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()


def _check_calibration(model: Source, forms: Sequence[Form], samples: Path | None) -> None:
    """Refuse before the first conversion what the last would be refused for."""
    needy = [form for form in forms if FORM_SPECS[form].calibrate]
    if needy and samples is None and not isinstance(model, TfliteSource):
        raise SamplesError(
            f"The form {needy[0]} needs representative samples, got none.",
            hint="Give some of the training samples with --samples (an .npz, a folder of images "
            "or a Python file), or choose forms that need none: --form float32.",
        )


def _samples(request: Request, model: Source, progress: Progress) -> dict[str, Array]:
    assert request.samples is not None
    verb = "execute" if request.samples.suffix == ".py" else "read"
    with progress.step(verb, request.samples.name) as step:
        samples = load_representative(
            request.samples, model.inputs, request.normalization, raw=request.raw
        )
        low, high = min(map(np.min, samples.values())), max(map(np.max, samples.values()))
        number = len(next(iter(samples.values())))
        step.result(f"{number:,} representative samples in {low:g} to {high:g}")
    if request.normalization is None and any(map(_look_raw, samples.values())):
        progress.note(
            f"The samples of {request.samples} are whole numbers from {low:g} to {high:g}: they "
            "look raw. If the model was trained on 0 to 1, the integer forms will be of no use: "
            "give --scale 1/255 with --raw-samples; if it takes them as they are, --scale 1."
        )
    return samples


def _look_raw(samples: Array) -> bool:
    """Return whether samples look like bytes that nobody has scaled."""
    return bool(samples.max() > RAW_ABOVE and not np.mod(samples, 1).any())


def _write(
    model: Source,
    form: Form,
    samples: dict[str, Array] | None,
    request: Request,
    out: Path,
    progress: Progress,
) -> Path:
    with progress.step("convert", str(form)) as step:
        content = model.convert(form, samples)
        examine(content)
        content = _annotated(content, request, len(model.inputs))
        distance = _distance(model, content, samples)
        path = out / f"{form}.tflite"
        write_atomic(path, content)
        step.result(f"{len(content):,} bytes{distance}")
    return path


def _distance(model: Source, content: bytes, samples: dict[str, Array] | None) -> str:
    """Return how far the file's answers are from the source's, in words."""
    if samples is None or output_count(content) > 1:  # The converter changes their order.
        return ""
    few = {name: values[:COMPARED] for name, values in samples.items()}
    error = largest_error(model, content, few)
    return f", answers within {100 * error:.2g} % of the source's largest"


def largest_error(source: Source, content: bytes, x: Inputs) -> float:
    """Return the largest difference between the answers, divided by the source's largest answer.

    Args:
        source: the model.
        content: the ``.tflite`` file made of it; LiteRT's reference kernels run it.
        x: samples, real values.
    """
    wanted = source.predict(x)
    got = reference_reals(content, x).reshape(wanted.shape)
    largest = float(np.abs(wanted).max())
    return float(np.abs(got - wanted).max()) / (largest or 1.0)


def _annotated(content: bytes, request: Request, inputs: int) -> bytes:
    """Add what the user said of input and classes to what the file says already.

    Of several inputs nobody said which of them are to be normalized.
    """
    normalization = request.normalization if inputs == 1 else None
    if not request.labels and normalization is None:
        return content
    try:
        known = read_metadata(content) or Metadata()
    except ModelError as error:
        raise UsageError(
            f"Metadata cannot be added: {error.sentence}", hint="Leave --labels and --mean out."
        ) from error
    old_in = known.inputs[0] if known.inputs else TensorNotes("input")
    old_out = known.outputs[0] if known.outputs else TensorNotes("output")
    first_in = TensorNotes(old_in.name, old_in.description, normalization or old_in.normalization)
    first_out = TensorNotes(
        old_out.name, old_out.description, labels=request.labels or old_out.labels
    )
    return annotate(
        content,
        Metadata(
            known.name,
            known.description,
            (first_in, *known.inputs[1:]),
            (first_out, *known.outputs[1:]),
        ),
    )
