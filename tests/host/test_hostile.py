"""Damaged model files: those that once did harm, and fresh ones derived from real models.

The whole campaign is ``python tests/host/mutate_models.py --count 20000 MODEL.tflite...``; what it
finds is kept in ``fixtures/fuzz/models``, named after what was wrong.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from mutate_models import LIMIT_KIB, campaign, peak_kib

from tinyproof.codegen import generate
from tinyproof.errors import ModelError

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
FOUND = sorted((FIXTURES / "fuzz/models").glob("*.tflite"))
MODELS = [
    FIXTURES / f"models/{name}.tflite"
    for name in ("autoencoder_example", "keyword_spotting", "tflite_micro_speech")
]


def test_something_was_found() -> None:
    assert FOUND


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_a_file_that_once_did_harm_is_refused(path: Path) -> None:
    with pytest.raises(ModelError) as refusal:
        generate(path.read_bytes())
    assert refusal.value.exit_code == 2


def test_damaged_third_party_models_are_refused_or_taken() -> None:
    outcomes, bad = campaign([path.read_bytes() for path in MODELS], count=300)
    assert bad == -1, f"mutant with seed {bad}: see mutate_models.py"
    assert outcomes["ModelError"] > 50
    assert outcomes["taken"] > 10, "mutants so wild that none is read prove little"
    assert peak_kib() < LIMIT_KIB
