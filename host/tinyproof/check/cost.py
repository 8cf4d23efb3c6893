"""What an inference costs on a processor, estimated layer by layer from measured rates.

``rates.json`` is written by tests/bench/rates.py: for each kind of layer what a multiply-accumulate
and what an output value cost, and how far the estimate is off for models whose cost is known.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from tinyproof.codegen import Generated
from tinyproof.codegen.generate import LayerInfo

Rates = Mapping[str, Mapping[str, float]]
"""Kind of layer -> ``per_mac``, ``per_output``."""

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
    """Return the kind that a layer's rates are listed under: kernel and element type."""
    return layer.kernel


def estimate(generated: Generated, rates: Rates) -> tuple[float, ...]:
    """Return what each layer costs, in the unit of the rates.

    A kind that was not measured counts for each output value as the median of those of its element
    type that have no multiply-accumulates.
    """
    return tuple(_layer(layer, rates) for layer in generated.layers)


def _layer(layer: LayerInfo, rates: Rates) -> float:
    rate = rates.get(kind_of(layer)) or {"per_mac": 0.0, "per_output": _typical(layer, rates)}
    return rate["per_mac"] * layer.macs + rate["per_output"] * math.prod(layer.output)


def _typical(layer: LayerInfo, rates: Rates) -> float:
    suffix = kind_of(layer).rpartition("_")[2]
    simple = [
        rate["per_output"]
        for kind, rate in rates.items()
        if kind.endswith(suffix) and not rate["per_mac"]
    ]
    return statistics.median(simple) if simple else 0.0


def guessed(generated: Generated, rates: Rates) -> tuple[str, ...]:
    """Return the kinds of layers without a measured rate."""
    return tuple(sorted({kind_of(layer) for layer in generated.layers} - set(rates)))
