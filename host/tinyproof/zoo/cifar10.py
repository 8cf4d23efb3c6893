"""The from-scratch lesson's CNN: photographs of ten kinds of things, 32 x 32 pixels in colour.

Data: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; from Keras's
loader, or from a file: an ``.npz``, or the data set's own binary archive. Its Python archive is
pickled and is not read: unpickling runs whatever a file says.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.convert import backend
from tinyproof.errors import SamplesError, ToolchainError
from tinyproof.npz import NpzArray, NpzFile
from tinyproof.text import printable
from tinyproof.zoo.dataset import Dataset, Part

CLASSES = 10
SHAPE = (32, 32, 3)
VALIDATION = 0.1
"""Share of the training images, the last ones, that are held back for validation."""
_RECORD = 1 + 3 * 32 * 32
_BATCHES = tuple(f"data_batch_{n}.bin" for n in range(1, 6))
_TEST = "test_batch.bin"
_MOST = 64 << 20
"""Bytes of one batch that are read; the real ones have 30,730,000."""
_HINT = (
    "Give an .npz with x_train, y_train, x_test, y_test (images N x 32 x 32 x 3, uint8), or "
    "cifar-10-binary.tar.gz."
)


def load(data: Path | None = None) -> Dataset:
    """Return the images scaled to 0..1 with their class; from ``data`` if it is given.

    Raises:
        ToolchainError: the download fails.
        SamplesError: the file is not the data set in one of its two forms.
    """
    if data is None:
        arrays = _download()
    elif data.suffix == ".npz":
        arrays = _from_npz(data)
    else:
        arrays = _from_archive(data)
    train, test = _part(*arrays[:2]), _part(*arrays[2:])
    kept = len(train) - max(1, round(VALIDATION * len(train)))
    return Dataset(Part(train.x[:kept], train.y[:kept]), test, Part(train.x[kept:], train.y[kept:]))


def build() -> Any:
    """Return the compiled model: 32 x 32 x 3 in, ten probabilities out; 122,570 parameters."""
    keras = backend.keras()
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(SHAPE, name="image"),
            layers.Conv2D(32, (3, 3), activation="relu", name="conv_1"),
            layers.MaxPooling2D((2, 2), name="pool_1"),
            layers.Conv2D(64, (3, 3), activation="relu", name="conv_2"),
            layers.MaxPooling2D((2, 2), name="pool_2"),
            layers.Conv2D(64, (3, 3), activation="relu", name="conv_3"),
            layers.Flatten(name="flatten"),
            layers.Dense(64, activation="relu", name="dense"),
            layers.Dense(CLASSES, activation="softmax", name="classes"),
        ],
        name="cifar10",
    )
    model.compile(
        optimizer="rmsprop",
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    return model


Arrays = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


def _download() -> Arrays:
    """Let Keras find the data set in its cache or download it."""
    loader = backend.require("keras.datasets.cifar10")
    try:
        with backend.quiet():
            (x, y), (test_x, test_y) = loader.load_data()
    except Exception as error:  # Keras raises bare Exception where a download fails.
        reason = printable(str(error).splitlines()[0], limit=200) if str(error) else "no reason"
        raise ToolchainError(
            f"Keras cannot download the CIFAR-10 data set: {reason}",
            hint="Fetch it on a machine that can, then: tinyproof train cifar10 --data FILE. "
            + _HINT,
        ) from error
    return x, y, test_x, test_y


def _from_npz(path: Path) -> Arrays:
    file = NpzFile(path)
    names = ("x_train", "y_train", "x_test", "y_test")
    if missing := [name for name in names if name not in file.names]:
        raise SamplesError(f"{file.label} has no array {missing[0]}.", hint=_HINT)
    x, y, test_x, test_y = (
        np.concatenate(list(NpzArray(file, name).blocks(1 << 16))) for name in names
    )
    return x, y, test_x, test_y


def _from_archive(path: Path) -> Arrays:
    """Read the binary archive: records of one class byte and three planes of 32 x 32 bytes."""
    batches: dict[str, NDArray[np.uint8]] = {}
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                name = Path(member.name).name
                stream = archive.extractfile(member) if member.isfile() else None
                if stream and name in (*_BATCHES, _TEST) and member.size <= _MOST:
                    batches[name] = _records(stream.read(_MOST), path)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise SamplesError(
            f"{printable(str(path))} is not an archive that can be read: {printable(str(error))}.",
            hint=_HINT,
        ) from error
    train = [batches[name] for name in _BATCHES if name in batches]
    if not train or _TEST not in batches:
        raise SamplesError(
            f"{printable(str(path))} does not hold {_BATCHES[0]} and {_TEST}.", hint=_HINT
        )
    return *_split(np.concatenate(train)), *_split(batches[_TEST])


def _records(content: bytes, path: Path) -> NDArray[np.uint8]:
    if not content or len(content) % _RECORD:
        raise SamplesError(
            f"A batch in {printable(str(path))} has {len(content):,} bytes, no whole number of "
            f"records of {_RECORD:,}.",
            hint="Download the archive again.",
        )
    return np.frombuffer(content, np.uint8).reshape(-1, _RECORD)


def _split(records: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    return planes.transpose(0, 2, 3, 1), records[:, 0]


def _part(x: NDArray[Any], y: NDArray[Any]) -> Part:
    labels = np.asarray(y).reshape(-1)
    fits = x.shape[1:] == SHAPE and x.dtype == np.uint8 and len(labels) == len(x) > 1
    if not fits or labels.dtype.kind not in "iu" or not ((labels >= 0) & (labels < CLASSES)).all():
        raise SamplesError(
            f"The images have the shape {list(x.shape)}, {x.dtype}, with {len(labels)} labels.",
            hint=_HINT,
        )
    return Part((x / np.float32(255)).astype(np.float32), labels.astype(np.int64))
