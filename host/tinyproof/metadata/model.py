"""The typed form of a model's metadata, as far as TinyProof uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.errors import SamplesError


@dataclass(frozen=True)
class Normalization:
    """How raw values become the model's: (value - mean) / std, for each channel or for all.

    As ``NormalizationOptions`` of the metadata's schema defines it; the model's quantization comes
    after it.

    Attributes:
        mean: one value, or one for each channel (the last dimension).
        std: the same; finite, not 0.
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return raw ``values`` (..., channels) as the model takes them.

        Raises:
            SamplesError: neither one value nor one for each channel.
        """
        channels = values.shape[-1] if values.ndim else 1
        if any(len(part) not in (1, channels) for part in (self.mean, self.std)):
            raise SamplesError(
                f"There are {len(self.mean)} means and {len(self.std)} deviations for "
                f"{channels} channels.",
                hint="Give one of each, or one for each channel.",
            )
        mean, std = (np.array(part, np.float32) for part in (self.mean, self.std))
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray((values.astype(np.float32) - mean) / std, np.float32)

    def text(self) -> str:
        """Return it in words, such as ``(x - 127.5) / 127.5``."""
        mean, std = (", ".join(f"{v:g}" for v in part[:4]) for part in (self.mean, self.std))
        return f"(x - {mean}) / {std}"


@dataclass(frozen=True)
class TensorNotes:
    """What is said of one input or output.

    Attributes:
        normalization: how raw values are prepared; None if nothing is said.
        labels: names of the classes, in order; empty if there are none.
        minimum: least values that the tensor was seen to have, one or one for each channel.
        maximum: largest values.
    """

    name: str = ""
    description: str = ""
    normalization: Normalization | None = None
    labels: tuple[str, ...] = ()
    minimum: tuple[float, ...] = ()
    maximum: tuple[float, ...] = ()


@dataclass(frozen=True)
class Metadata:
    """What is said of a model; inputs and outputs in the model's order, as many as are told of."""

    name: str = ""
    description: str = ""
    inputs: tuple[TensorNotes, ...] = ()
    outputs: tuple[TensorNotes, ...] = ()
