"""What one inference executes, counted exactly, stays below what was promised.

``python tests/bench/kernels.py`` prints the figures; ``docs/speed.md`` keeps them.
"""

from __future__ import annotations

from functools import cache

import pytest
from nn_harness import ROOT

from bench.counting import MACHINES, Count, count
from bench.counting.tflm import TFLM
from tools import require_tool

DIGITS_S8 = ROOT / "fixtures/digits/int8.tflite"
DIGITS_F32 = ROOT / "fixtures/digits/float32.tflite"
MODELS = ROOT / "fixtures/models"

MOST = {
    "x86-64": 40_000,
    "cortex-m4": 45_000,
    "cortex-m3": 45_000,
    "rv32imc": 60_000,
    "atmega328p": 100_000,
}
"""Most instructions (AVR: cycles) of one inference of the int8 digits."""

MOST_FLASH_M4 = 3 << 10
MOST_STACK = 400


@cache
def counted(machine: str, path: str) -> Count:
    """Count one inference of the model at ``path``, once for all tests."""
    for tool in MACHINES[machine].tools:
        require_tool(tool)
    return count(MACHINES[machine], (ROOT / path).read_bytes())


def digits(machine: str) -> Count:
    return counted(machine, str(DIGITS_S8.relative_to(ROOT)))


@pytest.mark.parametrize("machine", MOST)
def test_the_digits_execute_no_more_than_promised(machine: str) -> None:
    assert digits(machine).executed <= MOST[machine]


@pytest.mark.parametrize("machine", MACHINES)
def test_the_digits_are_right_on_every_processor(machine: str) -> None:
    assert digits(machine).exact


@pytest.mark.parametrize("machine", ["cortex-m4", "rv32imc", "atmega328p"])
def test_float32_digits_are_right_on_every_processor(machine: str) -> None:
    assert counted(machine, str(DIGITS_F32.relative_to(ROOT))).exact


def test_counting_again_gives_the_same() -> None:
    again = count(MACHINES["cortex-m4"], DIGITS_S8.read_bytes())
    assert again == digits("cortex-m4")


def test_the_digits_model_and_kernels_fit_3_kib_on_a_cortex_m4() -> None:
    assert digits("cortex-m4-os").flash <= MOST_FLASH_M4


@pytest.mark.parametrize("machine", [name for name in MACHINES if name != "x86-64"])
def test_the_stack_stays_small(machine: str) -> None:
    assert 0 < digits(machine).stack <= MOST_STACK


@pytest.mark.parametrize("machine", ["x86-64", "cortex-m4"])
@pytest.mark.parametrize("model", ["keyword_spotting", "image_classification"])
def test_larger_models_execute_at_most_half_of_tflm(machine: str, model: str) -> None:
    found = counted(machine, str((MODELS / f"{model}.tflite").relative_to(ROOT)))
    assert found.exact
    assert found.executed <= TFLM[model][machine] / 2
