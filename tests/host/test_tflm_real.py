"""Engine tflm with the real TensorFlow Lite Micro, on this machine: by hand, never in CI.

Nothing of TFLM is part of this project and no registry at hand has it as a library, so these tests
are collected where the environment variable TINYPROOF_TFLM names one; docs/tflm.md says what it
holds, and with which one, when and with what outcome they were last run.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from native_cli import INT8, ROOT, SAMPLES, assert_complains, call, lay_out, report_of
from tinyproof.project import Project

pytestmark = pytest.mark.timeout(1800)

MODELS = sorted((ROOT / "fixtures/models").glob("*.tflite"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return lay_out(tmp_path_factory.mktemp("real"))


@pytest.mark.parametrize("stem", ["int8", "float32", "int8_float_io"])
def test_the_digits_are_proved(
    stem: str, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    model = INT8.with_name(f"{stem}.tflite")
    samples = ("--samples", SAMPLES, "--repeat", "2", "--trace", "--out", tmp_path)
    ended = call("run", "--engine", "tflm", "--model", model, *samples)
    assert ended.code == 0, ended
    report = report_of(tmp_path)
    assert report["verdicts"]["exact"] == 359
    assert report["memory"]["arena"] <= report["memory"]["arena_reserved"]


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_third_party_model_is_proved(
    path: Path, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    ended = call(
        "run", "--engine", "tflm", "--model", path, "--random", "50", "--trace", "--out", tmp_path
    )
    assert ended.code == 0, ended
    assert report_of(tmp_path)["verdicts"]["exact"] == 50


@pytest.mark.parametrize("size", [100, 600, 1024, 1500])
def test_an_arena_that_is_too_small_is_told_and_not_crashed_into(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = lay_out(tmp_path)
    target = project.firmware / "targets/native/target.ini"
    flags = f"build_flags =\n    -DTP_TFLM_ARENA_BYTES={size}"
    target.write_text(target.read_text().replace("build_flags =", flags))
    monkeypatch.chdir(project.root)
    ended = call("run", "--engine", "tflm", "--model", INT8, "--random", "5")
    assert_complains(ended, 4, "needs at least", f"it has {size:,}")
