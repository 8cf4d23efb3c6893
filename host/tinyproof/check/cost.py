"""What an inference costs on a processor, estimated layer by layer from measured rates.

``rates.json`` is written by tests/bench/rates.py: for each kind of layer what each of its ``PARTS``
costs, and how far the estimate is off for models whose cost is known.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from tinyproof.codegen import Generated
from tinyproof.codegen.generate import LayerInfo

Rates = Mapping[str, Mapping[str, float]]
"""Kind of layer -> part -> cost of one."""

PARTS = ("per_mac", "per_output", "per_input", "per_layer")
"""What a layer's cost is made of: multiply-accumulates, values it writes, values it reads (those of
each window, where it has multiply-accumulates), and what it costs however small it is."""

SEVERAL = " of several"
"""Added to a kind where a model uses its kernel more than once, if that was measured. A kernel that
is called once the compiler makes for that one shape; on AVR it takes a quarter less."""

PROCESSORS: Mapping[str, str] = {
    "uno": "uno",
    "megaatmega2560": "megaatmega2560",
    "nano33ble": "cortex-m4",
    "uno_r4_minima": "cortex-m4",
    "pico": "cortex-m0",
    "nanorp2040connect": "cortex-m0",
    "esp32-c3-devkitm-1": "rv32imc",
    "esp32-c6": "rv32imc",
}
"""Target -> the processor in ``rates.json`` that executes the same instructions. Cortex-M7 and
Xtensa have none: the one has other timing and double precision, the other was never measured."""


@dataclass(frozen=True)
class Speed:
    """What is known of a processor.

    Attributes:
        processor: its name in ``rates.json``.
        unit: ``cycles`` of the chip, or ``instructions``, which say nothing of wait states.
        rates: of each kind of layer.
        errors: percent by which the estimate is off, by model whose cost is known.
    """

    processor: str
    unit: str
    rates: Rates
    errors: Mapping[str, float]

    def error(self, *, real: bool) -> float:
        """Return the largest error so far, percent, of float32 (``real``) or int8 models."""
        return max(
            (abs(e) for name, e in self.errors.items() if ("float32" in name) is real),
            default=math.nan,
        )


def speed_of(target: str) -> Speed | None:
    """Return what is known of a target's processor; None if nothing was measured."""
    name = PROCESSORS.get(target)
    found = _measured().get(name) if name else None
    if name is None or found is None:
        return None
    return Speed(name, found["unit"], found["rates"], found["errors_percent"])


@cache
def _measured() -> dict[str, Any]:
    text = resources.files("tinyproof.check").joinpath("rates.json").read_text("utf-8")
    processors: dict[str, Any] = json.loads(text)["processors"]
    return processors


def kind_of(layer: LayerInfo) -> str:
    """Return the kind that a layer's rates are listed under: kernel, element type, and its pool."""
    is_pooled = layer.macs and "MAX_POOL_2D" in layer.operators
    return f"{layer.kernel} + MAX_POOL_2D" if is_pooled else layer.kernel


def parts(layer: LayerInfo) -> tuple[float, ...]:
    """Return how many of each of the ``PARTS`` a layer has."""
    read = layer.macs / layer.output[-1] if layer.macs else sum(map(math.prod, layer.inputs))
    return (layer.macs, math.prod(layer.output), read, 1)


def estimate(generated: Generated, rates: Rates) -> tuple[float, ...]:
    """Return what each layer costs, in the unit of the rates.

    A kind that was not measured counts for each output value as the median of those of its element
    type that have no multiply-accumulates.
    """
    used = Counter(layer.kernel for layer in generated.layers)
    return tuple(_layer(layer, rates, used[layer.kernel] > 1) for layer in generated.layers)


def _layer(layer: LayerInfo, rates: Rates, is_of_several: bool) -> float:
    kind = kind_of(layer)
    rate = rates.get(kind + SEVERAL) if is_of_several else None
    rate = rate or rates.get(kind) or {"per_output": _typical(layer, rates)}
    counts = zip(PARTS, parts(layer), strict=True)
    return sum(rate.get(part, 0.0) * number for part, number in counts)


def _typical(layer: LayerInfo, rates: Rates) -> float:
    suffix = layer.kernel.rpartition("_")[2]
    simple = [
        rate["per_output"] + rate["per_input"]
        for kind, rate in rates.items()
        if kind.endswith(suffix) and not rate["per_mac"]
    ]
    return statistics.median(simple) if simple else 0.0


def guessed(generated: Generated, rates: Rates) -> tuple[str, ...]:
    """Return the kinds of layers without a measured rate."""
    return tuple(sorted({kind_of(layer) for layer in generated.layers} - set(rates)))
