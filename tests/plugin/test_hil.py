"""The tests that every board must pass, passed by the boards that every machine has."""

from __future__ import annotations

import numpy as np
import pytest

from native_cli import DIGITS, ROOT, SAMPLES

pytest_plugins = ["pytester"]

HIL = ROOT / "tests" / "hil"


def prove(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(
        HIL, "-p", "no:cacheprovider", f"--rootdir={ROOT}", *options
    )


@pytest.mark.parametrize(
    ("target", "form"),
    [
        # int8 on native is what tests/hil does by itself.
        ("native", "float32"),
        ("native", "int8_float_io"),
        ("native_asan", "int8"),
        ("native_asan", "float32"),
    ],
)
def test_the_digits_pass_on(target: str, form: str, pytester: pytest.Pytester) -> None:
    model = DIGITS / f"{form}.tflite"
    options = (f"--tp-target={target}", f"--tp-model={model}", f"--tp-samples={SAMPLES}")
    result = prove(pytester, *options)
    counts = result.parseoutcomes()
    assert set(counts) == {"passed"}, result.stdout.str()
    assert counts["passed"] > 10


def test_a_model_without_labels_passes(pytester: pytest.Pytester) -> None:
    with np.load(SAMPLES) as digits:
        np.savez(pytester.path / "x.npz", x=digits["x"][:50])
    result = prove(pytester, f"--tp-samples={pytester.path / 'x.npz'}")
    assert set(result.parseoutcomes()) == {"passed"}, result.stdout.str()


def test_a_single_sample_is_enough(pytester: pytest.Pytester) -> None:
    with np.load(SAMPLES) as digits:
        np.savez(pytester.path / "x.npz", x=digits["x"][:1], y=digits["y"][:1])
    result = prove(pytester, f"--tp-samples={pytester.path / 'x.npz'}")
    assert set(result.parseoutcomes()) == {"passed"}, result.stdout.str()


def test_a_latency_budget_that_is_missed_fails_one_test(pytester: pytest.Pytester) -> None:
    result = prove(pytester, "--tp-max-latency-us=0.001")
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["E *The p99 latency is * us, the budget is at most 0.001 us*"])
    result.stdout.fnmatch_lines(["FAILED *test_every_budget_is_kept*"])
