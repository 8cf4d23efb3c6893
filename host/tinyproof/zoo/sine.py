"""The "hello world" of TinyML: a network of three dense layers that learns y = sin(x)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tinyproof.convert import backend
from tinyproof.zoo.dataset import Dataset, split_in_order

SAMPLES = 1000
NOISE = 0.1
"""Standard deviation of what is added to the training values, as in TFLM's lesson."""


def load(data: Path | None = None) -> Dataset:
    """Return 1,000 points x in 0..2 pi, shape (1,), with y = sin(x); noise on the training part."""
    del data
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 2 * np.pi, (SAMPLES, 1)).astype(np.float32)
    found = split_in_order(x, np.sin(x).astype(np.float32))
    found.train.y[:] += rng.normal(0, NOISE, found.train.y.shape).astype(np.float32)
    return found


def build() -> Any:
    """Return the compiled model: (1,) in, (1,) out, 321 parameters."""
    keras = backend.keras()
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((1,), name="x"),
            layers.Dense(16, activation="relu", name="first"),
            layers.Dense(16, activation="relu", name="second"),
            layers.Dense(1, name="y"),
        ],
        name="sine",
    )
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    return model
