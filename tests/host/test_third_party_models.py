"""Models that others trained, proved whole on this machine: built, run, compared with LiteRT."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tinyproof.cli import main

MODELS = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "models").glob("*.tflite"))
INPUTS = 200


@pytest.mark.timeout(600)
@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_a_third_party_model_proves_on_native(model: Path, tmp_path: Path) -> None:
    """All minimum, all maximum, all zero point, and random inputs."""
    code = main(["run", "--model", str(model), "--random", str(INPUTS), "--out", str(tmp_path)])
    report = json.loads((tmp_path / "report.json").read_text())
    assert code == 0, report["failure"]
    assert report["verdicts"]["exact"] == INPUTS
    assert report["passed"]


def test_there_are_third_party_models_to_prove() -> None:
    assert len(MODELS) == 6
