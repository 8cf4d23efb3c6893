"""What the doctor finds, and what it says when something is missing."""

from __future__ import annotations

import json

import pytest

from native_cli import call
from tinyproof import doctor
from tinyproof.doctor import Check


def test_a_machine_that_runs_these_tests_is_healthy() -> None:
    ended = call("doctor")
    assert ended.code == 0
    for name in ("Python 3.11+", "g++", "platformio", "scons", "ai-edge-litert"):
        assert name in ended.out


def test_programs_get_the_same_as_people() -> None:
    answer = json.loads(call("doctor", "--json").out)
    assert [check["name"] for check in answer["checks"]] == [c.name for c in doctor.examine()]
    assert set(answer["system"]) == {"tinyproof", "python", "system", "machine"}


def test_a_missing_compiler_fails_and_names_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    ended = call("doctor")
    assert ended.code == 4
    (line,) = [line for line in ended.out.splitlines() if line.startswith("MISSING")]
    assert "g++" in line
    assert "sudo apt-get install g++" in line


def test_what_the_main_job_does_without_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = Check("avr-gcc", "uno", "", required=False, fix="sudo apt-get install gcc-avr")
    monkeypatch.setattr(doctor, "CHECKS", (lambda: lacking,))
    ended = call("doctor")
    assert ended.code == 0
    assert "sudo apt-get install gcc-avr" in ended.out


@pytest.mark.parametrize("check", list(doctor.examine()), ids=lambda check: check.name)
def test_whatever_is_missing_has_a_next_step(check: Check) -> None:
    assert check.ok == (not check.fix)
