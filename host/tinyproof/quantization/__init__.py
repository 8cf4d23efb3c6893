"""What quantization costs: the float32 and the int8 form of one model, layer by layer."""

from __future__ import annotations

from tinyproof.quantization.advice import advise
from tinyproof.quantization.analysis import Analysis, analyse
from tinyproof.quantization.losses import LayerLoss
from tinyproof.quantization.pairing import Pair, pair_layers

__all__ = ["Analysis", "LayerLoss", "Pair", "advise", "analyse", "pair_layers"]
