"""The tutorial's model: handwritten digits of 8 x 8 pixels, one convolution, 810 parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tinyproof.convert import backend
from tinyproof.zoo.dataset import Dataset, split_in_order

CLASSES = 10


def load(data: Path | None = None) -> Dataset:
    """Return scikit-learn's digits, 8 x 8 x 1, scaled to 0..1 by their maximum, 16."""
    del data
    source = backend.require("sklearn.datasets").load_digits()
    scaled = source.data / source.data.max()
    x = scaled.reshape(-1, 8, 8, 1).astype(np.float32)
    return split_in_order(x, source.target.astype(np.int64))


def build() -> Any:
    """Return the compiled model: 8 x 8 x 1 in, ten logits out."""
    keras = backend.keras()
    layers = keras.layers
    # Names are given, because Keras numbers what has none, and they end in the .tflite file.
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Conv2D(8, (3, 3), activation="relu", name="conv"),
            layers.MaxPooling2D((2, 2), name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(CLASSES, name="logits"),
        ],
        name="digits",
    )
    model.compile(
        optimizer="adam",
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model
