"""The zoo's table: where each model's data and layers come from, and how long it is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tinyproof.convert.forms import Form
from tinyproof.errors import UsageError
from tinyproof.zoo import digits
from tinyproof.zoo.dataset import Dataset


@dataclass(frozen=True)
class Recipe:
    """One model of the zoo.

    Attributes:
        title: one line for help texts.
        load: returns the data.
        build: returns a fresh, compiled ``keras.Model`` whose first metric is ``metric``.
        epochs: passes over the training part.
        batch_size: samples per step.
        metric: Keras's name of what the progress shows beside the loss.
        forms: what the trained model is converted to.
        revision: raised whenever a change makes models of the earlier recipe out of date.
    """

    title: str
    load: Callable[[], Dataset]
    build: Callable[[], Any]
    epochs: int
    batch_size: int
    metric: str = "accuracy"
    forms: tuple[Form, ...] = tuple(Form)
    revision: int = 1


RECIPES: dict[str, Recipe] = {
    "digits": Recipe(
        "handwritten digits, 8 x 8 pixels, 810 parameters",
        digits.load,
        digits.build,
        epochs=50,
        batch_size=16,
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
