"""The shape of a keyword spotter: DS-CNN of 12 classes over 49 x 10 features of one second.

After Y. Zhang et al., "Hello Edge: Keyword Spotting on Microcontrollers", 2017: the network is the
paper's smallest, the data are not speech. Each class is a fixed random pattern with noise, so that
the layers get weights, calibration and samples that are not all alike; its accuracy says nothing
about speech.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tinyproof.convert import backend
from tinyproof.zoo.dataset import Dataset, split_in_order

CLASSES = 12
SHAPE = (49, 10, 1)
SAMPLES = 600
CHANNELS = 64
BLOCKS = 4


def load(data: Path | None = None) -> Dataset:
    """Return 600 made-up spectra, 49 x 10 x 1, with their class."""
    del data
    rng = np.random.default_rng(2)
    patterns = rng.normal(0, 1, (CLASSES, *SHAPE))
    y = rng.integers(0, CLASSES, SAMPLES)
    x = patterns[y] + rng.normal(0, 1, (SAMPLES, *SHAPE))
    return split_in_order(x.astype(np.float32), y.astype(np.int64))


def build() -> Any:
    """Return the compiled model: 49 x 10 x 1 in, 12 probabilities out; 2.7 million products."""
    keras = backend.keras()
    layers = keras.layers

    def separable(index: int) -> list[Any]:
        return [
            layers.DepthwiseConv2D((3, 3), padding="same", name=f"depthwise_{index}"),
            layers.ReLU(name=f"depthwise_relu_{index}"),
            layers.Conv2D(CHANNELS, 1, activation="relu", name=f"pointwise_{index}"),
        ]

    model = keras.Sequential(
        [
            keras.Input(SHAPE, name="spectrum"),
            layers.Conv2D(
                CHANNELS, (10, 4), strides=2, padding="same", activation="relu", name="conv"
            ),
            *(layer for index in range(BLOCKS) for layer in separable(index)),
            layers.AveragePooling2D((25, 5), name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(CLASSES, activation="softmax", name="classes"),
        ],
        name="keywords",
    )
    model.compile(
        optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"]
    )
    return model
