"""A layer: one kernel call of the generated program, with all that the kernel needs to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from numpy import generic
from numpy.typing import NDArray

from tinyproof.graph import Operator, TensorType


@dataclass(frozen=True, eq=False)
class Array:
    """Constant numbers that a kernel reads from flash, in the order it reads them.

    Attributes:
        role: what they are, a C identifier such as ``weights``; it names them in ``model.h``.
        values: one-dimensional; int8, int16, int32 or float32.
    """

    role: str
    values: NDArray[Any]


@dataclass(frozen=True)
class Symbol:
    """A C identifier, such as the requantization function that a kernel shall use."""

    name: str


Value = int | float | generic | Array | Symbol | tuple[int, ...] | Mapping[str, "Value"]
"""What a parameter struct may hold: numbers, arrays of integers, constants, nested structs."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One step of the plan.

    The call is ``tp_<kernel>_<variant>(&parameters, inputs..., output[, scratch])``; the header
    ``tp_<kernel>.h`` declares it and its parameter struct ``tp_<kernel>_<variant>_t``.

    Attributes:
        kernel: the kernel's name without prefix and type, such as ``conv_2d``.
        variant: the element type's suffix, such as ``s8`` or ``f32``.
        parameters: the struct's members by name.
        inputs: the tensors that change from inference to inference, or constants passed as
        operands. output: the tensor it writes.
        operators: what of the graph it carries out; more than one means a fused group.
        macs: multiply-accumulates, padding included.
        scratch_bytes: working memory it needs beyond inputs and output; 0 for none.
        scratch_type: element type of the scratch pointer.
        in_place: those of ``inputs`` whose memory the output may take over, element by element.
        more: further calls on the same output, made after this one and part of the same step, such
        as one for each part of a CONCATENATION. Their ``more`` is empty, and so are all
        ``in_place`` and scratches.
    """

    kernel: str
    variant: str
    parameters: Mapping[str, Value]
    inputs: tuple[int, ...]
    output: int
    operators: tuple[Operator, ...]
    macs: int = 0
    scratch_bytes: int = 0
    scratch_type: TensorType = TensorType.INT8
    in_place: tuple[int, ...] = ()
    more: tuple[Layer, ...] = ()

    @property
    def calls(self) -> tuple[Layer, ...]:
        """All calls of the step, in order."""
        return (self, *self.more)

    @property
    def reads(self) -> tuple[int, ...]:
        """The inputs of all calls."""
        return tuple(index for call in self.calls for index in call.inputs)

    @property
    def function(self) -> str:
        """The kernel's C function."""
        return f"tp_{self.kernel}_{self.variant}"

    def arrays(self) -> Iterator[Array]:
        """Yield the constants in the parameters of all calls, nested ones included."""
        for call in self.calls:
            yield from _arrays(call.parameters)


def _arrays(parameters: Mapping[str, Value]) -> Iterator[Array]:
    for value in parameters.values():
        if isinstance(value, Array):
            yield value
        elif isinstance(value, Mapping):
            yield from _arrays(value)
