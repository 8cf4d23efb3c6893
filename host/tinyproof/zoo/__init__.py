"""Models that TinyProof can train by itself, and what is left of a training on disk.

Importing this package imports no tensorflow; :func:`train` does, when it is called.
"""

from __future__ import annotations

from tinyproof.zoo.recipes import RECIPES, Dataset, Recipe
from tinyproof.zoo.trained import Epoch, TrainedModel, is_trained, load_trained
from tinyproof.zoo.training import Progress, train

__all__ = [
    "RECIPES",
    "Dataset",
    "Epoch",
    "Progress",
    "Recipe",
    "TrainedModel",
    "is_trained",
    "load_trained",
    "train",
]
