"""A trained model on disk: its folder, its manifest, and whether it is complete and up to date.

The folder holds one ``<form>.tflite`` for each form, ``test.npz`` (``x``, ``y``), ``history.json``,
``model.keras`` and, written last, the manifest ``model.json``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinyproof.convert.forms import Form
from tinyproof.errors import ModelError
from tinyproof.zoo.recipes import RECIPES, recipe_named

MANIFEST = "model.json"
HISTORY = "history.json"
TEST_SAMPLES = "test.npz"
KERAS_MODEL = "model.keras"
SCHEMA = 1


@dataclass(frozen=True)
class Epoch:
    """One epoch of the training curve; ``metric`` is the recipe's, ``accuracy`` for classifiers."""

    loss: float
    metric: float
    validation_loss: float
    validation_metric: float


@dataclass(frozen=True)
class TrainedModel:
    """A complete training.

    Attributes:
        directory: where its files are.
        name: its recipe's name in the zoo.
        seed: what its random numbers were drawn from.
        versions: of the packages that trained and converted it.
        sha256: of each file, by file name.
    """

    directory: Path
    name: str
    seed: int
    versions: dict[str, str]
    sha256: dict[str, str]

    @property
    def samples(self) -> Path:
        """The test samples and labels, an ``.npz`` with ``x`` and ``y``."""
        return self.directory / TEST_SAMPLES

    @property
    def forms(self) -> dict[Form, Path]:
        """The model's files by form, in the order of the recipe."""
        return {form: self.path(form) for form in recipe_named(self.name).forms}

    def path(self, form: Form) -> Path:
        """The ``.tflite`` file of one form."""
        return self.directory / tflite_name(form)

    @property
    def metric(self) -> str:
        """What the metric of the training curve is, such as ``accuracy``."""
        return str(self._history()["metric"])

    def history(self) -> list[Epoch]:
        """The training curve, one entry per epoch."""
        return [Epoch(**entry) for entry in self._history()["epochs"]]

    def _history(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.directory / HISTORY).read_text(encoding="utf-8"))
        return content


def tflite_name(form: Form) -> str:
    """File name of a form."""
    return f"{form}.tflite"


def manifest_of(model: TrainedModel) -> bytes:
    """The manifest's bytes; the folder is not in it, so that it can be moved."""
    recipe = recipe_named(model.name)
    content = {
        "schema": SCHEMA,
        "name": model.name,
        "revision": recipe.revision,
        "seed": model.seed,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "versions": model.versions,
        "sha256": model.sha256,
    }
    return to_json(content)


def history_of(metric: str, epochs: list[Epoch]) -> bytes:
    """The training curve's bytes."""
    return to_json({"metric": metric, "epochs": [asdict(epoch) for epoch in epochs]})


def to_json(content: dict[str, Any]) -> bytes:
    """JSON as people read it, with a newline at the end."""
    return (json.dumps(content, indent=1) + "\n").encode()


def load_trained(directory: Path) -> TrainedModel:
    """Open the training in ``directory``, checking that its files are those that were written.

    Raises:
        ModelError: there is none, it is incomplete or changed, or its recipe has changed since.
    """
    try:
        content = json.loads((directory / MANIFEST).read_bytes())
        recipe = RECIPES[content["name"]]
        current = (content["schema"], content["revision"]) == (SCHEMA, recipe.revision)
        model = TrainedModel(
            directory, content["name"], content["seed"], content["versions"], content["sha256"]
        )
        intact = all(_sha256(directory / name) == wanted for name, wanted in model.sha256.items())
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise _untrained(directory, "is missing or incomplete") from error
    if not (current and intact):
        raise _untrained(directory, "is out of date or was changed")
    return model


def is_trained(directory: Path, name: str | None = None, seed: int | None = None) -> bool:
    """Whether ``directory`` holds a complete training, of that name and seed if they are given."""
    try:
        model = load_trained(directory)
    except ModelError:
        return False
    return name in (None, model.name) and seed in (None, model.seed)


def _untrained(directory: Path, what: str) -> ModelError:
    return ModelError(f"The trained model in {directory} {what}.", hint="Run: tinyproof train.")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
