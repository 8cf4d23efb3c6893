"""One operator at work: its options, its inputs with their values, its outputs' descriptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from tinyproof.graph.options import Options
from tinyproof.integer.arithmetic import Quantized

Kind = TypeVar("Kind", bound=Options)


@dataclass(frozen=True, eq=False)
class Step:
    """What an operator's function is given.

    Attributes:
        name: the operator's.
        options: its builtin options.
        inputs: with values; None for an optional input that is absent.
        outputs: without values: ``stored`` is empty.
        shapes: of the outputs, as the file states them.
    """

    name: str
    options: Options
    inputs: tuple[Quantized | None, ...]
    outputs: tuple[Quantized, ...]
    shapes: tuple[tuple[int, ...], ...]

    def input(self, position: int) -> Quantized:
        """Return an input that must be there.

        Raises:
            ValueError: it is absent.
        """
        found = self.inputs[position] if position < len(self.inputs) else None
        if found is None:
            raise ValueError(f"{self.name} has no input {position}")
        return found

    def optional(self, position: int) -> Quantized | None:
        """Return an input, None if it is absent."""
        return self.inputs[position] if position < len(self.inputs) else None

    @property
    def output(self) -> Quantized:
        """The first output's description."""
        return self.outputs[0]

    def read(self, kind: type[Kind]) -> Kind:
        """Return the options, which are of this kind by the operator's name."""
        assert isinstance(self.options, kind)
        return self.options
