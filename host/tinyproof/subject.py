"""What is put to the test: a model and its samples, the digits unless told otherwise."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen import Generated, generate
from tinyproof.convert.forms import Form
from tinyproof.errors import ModelError, UsageError
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.samples import SampleSet, load_samples
from tinyproof.storage import lock, open_given, write_atomic
from tinyproof.tensors import TensorLike
from tinyproof.zoo import TrainedModel, is_trained, load_trained, recipe_named, train

DIGITS = "digits"
LARGEST_MODEL = 64 << 20
"""Bytes; far beyond anything a microcontroller holds, small enough to be read at once."""


@dataclass(frozen=True)
class Subject:
    """A model under test.

    Attributes:
        name: what reports call it: the file's name.
        path: the ``.tflite`` file.
        model: its bytes.
        samples: the samples file that belongs to it, None if none was named.
    """

    name: str
    path: Path
    model: bytes
    samples: Path | None


def find_subject(
    project: Project,
    model: Path | None,
    samples: Path | None,
    progress: Progress,
    *,
    form: Form = Form.INT8,
) -> Subject:
    """Read the model, or train the digits model if none is named and it is not trained yet.

    Args:
        project: where the digits model is kept.
        model: a ``.tflite`` file; None for the digits.
        samples: an ``.npz`` file; None for the digits' own test samples.
        progress: told of a training.
        form: which form of the digits model.

    Raises:
        ModelError: the file cannot be read.
        ToolchainError: the digits are to be trained, and tensorflow is missing.
    """
    if model is not None:
        return Subject(model.name, model, read_model(model), samples)
    trained = trained_digits(project, progress)
    path = trained.path(form)
    return Subject(f"{DIGITS}/{path.name}", path, read_model(path), samples or trained.samples)


def given_or_fixture(project: Project, model: Path | None, samples: Path | None) -> Subject:
    """Read the model, or the digits kept in ``fixtures/``: tests want bytes that never change.

    Raises:
        ModelError: the file cannot be read.
    """
    kept = project.fixtures / DIGITS
    path = model or kept / f"{Form.INT8}.tflite"
    own = kept / "test.npz" if model is None else None
    name = path.name if model else f"{DIGITS}/{path.name}"
    return Subject(name, path, read_model(path), samples or own)


def read_model(path: Path) -> bytes:
    """Return the bytes of a ``.tflite`` file.

    Raises:
        ModelError: it is missing, not readable, empty or far too large.
    """
    try:
        with open_given(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > LARGEST_MODEL:
                raise ModelError(
                    f"The model {path} has {size:,} bytes, which no microcontroller holds.",
                    hint="Name a .tflite file of TinyML size.",
                )
            content = stream.read(LARGEST_MODEL)
    except OSError as error:
        raise ModelError(
            f"The model {path} cannot be read: {error.strerror}.",
            hint="Name a .tflite file with --model; tinyproof convert makes one.",
        ) from error
    if not content:
        raise ModelError(f"The model {path} is empty.", hint="Convert or download it again.")
    return content


def models_folder(project: Project) -> Path:
    """Return where trained models of the zoo are kept."""
    return project.state / "models"


def trained_digits(project: Project, progress: Progress) -> TrainedModel:
    """Return the digits model, trained now if it is not there or not whole."""
    folder = models_folder(project) / DIGITS
    if not is_trained(folder, DIGITS):
        # Of two runs at once, the second finds what the first has trained.
        with lock(project.state / "locks" / "train-digits.lock"):
            if not is_trained(folder, DIGITS):
                return train_model(DIGITS, folder, 0, progress)
    return load_trained(folder)


def train_model(
    name: str, folder: Path, seed: int, progress: Progress, *, data: Path | None = None
) -> TrainedModel:
    """Train a model of the zoo into ``folder``, telling ``progress`` of each epoch."""
    metric = recipe_named(name).metric
    with progress.step("train", name) as step:

        def tell(epoch: int, epochs: int, loss: float, found: float) -> None:
            step.update(epoch, epochs, f"loss {loss:.3f}, {metric} {found:.3f}")
            step.result(f"{epochs} epochs, training {metric} {found:.3f}")

        return train(name, folder, seed=seed, data_file=data, progress=tell)


def find_samples(subject: Subject, generated: Generated, random: int | None = None) -> SampleSet:
    """Load the subject's samples, or make ``random`` of them, the same ones each time.

    Raises:
        UsageError: there are neither samples nor a number of random ones.
        SamplesError: the file is not usable.
    """
    if random is not None:
        return random_samples(generated, random)
    if subject.samples is None:
        raise UsageError(
            f"There are no samples for {subject.name}.",
            hint="Name them with --samples S.npz (in pytest --tp-samples), or use --random 200.",
        )
    return load_samples(subject.samples)


def random_samples(generated: Generated, number: int) -> SampleSet:
    """Return seeded samples that suit a model: all minimum, all maximum, all zero, then random.

    Integer inputs cover their whole type; float inputs are uniform in -1 to 1.
    """
    rng = np.random.default_rng(0)
    arrays = {tensor.name: _random(rng, tensor, number) for tensor in generated.inputs}
    x = next(iter(arrays.values())) if len(arrays) == 1 else arrays
    return SampleSet.from_arrays(x, source=f"{number} random and edge-value samples")


def _random(rng: np.random.Generator, tensor: TensorLike, number: int) -> NDArray[Any]:
    """Return (number, *shape) in the tensor's own type."""
    dtype, shape = np.dtype(tensor.dtype), (number, *tensor.shape)
    if dtype.kind == "f":
        values: NDArray[Any] = rng.uniform(-1.0, 1.0, shape).astype(dtype)
        edges: tuple[float, ...] = (-1.0, 1.0, 0.0)
    else:
        limits = np.iinfo(dtype)
        values = rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
        edges = (limits.min, limits.max, tensor.zero_point)
    for row, edge in enumerate(edges[:number]):
        values[row] = edge
    return values


def provide_header(project: Project) -> bool:
    """Write the ``model.h`` of a manual build for the kept digits model, unless there is one.

    Returns whether it was written.
    """
    path = project.firmware / "include" / "model.h"
    if path.exists():
        return False
    subject = given_or_fixture(project, None, None)
    write_atomic(path, generate(subject.model).header)
    return True
