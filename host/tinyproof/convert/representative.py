"""Representative samples, from an ``.npz`` file, a folder of images or a Python generator."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.convert import backend
from tinyproof.convert.inputs import ONLY, Array, Shapes, in_order, of_each, shown
from tinyproof.errors import SamplesError
from tinyproof.metadata import Normalization
from tinyproof.npz import NpzArray, NpzFile
from tinyproof.text import printable
from tinyproof.wanted import one_hot

LIMIT = 1000
"""Most samples that are used; a calibration learns nothing more from further ones."""
MEASURED = 10_000
"""Most labelled samples that forms are measured on."""
GENERATOR = "representative"
IMAGES = (".png", ".jpg", ".jpeg")

Prepare = Callable[[NDArray[Any]], Array]


def load_representative(
    path: Path, inputs: Shapes, scaling: Normalization | None, *, raw: bool = False
) -> dict[str, Array]:
    """Return samples of each input as the model takes them, at most ``LIMIT``.

    Images and whole numbers are raw, so ``scaling`` applies to them. Real values are taken as they
    are, unless ``raw`` says that they are not prepared yet.

    Args:
        path: an ``.npz`` with an array for each input, or ``x`` for the only one; a folder of PNG
            or JPEG files for the only one; or a Python file with ``representative()``, which is
            executed.
        inputs: of the model.
        scaling: what turns raw values into the model's; None if the user said nothing.
        raw: whether real values are scaled as well.

    Raises:
        SamplesError: unreadable, of another shape, not finite, or raw without a scaling.
    """

    def prepare(values: NDArray[Any]) -> Array:
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

    shapes = {name: shape[1:] for name, shape in inputs.items()}
    if path.is_dir():
        given = _images(path, shapes, prepare)
    elif path.suffix == ".py":
        given = _generated(path, shapes, prepare)
    else:
        given = {name: prepare(array) for name, array in _arrays(path, list(shapes)).items()}
    return {name: _checked(samples, path, shapes[name]) for name, samples in given.items()}


def _checked(samples: Array, path: Path, shape: tuple[int, ...]) -> Array:
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


def _arrays(path: Path, names: Sequence[str], limit: int = LIMIT) -> dict[str, NDArray[Any]]:
    """Return the first rows of the array of each input, in the model's order."""
    file = NpzFile(path)
    held = [name for name in (*names, ONLY) if name in file.names]
    if not held:
        raise SamplesError(
            f"{path} has no array {ONLY if len(names) == 1 else shown(names)} of samples.",
            hint="Save one with numpy.savez(path, x=samples); of several inputs each under its "
            "name.",
        )
    found = {name: next(iter(NpzArray(file, name).blocks(limit)), _NONE) for name in held}
    return dict(zip(names, in_order(found, names), strict=True))


_NONE = np.empty(0, np.float32)


def _images(folder: Path, shapes: Shapes, prepare: Prepare) -> dict[str, Array]:
    (name, shape), *others = shapes.items()
    if others:
        raise SamplesError(
            f"A folder of images gives one input, the model has {shown(list(shapes))}.",
            hint="Give representative samples in an .npz file, one array for each input.",
        )
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
    return {name: np.stack([prepare(_decode(file, shape)) for file in found[:LIMIT]])}


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


def _generated(path: Path, shapes: Shapes, prepare: Prepare) -> dict[str, Array]:
    """Execute a Python file and collect what its generator yields."""
    try:
        names = runpy.run_path(str(path), run_name="tinyproof_samples")
        function = names.get(GENERATOR)
        rows: Iterable[Any] = function() if function else ()
        given = [_by_name(row, list(shapes)) for row in islice(rows, LIMIT)]
    except SamplesError:
        raise
    except (Exception, SystemExit) as error:
        raise SamplesError(
            f"{path} failed: {printable(f'{type(error).__name__}: {error}', limit=200)}.",
            hint=f"Mend the file; try: python {path}.",
        ) from error
    if not given:
        raise SamplesError(
            f"{path} yields no samples.",
            hint=f"Define {GENERATOR}() in it, which yields one sample after another.",
        )
    return {
        name: np.stack([prepare(_fitted(row[name], path, shape)) for row in given])
        for name, shape in shapes.items()
    }


def _by_name(row: Any, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return a sample's arrays; LiteRT's own generators yield a list of one for each input.

    Raises:
        SamplesError: one is missing.
    """
    if isinstance(row, Mapping):
        named = {str(name): np.asarray(value) for name, value in row.items()}
    elif isinstance(row, list | tuple) and len(row) == len(names):
        named = {name: np.asarray(value) for name, value in zip(names, row, strict=True)}
    else:
        named = {ONLY: np.asarray(row)}
    return dict(zip(names, of_each(named, names), strict=True))


def _fitted(value: NDArray[Any], path: Path, shape: tuple[int, ...]) -> NDArray[Any]:
    if value.shape not in ((1, *shape), shape):
        raise SamplesError(
            f"{path} yields a sample of shape {value.shape}, the model wants {shape}.",
            hint="Yield arrays of the model's input shape.",
        )
    return value.reshape(shape)


def load_labelled(
    path: Path, names: Sequence[str]
) -> tuple[dict[str, NDArray[Any]], NDArray[Any] | None]:
    """Return the arrays of the inputs ``names`` of an ``.npz``, and what is wanted.

    That is labels, real values (of a regression, or one-hot rows of any type), or None.

    Raises:
        SamplesError: unreadable, an array missing, or labels that do not belong to it.
    """
    x, file = _arrays(path, names, MEASURED), NpzFile(path)
    number = len(next(iter(x.values())))
    if "y" not in file.names:
        return x, None
    labels = next(iter(NpzArray(file, "y").blocks(MEASURED)), np.empty(0, np.int64))
    if (labels.dtype.kind == "f" or one_hot(labels) is not None) and len(labels) == number:
        return x, labels.astype(np.float32)
    if labels.shape != (number,) or labels.dtype.kind not in "iu" or not number:
        raise SamplesError(
            f"{path} has {number} samples, but labels of shape {labels.shape} and {labels.dtype}.",
            hint="Save one whole number for each sample as y.",
        )
    return x, labels.astype(np.int64)
