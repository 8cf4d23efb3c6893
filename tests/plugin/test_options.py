"""Each option, fixture and promise of the pytest plugin, in test suites of their own."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from native_cli import FLOAT32, INT8, ROOT, SAMPLES
from tinyproof.firmware import generate_model, make_firmware
from tinyproof.progress import Progress
from tinyproof.project import find_project
from tinyproof.simulators.process import ProcessLink
from tinyproof.targets import find_target

pytest_plugins = ["pytester"]


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A user's test suite that proves the model."""
    pytester.makepyfile(
        """
        def test_proof(tp_device, tp_samples):
            assert tp_device.verify(tp_samples).passed
        """
    )
    return pytester


def properties(path: Path) -> dict[str, str]:
    """Return all properties, of suite and tests, in a JUnit file."""
    found = ElementTree.parse(path).iter("property")
    return {entry.attrib["name"]: entry.attrib["value"] for entry in found}


def program_of(model: Path) -> Path:
    """Build ``model`` for native and return the program."""
    project, content, quiet = find_project(), model.read_bytes(), Progress()
    target = find_target(project, "native")
    firmware = make_firmware(project, target, content, generate_model(content, quiet), quiet)
    return firmware.build.program


def text_of(result: pytest.RunResult) -> str:
    return result.stdout.str()


def assert_reads_as_one_sentence(result: pytest.RunResult, *words: str) -> None:
    """Hold a failing fixture against the rules: sentence and next step, nothing of our insides."""
    text = text_of(result)
    for word in (*words, "next: "):
        assert word in text, text
    assert "Traceback" not in text
    assert not re.search(r"\.py:\d+: ", text), text
    assert "_failures" not in text


# -- without options


def test_without_options_the_digits_are_proved_on_native(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--junitxml=r.xml")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["tinyproof: target native, model *"])
    found = properties(suite.path / "r.xml")
    assert found["tinyproof.target"] == "native"
    assert found["tinyproof.provenance"] == "host"
    assert found["tinyproof.engine"] == "aot"
    assert found["tinyproof.port"].startswith("/dev/pts/")
    assert len(found["tinyproof.model.sha256"]) == 64
    assert len(found["tinyproof.build"]) == 32
    assert found["tinyproof.verdicts.exact"] == "359"
    assert found["tinyproof.verdicts.wrong"] == "0"


def test_warnings_as_errors_do_not_break_a_suite_that_writes_junit(
    suite: pytest.Pytester,
) -> None:
    suite.makepyfile(test_other="def test_other(): pass")
    result = suite.runpytest("-W", "error", "--junitxml=r.xml")
    result.assert_outcomes(passed=2)
    assert properties(suite.path / "r.xml")["tinyproof.verdicts.exact"] == "359"


def test_a_suite_without_boards_hears_nothing_of_the_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    result = pytester.runpytest()
    result.assert_outcomes(passed=1)
    assert "tinyproof:" not in text_of(result)


def test_the_fixtures_give_board_model_and_samples(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        from pathlib import Path

        def test_fixtures(tp_project, tp_device, tp_model, tp_samples, tp_max_latency_us):
            assert tp_project.root == Path({str(ROOT)!r})
            assert tp_model.model == Path({str(INT8)!r}).read_bytes()
            assert len(tp_samples) == len(tp_samples.labels) == 359
            answers = list(tp_device.stream(tp_samples[:5]))
            assert [answer.index for answer in answers] == [0, 1, 2, 3, 4]
            assert all(len(answer.output) == 10 for answer in answers)
            assert tp_max_latency_us is None
        """
    )
    pytester.runpytest().assert_outcomes(passed=1)


def test_all_tests_of_a_session_share_one_board(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        ports = []
        def test_one(tp_device): ports.append(tp_device.port)
        def test_two(tp_device): assert ports == [tp_device.port]
        """
    )
    pytester.runpytest().assert_outcomes(passed=2)


# -- one test per option


def test_target_chooses_what_is_built(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--tp-target=native_asan", "--junitxml=r.xml")
    result.assert_outcomes(passed=1)
    assert properties(suite.path / "r.xml")["tinyproof.target"] == "native_asan"


def test_target_must_exist(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--tp-target=toaster")
    result.assert_outcomes(errors=1)
    assert_reads_as_one_sentence(result, "usage: ", "toaster")


def test_port_chooses_the_board(suite: pytest.Pytester) -> None:
    with ProcessLink([program_of(INT8)]) as program:
        program._link.close()
        result = suite.runpytest(f"--tp-port={program.port}", "--junitxml=r.xml")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"tinyproof: target native, port {program.port}, model *"])
    assert properties(suite.path / "r.xml")["tinyproof.port"] == program.port


def test_port_must_exist(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--tp-port=/dev/ttyNOTHERE0")
    result.assert_outcomes(errors=1)
    assert_reads_as_one_sentence(result, "port: The port /dev/ttyNOTHERE0 does not exist.")


def test_model_chooses_the_model(suite: pytest.Pytester) -> None:
    result = suite.runpytest(f"--tp-model={FLOAT32}", f"--tp-samples={SAMPLES}", "--junitxml=r.xml")
    result.assert_outcomes(passed=1)
    found = properties(suite.path / "r.xml")["tinyproof.model.sha256"]
    assert found == generate_model(FLOAT32.read_bytes(), Progress()).sha256


def test_model_must_exist(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--tp-model=nowhere.tflite")
    result.assert_outcomes(errors=1)
    assert_reads_as_one_sentence(result, "nowhere.tflite cannot be read")


def test_a_model_without_samples_says_which_option_names_them(suite: pytest.Pytester) -> None:
    result = suite.runpytest(f"--tp-model={FLOAT32}")
    result.assert_outcomes(errors=1)
    assert_reads_as_one_sentence(result, "no samples", "--tp-samples")


def test_samples_chooses_the_samples(suite: pytest.Pytester) -> None:
    with np.load(SAMPLES) as digits:
        np.savez(suite.path / "few.npz", x=digits["x"][:7], y=digits["y"][:7])
    result = suite.runpytest("--tp-samples=few.npz", "--junitxml=r.xml")
    result.assert_outcomes(passed=1)
    assert properties(suite.path / "r.xml")["tinyproof.verdicts.exact"] == "7"


def test_samples_must_suit_the_model(suite: pytest.Pytester) -> None:
    np.savez(suite.path / "flat.npz", x=np.zeros((3, 64), np.float32))
    result = suite.runpytest("--tp-samples=flat.npz")
    result.assert_outcomes(errors=1)
    assert_reads_as_one_sentence(result, "shape (3, 64)")


def test_engine_chooses_the_engine(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--tp-engine=aot", "--junitxml=r.xml")
    result.assert_outcomes(passed=1)
    assert properties(suite.path / "r.xml")["tinyproof.engine"] == "aot"


def test_engine_must_be_one_of_the_targets(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--tp-engine=magic")
    result.assert_outcomes(errors=1)
    assert_reads_as_one_sentence(result, "magic")


@pytest.mark.parametrize("more", [[], ["--tp-no-flash"]], ids=["may flash", "--tp-no-flash"])
def test_no_flash_refuses_another_model_and_so_does_what_cannot_be_flashed(
    more: list[str], suite: pytest.Pytester
) -> None:
    with ProcessLink([program_of(FLOAT32)]) as program:
        program._link.close()
        result = suite.runpytest(f"--tp-port={program.port}", *more)
    result.assert_outcomes(errors=1)
    assert_reads_as_one_sentence(result, "identity: The board's model is")


@pytest.mark.parametrize("flag", [True, False])
def test_no_flash_reaches_the_harness(
    flag: bool, suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tinyproof import harness

    attach, seen = harness.attach, []

    def attach_and_tell(*given: object, **named: object) -> object:
        seen.append(named["flash"])
        return attach(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(harness, "attach", attach_and_tell)
    suite.runpytest_inprocess(*(["--tp-no-flash"] if flag else [])).assert_outcomes(passed=1)
    assert seen == [not flag]


TOLERANT = """
def test_tolerance(tp_device, tp_samples):
    judgement = tp_device.verify(tp_samples)
    assert judgement.tolerance_lsb == {}
"""


@pytest.mark.parametrize(("option", "wanted"), [([], None), (["--tp-tolerance-lsb=2"], 2)])
def test_tolerance_reaches_the_verdicts(
    option: list[str], wanted: int | None, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(TOLERANT.format(wanted))
    pytester.runpytest(*option).assert_outcomes(passed=1)


@pytest.mark.parametrize("value", ["-1", "1.5", "many"])
def test_tolerance_must_be_a_whole_number(value: str, suite: pytest.Pytester) -> None:
    result = suite.runpytest(f"--tp-tolerance-lsb={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--tp-tolerance-lsb: '{value}' is not a whole number*"])


def test_max_latency_reaches_the_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_limit(tp_max_latency_us): assert tp_max_latency_us == 12.5")
    pytester.runpytest("--tp-max-latency-us=12.5").assert_outcomes(passed=1)


@pytest.mark.parametrize("value", ["0", "-3", "nan", "inf", "soon"])
def test_max_latency_must_be_above_zero(value: str, suite: pytest.Pytester) -> None:
    result = suite.runpytest(f"--tp-max-latency-us={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--tp-max-latency-us: '{value}' is not a number above 0*"])


# -- promises


def test_wrong_answers_fail_the_test_and_are_counted(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The honest firmware of a model in which one weight differs, under the name of the right one.
    # Its checksum would give it away, so that is taken for the right one, too.
    header = generate_model(INT8.read_bytes(), Progress()).header
    first = re.findall(r"/\* fully_connected_\d+_weights \*/([^}]+)", header)[-1]
    weights = bytes(int(number) & 0xFF for number in re.findall(r"-?\d+", first))
    content = program_of(INT8).read_bytes()
    assert content.count(weights) == 1
    wrong = suite.path / "wrong"
    wrong.write_bytes(content.replace(weights, bytes([weights[0] ^ 0x40]) + weights[1:]))
    wrong.chmod(0o755)
    with ProcessLink([wrong]) as program:
        program._link.close()
        port = f"--tp-port={program.port}"
        refused = suite.runpytest(port)
        monkeypatch.setattr("tinyproof.identity._compare", lambda *_: None)
        result = suite.runpytest_inprocess(port, "--junitxml=r.xml")
    refused.assert_outcomes(errors=1)
    assert_reads_as_one_sentence(refused, "identity: The board's weights checksum is")
    result.assert_outcomes(failed=1)
    assert int(properties(suite.path / "r.xml")["tinyproof.verdicts.wrong"]) > 0


def test_an_error_of_the_fixtures_is_in_junit_by_class_and_sentence(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile("def test_one(tp_device): pass\ndef test_two(tp_device): pass")
    result = pytester.runpytest("--tp-port=/dev/ttyNOTHERE0", "--junitxml=r.xml")
    result.assert_outcomes(errors=2)
    cases = list(ElementTree.parse(pytester.path / "r.xml").iter("testcase"))
    assert len(cases) == 2, "the second test never reaches the fixture, and says the same"
    sentence = "The port /dev/ttyNOTHERE0 does not exist."
    for case in cases:
        found = {entry.get("name"): entry.get("value") for entry in case.iter("property")}
        assert found["tinyproof.failure.class"] == "port"
        assert found["tinyproof.failure.sentence"] == sentence
        (error,) = case.iter("error")
        assert f"port: {sentence}" in error.get("message", "")


def test_an_error_in_a_test_is_in_junit_and_one_that_is_expected_is_not(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import pytest
        from tinyproof.errors import BootError

        def test_body(): raise BootError("It printed \\x1b[31mred.")
        def test_expected():
            with pytest.raises(BootError): raise BootError("As it should.")
        def test_other(): assert False
        """
    )
    result = pytester.runpytest("--junitxml=r.xml")
    result.assert_outcomes(passed=1, failed=2)
    assert properties(pytester.path / "r.xml") == {
        "tinyproof.failure.class": "boot",
        "tinyproof.failure.sentence": r"It printed \x1b[31mred.",
    }


def test_a_test_that_hangs_on_a_board_is_ended(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinyproof.pytest_plugin.TALKING_SECONDS", 1.0)
    pytester.makepyfile(
        """
        import pytest, time

        @pytest.mark.timeout(60)
        def test_before(tp_device): pass

        def test_hang(tp_device): time.sleep(600)

        @pytest.mark.timeout(60)
        def test_after(tp_device): assert tp_device.device.hello()
        """
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*Timeout (>1.0s)*"])


def test_a_time_out_of_ones_own_is_kept(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        @pytest.mark.timeout(17)
        def test_mine(tp_device, request):
            assert request.node.get_closest_marker("timeout").args == (17,)
        def test_default(tp_device, request):
            assert request.node.get_closest_marker("timeout").args == (300.0,)
        """
    )
    pytester.runpytest().assert_outcomes(passed=2)


def test_without_pytest_timeout_no_test_talks_to_a_board(suite: pytest.Pytester) -> None:
    result = suite.runpytest("-p", "no:timeout")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*need pytest-timeout: pip install 'tinyproof?pytest?'"])


def test_the_options_are_in_the_help(pytester: pytest.Pytester) -> None:
    text = text_of(pytester.runpytest("--help"))
    options = ("target", "port", "model", "samples", "engine", "no-flash")
    for option in (*options, "tolerance-lsb", "max-latency-us"):
        assert f"--tp-{option}" in text


def test_a_program_that_dies_in_a_test_fails_it_with_a_sentence(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os, pytest, signal
        from tinyproof.errors import PortError
        def test_death(tp_device, tp_samples):
            os.kill(tp_device.device.link.pid, signal.SIGKILL)
            with pytest.raises(PortError, match="SIGKILL"):
                tp_device.verify(tp_samples)
        """
    )
    pytester.runpytest().assert_outcomes(passed=1)
