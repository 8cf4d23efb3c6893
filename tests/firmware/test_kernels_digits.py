"""The digits models, whole, against LiteRT on all 359 test digits."""

from __future__ import annotations

import numpy as np
import pytest
from nn_harness import ROOT, Case, Harness, reference

from tinyproof.codegen import generate
from tinyproof.errors import UnsupportedModelError

DIGITS = ROOT / "fixtures/digits"


@pytest.mark.parametrize("name", ["int8", "int8_float_io", "float32"])
def test_all_digits_are_exact(nn: Harness, name: str) -> None:
    model = (DIGITS / f"{name}.tflite").read_bytes()
    samples = np.load(DIGITS / "test.npz")["x"].reshape(-1, 1, 8, 8, 1).astype(np.float32)
    detail = reference(model).get_input_details()[0]
    if detail["dtype"] is np.int8:
        scale, zero = detail["quantization"]
        samples = np.clip(np.floor(samples / np.float32(scale) + 0.5) + zero, -128, 127)
    inputs = [(sample.astype(detail["dtype"]),) for sample in samples]
    assert len(inputs) == 359
    nn.prove_cases([Case(name, model, inputs)])


def test_weights_only_quantization_is_refused_with_the_operator_named() -> None:
    with pytest.raises(UnsupportedModelError, match=r"operator 0 \(CONV_2D\): it is hybrid"):
        generate((DIGITS / "dynamic_range.tflite").read_bytes())
