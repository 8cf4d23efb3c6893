"""How numbers, arrays and structs are written in C. Pure text, deterministic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen.layer import Array, Symbol, Value
from tinyproof.codegen.weights import Weights

WIDTH = 100
C_TYPES = {"i1": "int8_t", "i2": "int16_t", "i4": "int32_t", "f4": "float"}
"""C element types by numpy's kind and size."""


def number(value: float | np.generic) -> str:
    """Return ``value`` as a C constant; floats with the digits that identify a float32."""
    if isinstance(value, int | np.integer):
        return str(int(value))
    real = float(value)
    if math.isnan(real):
        return "NAN"
    if math.isinf(real):
        return "INFINITY" if real > 0 else "-INFINITY"
    text = f"{np.float32(real):.9g}"
    return text + ("f" if "." in text or "e" in text else ".0f")


def wrapped(items: Iterable[str], indent: str) -> str:
    """Return ``items`` separated by commas, in lines of at most ``WIDTH`` characters."""
    lines: list[str] = []
    line = indent
    for item in items:
        if len(line) + len(item) + 2 > WIDTH and line != indent:
            lines.append(line.rstrip())
            line = indent
        line += item + ", "
    lines.append(line.rstrip().rstrip(","))
    return "\n".join(lines)


_HEX = tuple(f"0x{byte:02x}" for byte in range(256))


def byte_array(data: bytes) -> str:
    """Return ``data`` as the inside of an initialiser, hexadecimal, 16 bytes a line."""
    rows = (data[start : start + 16] for start in range(0, len(data), 16))
    return ",\n".join("    " + ", ".join([_HEX[byte] for byte in row]) for row in rows)


def element_type(values: NDArray[Any]) -> str:
    """Return the C type of an element of ``values``."""
    return C_TYPES[values.dtype.str[1:]]


def array(values: NDArray[Any], indent: str) -> str:
    """Return the numbers of ``values`` as the inside of an initialiser."""
    return wrapped(map(number, values.tolist() if values.dtype.kind == "i" else values), indent)


def struct(parameters: Mapping[str, Value], weights: Weights, indent: str = "    ") -> str:
    """Return the designated initialiser of a parameter struct, one member a line."""
    lines = [
        f"{indent}.{name} = {_value(value, weights, indent)}," for name, value in parameters.items()
    ]
    return "\n".join(lines)


def _value(value: Value, weights: Weights, indent: str) -> str:
    if isinstance(value, Mapping):
        return "{\n" + struct(value, weights, indent + "    ") + "\n" + indent + "}"
    if isinstance(value, Array):
        return weights.place(value.values)
    if isinstance(value, Symbol):
        return value.name
    if isinstance(value, tuple):
        return "{" + ", ".join(map(number, value)) + "}"
    return number(value)


def define_shape(shape: Sequence[int]) -> str:
    """Return a shape as an initialiser, ``{1, 8, 8, 1}``; a scalar's is ``{0}`` (rank 0)."""
    return "{" + ", ".join(map(str, shape or (0,))) + "}"
