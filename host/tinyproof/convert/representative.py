"""Representative samples, from an ``.npz`` file, a folder of images or a Python generator."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.convert import backend
from tinyproof.errors import SamplesError
from tinyproof.metadata import Normalization
from tinyproof.npz import NpzArray, NpzFile
from tinyproof.text import printable

LIMIT = 1000
"""Most samples that are used; a calibration learns nothing more from further ones."""
MEASURED = 10_000
"""Most labelled samples that forms are measured on."""
GENERATOR = "representative"
IMAGES = (".png", ".jpg", ".jpeg")

Samples = NDArray[np.float32]
Prepare = Callable[[NDArray[Any]], Samples]


def load_representative(
    path: Path, shape: tuple[int, ...], scaling: Normalization | None, *, raw: bool = False
) -> Samples:
    """Return samples as the model takes them, N x ``shape``, at most ``LIMIT``.

    Images and whole numbers are raw, so ``scaling`` applies to them. Real values are taken as they
    are, unless ``raw`` says that they are not prepared yet.

    Args:
        path: an ``.npz`` with ``x``, a folder of PNG or JPEG files, or a Python file with a
            function ``representative()``, which is executed.
        shape: of the model's input, without the batch.
        scaling: what turns raw values into the model's; None if the user said nothing.
        raw: whether real values are scaled as well.

    Raises:
        SamplesError: unreadable, of another shape, not finite, or raw without a scaling.
    """

    def prepare(values: NDArray[Any]) -> Samples:
        if values.dtype.kind not in "fiu" and values.dtype.kind != "b":
            raise SamplesError(
                f"The samples of {path} are {values.dtype}, not numbers.",
                hint="Give float32 values.",
            )
        if values.dtype.kind == "f" and not raw:
            return values.astype(np.float32)
        if scaling is None:
            raise SamplesError(
                f"{path} holds whole numbers ({values.dtype}), and nothing says how the model "
                "takes them.",
                hint="Say it: --scale 1/255 if it was trained on 0 to 1, --mean and --std, or "
                "--scale 1 if it takes them as they are.",
            )
        return scaling.apply(values)

    if path.is_dir():
        samples = _images(path, shape, prepare)
    elif path.suffix == ".py":
        samples = _generated(path, shape, prepare)
    else:
        samples = prepare(_array(path))
    return _checked(samples, path, shape)


def _checked(samples: Samples, path: Path, shape: tuple[int, ...]) -> Samples:
    if samples.ndim and not len(samples):
        raise SamplesError(
            f"{path} holds no samples.",
            hint="Give some of the training samples; a hundred will do.",
        )
    if samples.shape[1:] in ((1, *shape), shape):
        samples = samples.reshape(-1, *shape)
    else:
        raise SamplesError(
            f"The representative samples of {path} have shape {samples.shape}, wanted N x "
            f"{' x '.join(map(str, shape))}.",
            hint="Give an array of N x the model's input shape.",
        )
    if not np.isfinite(samples).all():
        raise SamplesError(
            f"The representative samples of {path} hold NaN or infinity.",
            hint="Remove or repair those samples.",
        )
    return samples


def _array(path: Path, limit: int = LIMIT) -> NDArray[Any]:
    file = NpzFile(path)
    if "x" not in file.names:
        raise SamplesError(
            f"{path} has no array x of representative samples.",
            hint="Save one with numpy.savez(path, x=samples).",
        )
    blocks = NpzArray(file, "x").blocks(limit)
    return next(iter(blocks), np.empty((0,), np.float32))


def _images(folder: Path, shape: tuple[int, ...], prepare: Prepare) -> Samples:
    if len(shape) != 3 or shape[2] not in (1, 3, 4):
        raise SamplesError(
            f"The model's input of shape {shape} is no image of 1, 3 or 4 channels.",
            hint="Give representative samples in an .npz file.",
        )
    found = [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in IMAGES]
    if not found:
        raise SamplesError(
            f"The folder {folder} holds no PNG or JPEG file.", hint="Check the folder's name."
        )
    return np.stack([prepare(_decode(file, shape)) for file in found[:LIMIT]])


def _decode(file: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return one image, height x width x channels; it is not resized."""
    tf = backend.tensorflow()
    try:
        with backend.quiet():
            image = np.asarray(
                tf.io.decode_image(file.read_bytes(), shape[2], expand_animations=False)
            )
    except Exception as error:
        # tensorflow raises errors of its own; a file may also be unreadable.
        raise SamplesError(
            f"The image {file} cannot be decoded.", hint="Save it again as PNG or JPEG."
        ) from error
    if image.shape != shape:
        raise SamplesError(
            f"The image {file} is {_size(image.shape)}, the model wants {_size(shape)}.",
            hint="Resize the images as it was done for training, which TinyProof cannot know.",
        )
    return image


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]} pixels of {shape[2]} channels"


def _generated(path: Path, shape: tuple[int, ...], prepare: Prepare) -> Samples:
    """Execute a Python file and collect what its generator yields."""
    try:
        names = runpy.run_path(str(path), run_name="tinyproof_samples")
        function = names.get(GENERATOR)
        rows: Iterable[Any] = function() if function else ()
        given = [np.asarray(_first(row)) for row in islice(rows, LIMIT)]
    except Exception as error:
        raise SamplesError(
            f"{path} failed: {printable(f'{type(error).__name__}: {error}', limit=200)}.",
            hint=f"Mend the file; try: python {path}.",
        ) from error
    if not given:
        raise SamplesError(
            f"{path} yields no samples.",
            hint=f"Define {GENERATOR}() in it, which yields one sample after another.",
        )
    wrong = next((row for row in given if row.shape not in ((1, *shape), shape)), None)
    if wrong is not None:
        raise SamplesError(
            f"{path} yields a sample of shape {wrong.shape}, the model wants {shape}.",
            hint="Yield arrays of the model's input shape.",
        )
    return np.stack([prepare(row.reshape(shape)) for row in given])


def _first(row: Any) -> Any:
    """Return the sample; LiteRT's own generators yield a list of one for each input."""
    return row[0] if isinstance(row, list | tuple) and len(row) == 1 else row


def load_labelled(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return ``x`` and ``y`` of an ``.npz``: labels, a regression's real values, or None.

    Raises:
        SamplesError: unreadable, without ``x``, or labels that do not belong to it.
    """
    x, file = _array(path, MEASURED), NpzFile(path)
    if "y" not in file.names:
        return x, None
    labels = next(iter(NpzArray(file, "y").blocks(MEASURED)), np.empty(0, np.int64))
    if labels.dtype.kind == "f" and len(labels) == len(x):
        return x, labels.astype(np.float32)
    if labels.shape != (len(x),) or labels.dtype.kind not in "iu" or not len(x):
        raise SamplesError(
            f"{path} has {len(x)} samples, but labels of shape {labels.shape} and {labels.dtype}.",
            hint="Save one whole number for each sample as y.",
        )
    return x, labels.astype(np.int64)
