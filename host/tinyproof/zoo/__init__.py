"""Models that TinyProof can train by itself, and what is left of a training on disk.

Importing this package costs nothing, and it tells in milliseconds whether a model is trained:
tensorflow is imported when one is being trained, not before.
"""

from __future__ import annotations

from tinyproof.zoo.recipes import RECIPES, Recipe, recipe_named
from tinyproof.zoo.trained import Epoch, TrainedModel, is_trained, load_trained
from tinyproof.zoo.training import EpochProgress, train

__all__ = [
    "RECIPES",
    "Epoch",
    "EpochProgress",
    "Recipe",
    "TrainedModel",
    "is_trained",
    "load_trained",
    "recipe_named",
    "train",
]
