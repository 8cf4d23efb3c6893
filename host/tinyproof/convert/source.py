"""What a model to be converted offers, whatever kind of file it comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from tinyproof.convert.forms import Form
from tinyproof.convert.inputs import Inputs, Shapes, shown
from tinyproof.errors import ModelError


class Source(ABC):
    """A model with one input or several.

    Attributes:
        inputs: name and shape of each, batch 1 included.
        forms: what it can be converted to.
        per_tensor_dense: whether the weights of a dense layer get one scale in the forms that are
            calibrated, instead of one for each output: TFLM takes more since September 2024 only.
    """

    inputs: Shapes
    forms: tuple[Form, ...] = tuple(Form)
    per_tensor_dense = False

    @abstractmethod
    def convert(self, form: Form, representative: Inputs | None) -> bytes:
        """Return the ``.tflite`` file of one form.

        Args:
            form: the form wanted.
            representative: samples of every input; None if there are none.

        Raises:
            SamplesError: samples that the form needs are missing or of another shape.
            ModelError: it cannot be converted to this form.
        """

    @abstractmethod
    def predict(self, x: Inputs) -> NDArray[np.float32]:
        """Return what the model itself answers to ``x``: its first output, N x output shape."""


def check_shapes(
    found: Mapping[str, Iterable[int | None] | None], given: tuple[int, ...] | None
) -> dict[str, tuple[int, ...]]:
    """Return the shape of each input with batch 1; see ``check_shape``.

    Args:
        found: what the source says of each input.
        given: the user's shape of the only input.

    Raises:
        ModelError: a size is free that is not given, or ``given`` cannot be told apart.
    """
    if given is not None and len(found) > 1:
        raise ModelError(
            f"--input-shape is for models of one input, this one has {len(found)}: "
            f"{shown(list(found))}.",
            hint="Leave it out, and fix the sizes where the model is built.",
        )
    return {name: check_shape(shape, given) for name, shape in found.items()}


def check_shape(
    found: Iterable[int | None] | None, given: tuple[int, ...] | None
) -> tuple[int, ...]:
    """Return the input's shape with batch 1.

    Args:
        found: what the source says, None for each size that is free; None if it says nothing.
        given: the user's shape, batch included; it fills the free sizes.

    Raises:
        ModelError: a size other than the batch is free, or the two contradict each other.
    """
    wanted = None if found is None else tuple(found)
    if wanted is None and given is None:
        raise ModelError(
            "The model does not say what shape its input has.",
            hint="Say it, batch first: --input-shape 1,28,28,1.",
        )
    shape = given if wanted is None else wanted
    assert shape is not None
    if given is not None and wanted is not None:
        if not _agree(given, wanted):
            raise ModelError(
                f"The model's input has the shape {_shown(wanted)}, not {_shown(given)}.",
                hint="Leave --input-shape out, or correct it; the batch comes first and is 1.",
            )
        shape = given
    fixed = (1, *shape[1:])
    if any(size is None or size < 1 for size in fixed):
        example = ",".join(str(size or 32) for size in fixed)
        raise ModelError(
            f"The model's input has the shape {_shown(shape)}: besides the batch no size may be "
            "free, since a board's memory is planned before it runs.",
            hint=f"Fix it: --input-shape {example}.",
        )
    return tuple(int(size or 1) for size in fixed)


def _agree(given: tuple[int, ...], found: tuple[int | None, ...]) -> bool:
    pairs = zip(given[1:], found[1:], strict=False)
    return (
        len(given) == len(found)
        and given[:1] == (1,)
        and found[:1] in ((None,), (1,), (-1,))
        and all(theirs in (None, -1, mine) for mine, theirs in pairs)
    )


def _shown(shape: Iterable[int | None]) -> str:
    return " x ".join("?" if size is None or size < 0 else str(size) for size in shape)
