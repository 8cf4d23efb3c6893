"""What a model to be converted offers, whatever kind of file it comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tinyproof.convert.forms import Form
from tinyproof.errors import ModelError


class Source(ABC):
    """A model with one input.

    Attributes:
        shape: of its input, batch 1 included.
        forms: what it can be converted to.
    """

    shape: tuple[int, ...]
    forms: tuple[Form, ...] = tuple(Form)

    @abstractmethod
    def convert(self, form: Form, representative: NDArray[np.float32] | None) -> bytes:
        """Return the ``.tflite`` file of one form.

        Args:
            form: the form wanted.
            representative: N x input shape without the batch; None if there are none.

        Raises:
            SamplesError: samples that the form needs are missing or of another shape.
            ModelError: it cannot be converted to this form.
        """

    @abstractmethod
    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the model itself answers: its first output, N x output shape.

        Args:
            x: N x input shape without the batch, float32.
        """


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
