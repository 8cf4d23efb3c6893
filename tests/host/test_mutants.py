"""Tests of the harness itself: firmware broken on purpose must never pass, and fail by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mutants import MUTANTS, Mutant, Workshop, padded_model

from native_cli import INT8, SAMPLES, call, report_of
from tinyproof.device import Device
from tinyproof.firmware import Firmware, generate_model, make_firmware
from tinyproof.link import Link
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.simulators.start import start_program
from tinyproof.targets import Target, find_target

Prove = Callable[[Mutant], tuple[int, dict[str, Any]]]


def firmware_of(project: Project, content: bytes) -> Firmware:
    target, quiet = find_target(project, "native"), Progress()
    return make_firmware(project, target, content, generate_model(content, quiet), quiet)


@pytest.fixture(scope="session")
def workshops(
    shared_project: Project, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, Workshop]]:
    """Returns model file and workshop of a model, made once."""
    made: dict[str, tuple[Path, Workshop]] = {}

    def workshop(name: str) -> tuple[Path, Workshop]:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            model = folder / "model.tflite"
            model.write_bytes(INT8.read_bytes() if name == "digits" else padded_model())
            firmware = firmware_of(shared_project, model.read_bytes())
            made[name] = model, Workshop(firmware, folder)
        return made[name]

    return workshop


@pytest.fixture
def prove(
    project: Project,
    workshops: Callable[[str], tuple[Path, Workshop]],
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Prove:
    """Returns exit code and report of a command on a mutant, by the path of all boards."""
    defaults = Device.__init__.__kwdefaults__
    assert defaults
    monkeypatch.setitem(defaults, "answer_seconds", 2.0)

    def prove(mutant: Mutant) -> tuple[int, dict[str, Any]]:
        model, workshop = workshops(mutant.model)
        program = workshop.make(mutant)

        def start(target: Target, _: Path) -> Link:
            return start_program(target, program)

        monkeypatch.setattr("tinyproof.access.start_program", start)
        samples = ("--samples", SAMPLES) if mutant.model == "digits" else ("--random", "50")
        ended = call(mutant.command, "--model", model, *samples, "--out", out, *mutant.options)
        return ended.code, report_of(out)

    return prove


@pytest.mark.parametrize("model", ["digits", "padded"])
def test_firmware_that_is_whole_passes(model: str, prove: Prove) -> None:
    code, report = prove(Mutant(f"none of {model}", "", 0, "", model=model))
    assert code == 0
    assert report["passed"]
    assert report["verdicts"]["exact"] == report["samples"] > 0


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_broken_firmware_is_caught_by_its_name(mutant: Mutant, prove: Prove) -> None:
    code, report = prove(mutant)
    assert not report["passed"]
    assert report["failure"]["class"] == mutant.failure, report["failure"]
    assert mutant.words in report["failure"]["sentence"]
    assert code == report["exit_code"] == mutant.exit_code
    if mutant.layer:
        assert report["first_difference"]["name"] == mutant.layer


def test_a_fault_behind_the_last_layer_is_no_layers(prove: Prove) -> None:
    mutant = Mutant("swapped again", "numeric", 1, "wrong", "SWAPPED_BYTES")
    _, report = prove(mutant)
    assert report["first_difference"] is None
    (event,) = [event for event in report["events"] if event["kind"] == "trace"]
    assert "all 2 layers agree" in event["text"]
