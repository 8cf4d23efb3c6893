"""Models that others trained, proved whole on this machine: built, run, compared with LiteRT."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tinyproof.check.operators import judge_operators
from tinyproof.cli import main
from tinyproof.codegen import generate

MODELS = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "models").glob("*.tflite"))
INPUTS = 200


@pytest.mark.timeout(600)
@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_a_third_party_model_proves_on_native(model: Path, tmp_path: Path) -> None:
    """All minimum, all maximum, all zero point, random inputs; in the arena that check tells."""
    verdicts, refusal = judge_operators(model.read_bytes())
    assert not refusal
    assert not any(verdict.aot for verdict in verdicts)
    code = main(["run", "--model", str(model), "--random", str(INPUTS), "--out", str(tmp_path)])
    report = json.loads((tmp_path / "report.json").read_text())
    assert code == 0, report["failure"]
    assert report["verdicts"]["exact"] == INPUTS
    assert report["passed"]
    assert report["memory"]["arena"] == generate(model.read_bytes()).arena_bytes


def test_there_are_third_party_models_to_prove() -> None:
    assert len(MODELS) == 6
