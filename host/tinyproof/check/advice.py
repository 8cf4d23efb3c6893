"""What to change in a model that does not run or does not fit."""

from __future__ import annotations

from collections.abc import Mapping

REPLACEMENTS: Mapping[str, str] = {
    "ELU": "use ReLU or LeakyReLU",
    "GELU": "use ReLU or hard swish",
    "EXP": "use a softmax, or do it after the inference",
    "DIV": "multiply by the reciprocal",
    "GATHER": "use a strided slice or split",
    "SLICE": "use a strided slice",
    "CAST": "keep one element type throughout",
    "RESIZE_BILINEAR": "resize by nearest neighbour, or before the inference",
    "TRANSPOSE_CONV": "resize by nearest neighbour, then convolve",
    "BATCH_MATMUL": "use a dense layer with constant weights",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "use convolutions over time, or unroll the recurrence",
    "WHILE": "unroll the recurrence (unroll=True in Keras)",
    "LOG_SOFTMAX": "leave it out: the largest value is the same",
    "REDUCE_MAX": "use a maximum pooling",
    "SUM": "use a mean, and multiply",
    "L2_NORMALIZATION": "normalize before the inference or after it",
    "MIRROR_PAD": "pad with zeros",
    "SPLIT_V": "split into equal parts",
    "UNPACK": "use a split",
}
"""What can stand in for operators that engine aot does not have."""


def advice(operator: str, refusal: str, *, takes_tflm: bool) -> str:
    """Return the next step for a refused operator.

    Args:
        operator: its name.
        refusal: why engine aot refuses it.
        takes_tflm: whether TensorFlow Lite Micro has it.
    """
    if "hybrid" in refusal:
        return "convert to int8 (with --samples), float16 or float32: tinyproof convert"
    if "int16" in refusal:
        return "use engine tflm, or convert to int8"
    steps = [REPLACEMENTS[operator]] if operator in REPLACEMENTS else []
    if takes_tflm:
        steps.append("or use engine tflm where the target has it" if steps else "use engine tflm")
    return ", ".join(steps) or "rebuild that layer of operators in docs/operators.md"
