"""The zoo's table: where each model's data and layers come from, and how long it is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyproof.convert.forms import ZOO_FORMS, Form
from tinyproof.errors import UsageError
from tinyproof.zoo import cifar10, digits, keywords, sine
from tinyproof.zoo.dataset import Dataset


@dataclass(frozen=True)
class Recipe:
    """One model of the zoo.

    Attributes:
        title: one line for help texts.
        load: returns the data, from a file if one is given and ``takes_data``.
        build: returns a fresh, compiled ``keras.Model`` whose first metric is ``metric``.
        epochs: passes over the training part.
        batch_size: samples per step.
        metric: Keras's name of what the progress shows beside the loss.
        forms: what the trained model is converted to.
        takes_data: whether the data may come from a file of the user's.
        revision: raised whenever a change makes models of the earlier recipe out of date.
    """

    title: str
    load: Callable[[Path | None], Dataset]
    build: Callable[[], Any]
    epochs: int
    batch_size: int
    metric: str = "accuracy"
    forms: tuple[Form, ...] = ZOO_FORMS
    revision: int = 1
    takes_data: bool = False


RECIPES: dict[str, Recipe] = {
    "digits": Recipe(
        "handwritten digits, 8 x 8 pixels, 810 parameters",
        digits.load,
        digits.build,
        epochs=50,
        batch_size=16,
    ),
    "sine": Recipe(
        "y = sin(x), three dense layers, 321 parameters",
        sine.load,
        sine.build,
        epochs=100,
        batch_size=16,
        metric="mae",
    ),
    "keywords": Recipe(
        "the shape of a keyword spotter, DS-CNN of 12 classes, made-up data",
        keywords.load,
        keywords.build,
        epochs=3,
        batch_size=32,
        forms=(Form.INT8, Form.FLOAT32),
    ),
    "cifar10": Recipe(
        "photographs of ten kinds of things, 32 x 32 pixels, 122,570 parameters",
        cifar10.load,
        cifar10.build,
        epochs=20,
        batch_size=256,
        forms=(Form.INT8, Form.FLOAT32),
        takes_data=True,
    ),
}


def recipe_named(name: str) -> Recipe:
    """Return the recipe called ``name``.

    Raises:
        UsageError: there is none.
    """
    try:
        return RECIPES[name]
    except KeyError:
        raise UsageError(
            f"The zoo has no model called {name!r}.", hint=f"Choose one of: {', '.join(RECIPES)}."
        ) from None
