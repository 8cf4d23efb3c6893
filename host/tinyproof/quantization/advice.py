"""What to try against a loss of accuracy. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinyproof.graph import Graph, Tensor
from tinyproof.quantization.analysis import Analysis
from tinyproof.quantization.losses import LayerLoss

MANY_SATURATED = 1e-3
"""Share of a layer's values that do not fit, from which on calibration is to blame."""
WRONG_GAIN = 0.1
"""How far from 1 a gain lies that no rounding explains."""
MANY_FLIPS = 0.01
"""Share of samples that change their class, from which on more than calibration is needed."""
UNEVEN = 8.0
"""Ratio of two channels' largest weights, from which on one scale for both wastes 3 bits."""
NOTABLE_DB = 3.0
"""Half a bit: a layer that loses less does not stand out."""
_FIXED_SCALES = frozenset({"LOGISTIC", "SOFTMAX", "TANH"})
"""Operators whose int8 scale is given, so that a certain 1.0 never fits and nothing helps."""
_SUMS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})


def advise(analysis: Analysis, quantized: Graph) -> tuple[str, ...]:
    """Return suggestions, one sentence each, the most likely cause first."""
    found = [
        *_wrong_scales(analysis),
        *_saturation(analysis),
        *_uneven_weights(analysis, quantized),
        *_coarse_ends(analysis),
        *_flips(analysis),
    ]
    return tuple(found) or ("No layer stands out; nothing to suggest.",)


def _wrong_scales(analysis: Analysis) -> Iterator[str]:
    """Name the first layer that is off by a factor; later ones inherit it."""
    for layer in analysis.layers:
        if abs(layer.gain - 1) > WRONG_GAIN and layer.lost_db >= NOTABLE_DB:
            yield (
                f"{_named(layer)} is {layer.gain:.2f} times what it should be: a scale or a weight "
                "is wrong, not its rounding. Convert the model again from its source."
            )
            return


def _saturation(analysis: Analysis) -> Iterator[str]:
    full = [
        layer
        for layer in analysis.layers
        if layer.saturated_share >= MANY_SATURATED and layer.operator not in _FIXED_SCALES
    ]
    if full:
        worst = max(full, key=lambda layer: layer.saturated_share)
        yield (
            f"{worst.saturated_share:.1%} of the values of {_named(worst)} do not fit: give the "
            "converter more representative samples, with the extremes that the board will see."
        )


def _uneven_weights(analysis: Analysis, quantized: Graph) -> Iterator[str]:
    for layer in analysis.worst(NOTABLE_DB):
        if layer.operator not in _SUMS:
            continue
        weights = quantized.tensors[quantized.operators[layer.index].inputs[1]]
        ratio = _unevenness(weights, layer.operator)
        if ratio >= UNEVEN:
            yield (
                f"{_named(layer)} has one scale for weights whose channels differ {ratio:.0f}-fold:"
                " quantize its weights per channel (the converter's default)."
            )


def _unevenness(weights: Tensor, operator: str) -> float:
    """Return how much larger one channel's weights are than another's; 1 if scaled by channel."""
    known = weights.quantization
    if weights.data is None or known is None or known.per_channel:
        return 1.0
    axis = weights.data.ndim - 1 if operator == "DEPTHWISE_CONV_2D" else 0
    others = tuple(n for n in range(weights.data.ndim) if n != axis)
    largest = np.abs(weights.data.astype(np.int64)).max(axis=others)
    largest = largest[largest > 0]
    return float(largest.max() / largest.min()) if largest.size else 1.0


def _coarse_ends(analysis: Analysis) -> Iterator[str]:
    first, last = analysis.layers[0], analysis.layers[-1]
    if first.operator == "input" and first.lost_db >= NOTABLE_DB:
        yield (
            "The input alone loses more than half a bit against an ideal scale: keep float I/O "
            "(tinyproof convert --form int8_float_io), or prepare the samples as in calibration."
        )
    if analysis.flips and last in analysis.worst(NOTABLE_DB):
        yield (
            f"{_named(last)}, the last layer, loses most: keep float I/O (tinyproof convert --form "
            "int8_float_io), or leave its activation out of the model and compare logits."
        )


def _flips(analysis: Analysis) -> Iterator[str]:
    if analysis.samples and analysis.flips / analysis.samples >= MANY_FLIPS:
        yield (
            f"{analysis.flips} of {analysis.samples} samples change their class: try 16-bit "
            "activations (tinyproof convert --form int16x8, engine tflm), or train with "
            "quantization in the loop."
        )


def _named(layer: LayerLoss) -> str:
    return "The input" if layer.index < 0 else f"Operator {layer.index}, {layer.operator},"
