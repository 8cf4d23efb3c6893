"""The report: outcome and exit code, JSON held against its schema, and the terminal text."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tinyproof.errors import (
    ClockError,
    DeviceSilentError,
    IdentityError,
    StorageError,
    TinyProofError,
    UsageError,
)
from tinyproof.reference import ReferenceDescription
from tinyproof.regression import Regression
from tinyproof.report import (
    BenchFigures,
    Budget,
    BudgetClass,
    BuildInfo,
    Event,
    FirstDifference,
    GitInfo,
    HistogramBin,
    HostLatency,
    ImageFigures,
    LayerFigures,
    Limit,
    Memory,
    ModelInfo,
    Provenance,
    Report,
    RunResult,
    Section,
    Symbol,
    Throughput,
    decide,
    from_dict,
    junit_properties,
    load_report,
    make_report,
    render,
    schema,
    to_dict,
    verdict_line,
    write_report,
)
from tinyproof.report.consistency import contradictions
from tinyproof.stats import Latency
from tinyproof.tensors import TensorDescription
from tinyproof.verdict import Judgement, Task, Verdict, judge

GOLDEN = Path(__file__).with_name("golden_report")
UPDATE = bool(os.environ.get("TINYPROOF_UPDATE_GOLDEN"))

SLOW = Budget("p99 latency", "us", 100, 120.5, BudgetClass.LATENCY)
SMALL = Budget("arena", "bytes", 1000, 512, BudgetClass.MEMORY)
SILENT = DeviceSilentError("The board stopped answering at sample 7.", hint="Check it.", sample=7)
OTHER = IdentityError("model", wanted="aa", got="bb")
LAYERS = (
    LayerFigures(
        0, "CONV_2D + MAX_POOL_2D", ("CONV_2D", "MAX_POOL_2D"), (1, 3, 3, 8), 2592,
        12_000.0, 11_990, 12_010, 0.75, 4.63,
    ),
    LayerFigures(1, "SOFTMAX", ("SOFTMAX",), (1, 3), 0, 4_000.0, 4_000, 4_000, 0.25),
)  # fmt: skip
HOST = HostLatency("reference", 1, 50, Latency(100, 8.0, 8.5, 9.0, 12.0, 20.0, 0.5))
BENCH = BenchFigures(50, 4, (1001.0, 1001.5), 1001, 5_100, 12.5, 156.0, 114.0, 0.5, (HOST,))
IMAGE = ImageFigures(
    (Section(".text", "text", 12_000), Section(".data", "data", 345), Section(".bss", "bss", 679)),
    (Symbol("tp_conv_2d", "flash", 2_100), Symbol("arena", "ram", 400)),
)
DIFFERENCE = FirstDifference(
    1, 0, "CONV_2D + MAX_POOL_2D", (1, 3, 3, 8), 72, 2, 12,
    histogram=(HistogramBin(-12, 1), HistogramBin(0, 70), HistogramBin(1, 1)),
)  # fmt: skip


def judgement(
    *answers: bytes | None, k: int | None = None, task: Task = Task.CLASSIFICATION, **more: Any
) -> Judgement:
    """Judge answers of three int8 scores against 10, 5, 0."""
    outputs = [TensorDescription("out", np.dtype(np.int8), (1, 3), 0.1, 0)]
    wanted = [bytes([10, 5, 0])] * len(answers)
    return judge(outputs, wanted, answers, task=task, tolerance_lsb=k, **more)


GOOD = bytes([10, 5, 0])
NEAR = bytes([10, 5, 1])
BAD = bytes([5, 10, 0])


def result(judged: Judgement | None = None, **fields: Any) -> RunResult:
    if judged is None and "error" not in fields:
        judged = judgement(GOOD, GOOD, GOOD)
    defaults: dict[str, Any] = {
        "started": datetime(2026, 11, 22, 10, 30, tzinfo=UTC),
        "duration_s": 1.25,
        "target": "native",
        "provenance": Provenance.HOST,
        "engine": "aot",
        "model": ModelInfo("digits.tflite", "ab" * 32, 3584),
        "reference": ReferenceDescription("LiteRT", "ai-edge-litert", "2.3.0", "BUILTIN_REF"),
        "samples": 3 if judged is None else len(judged),
        "judgement": judged,
    }
    return RunResult(**defaults | fields)


def full_result() -> RunResult:
    """A run with a bit of everything, and something wrong."""
    return result(
        judgement(GOOD, BAD, NEAR, None, GOOD, GOOD, k=1, unstable={4}),
        target="uno",
        provenance=Provenance.CYCLE_EXACT,
        port="/dev/pts/3",
        engine_version="1",
        samples_source="fixtures/digits/test.npz",
        samples_sha256="cd" * 32,
        labels=np.array([0, 1, 0, 2, 0, 0]),
        classes=3,
        ticks=np.array([16_000, 16_016, 20_000, 32_000]),
        tick_hz=16_000_000,
        build=BuildInfo("0123456789abcdef" * 2, "avr-gcc 5.4.0", ("-Os", "-flto")),
        git=GitInfo("ef" * 20, dirty=True),
        throughput=Throughput(123.4, 156.0, Limit.LINE),
        memory=Memory(12_345, 1_024, 368, 210, 400, 814, 32_256, 2_048),
        events=(Event("retransmission", 3, "first at sample 17"), Event("board-reset")),
        budgets=(SLOW, SMALL),
        layers=LAYERS,
        bench=BENCH,
        regression=Regression(0.5, 0.25, 0.4, 1.5),
        image=IMAGE,
        first_difference=DIFFERENCE,
        versions={"tinyproof": "0.1.0", "python": "3.11.7"},
    )


# Outcome and exit code


@pytest.mark.parametrize(
    ("run", "kind", "code"),
    [
        (result(), None, 0),
        (result(judgement(GOOD, NEAR, k=1)), None, 0),
        (result(judgement(GOOD, NEAR)), "numeric", 1),
        (result(judgement(GOOD, BAD, k=1)), "numeric", 1),
        (result(judgement(GOOD, BAD, k=5)), None, 0),
        (result(judgement(GOOD, unstable={0})), "numeric", 1),
        (result(judgement(GOOD, None)), "port", 4),
        (result(judgement(GOOD), samples=2), "port", 4),
        (result(judgement(GOOD, None), error=SILENT), "port", 4),
        (result(judgement(BAD, None), error=SILENT), "numeric", 1),
        (result(judgement(BAD, None), error=OTHER), "identity", 3),
        (result(error=OTHER), "identity", 3),
        (result(error=UsageError("No.")), "usage", 2),
        (result(error=StorageError("Full.")), "storage", 4),
        (result(error=TinyProofError("Oh.")), "internal", 70),
        (result(judgement(), error=None), "internal", 70),
        (result(budgets=(SMALL,)), None, 0),
        (result(budgets=(SMALL, SLOW)), "latency", 1),
        (result(judgement(GOOD, None), budgets=(SLOW,)), "port", 4),
        (result(judgement(BAD), budgets=(SLOW,)), "numeric", 1),
        (result(budgets=(SLOW,), error=ClockError("Off.")), "clock", 3),
        (result(judgement(BAD), error=ClockError("Off.")), "numeric", 1),
    ],
)
def test_the_worst_failure_decides(run: RunResult, kind: str | None, code: int) -> None:
    failure, exit_code = decide(run)
    assert (failure.kind if failure else None, exit_code) == (kind, code)
    report = make_report(run)
    assert report.passed is (code == 0)
    jsonschema.validate(to_dict(report), schema())


ANSWERS = st.lists(st.sampled_from([GOOD, NEAR, BAD, None]), max_size=5)


@settings(deadline=None)
@given(ANSWERS, st.none() | st.integers(0, 6), st.booleans(), st.booleans())
def test_nothing_passes_but_a_complete_and_right_run(
    answers: list[bytes | None], k: int | None, slow: bool, silent: bool
) -> None:
    judged = judgement(*answers, k=k)
    run = result(judged, budgets=(SLOW,) * slow, error=SILENT if silent else None)
    failure, code = decide(run)
    assert (failure is None) is (judged.passed and not slow and not silent)
    assert (code == 0) is (failure is None)
    assert not list(contradictions(make_report(run)))


def test_the_sentence_names_the_first_sample_and_what_it_got() -> None:
    failure, _ = decide(result(judgement(GOOD, NEAR, BAD)))
    assert failure is not None
    assert failure.sentence == ("2 of 3 answers are wrong, the first at sample 1 (1 LSB off).")
    failure, _ = decide(result(judgement(BAD, GOOD)))
    assert failure is not None
    assert failure.sentence == (
        "1 of 2 answers is wrong, the first at sample 0 (class 1 instead of 0, 5 LSB off)."
    )


def test_a_budget_is_met_at_its_limit_and_missed_when_unknown() -> None:
    most = Budget("flash", "bytes", 100, 100, BudgetClass.MEMORY)
    least = dataclasses.replace(most, at_least=True)
    assert most.met
    assert least.met
    assert not dataclasses.replace(most, measured=100.5).met
    assert not dataclasses.replace(least, measured=99.5).met
    assert not dataclasses.replace(most, measured=None).met


# JSON


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("make", [result, full_result, lambda: result(error=SILENT)])
def test_reports_follow_the_schema_and_come_back_equal(make: Any, tmp_path: Path) -> None:
    report = make_report(make())
    path = write_report(report, tmp_path)
    jsonschema.validate(json.loads(path.read_bytes()), schema())
    assert load_report(tmp_path) == load_report(path) == report


LATER = {"layers", "bench", "image", "first_difference", "class_names", "regression", "spread"} | {
    "reference_distance"
}
"""Fields that the first version did not write: reports without them are read."""


def walk(value: Any, part: dict[str, Any]) -> None:
    """Hold the fields of a dataclass, and of those within it, against its part of the schema."""
    fields = {f.metadata.get("key", f.name): f.name for f in dataclasses.fields(value)}
    assert list(part["properties"]) == list(fields)
    assert part["required"] == [name for name in fields if name not in LATER]
    for name, attribute in fields.items():
        inner = getattr(value, attribute)
        sample = inner[0] if isinstance(inner, tuple) and inner else inner
        if dataclasses.is_dataclass(sample):
            property_ = part["properties"][name]
            walk(sample, property_.get("items", property_))


def test_the_schema_lists_exactly_the_reports_fields() -> None:
    walk(make_report(full_result()), schema())
    assert set(schema()["properties"]["verdicts"]["properties"]) == {v.value for v in Verdict}


def test_a_report_of_before_the_figures_is_read() -> None:
    data = to_dict(make_report(full_result()))
    for name in ("layers", "bench", "image", "first_difference", "class_names", "regression"):
        del data[name]
    del data["latency_us"]["spread"]
    jsonschema.validate(data, schema())
    report = from_dict(data)
    assert (report.layers, report.bench, report.image, report.first_difference) == (
        (), None, None, None
    )  # fmt: skip


def test_every_field_of_the_schema_is_described() -> None:
    def descriptions(part: dict[str, Any]) -> list[str]:
        nested = [*part.get("properties", {}).values(), *filter(None, [part.get("items")])]
        own = [part.get("description", "")] if "properties" not in part else []
        return own + [text for child in nested for text in descriptions(child)]

    numbers = schema()["properties"]
    numbers.pop("confusion")  # Its rows and cells need no words.
    assert all(descriptions(part)[0] for part in numbers.values())


def test_figures_that_json_cannot_say_become_null(tmp_path: Path) -> None:
    outputs = [TensorDescription("out", np.dtype(np.float32), (1, 1))]
    one, nan = (np.array([v], np.float32).tobytes() for v in (1, math.nan))
    report = make_report(result(judge(outputs, [one], [nan], task=Task.TENSOR)))
    text = write_report(report, tmp_path).read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert report.differing[0].relative_error is None
    assert report.largest_error.relative is None
    assert not report.passed


def test_the_design_fields_are_there() -> None:
    data = to_dict(make_report(full_result()))
    assert data["verdicts"] == {
        "exact": 2, "close": 1, "tie": 0, "wrong": 1, "unstable": 1, "missing": 1
    }  # fmt: skip
    assert data["accuracy"] == {"device": 5 / 6, "reference": 4 / 6}
    assert data["confusion"]["device"] == [[4, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert data["latency_us"] == {
        "n": 4, "min": 1000, "p50": 1001, "p90": 2000, "p99": 2000, "max": 2000,
        "spread": 250,
    }  # fmt: skip
    assert data["failure"]["class"] == "numeric"
    assert [d["verdict"] for d in data["differing"]] == ["wrong", "unstable", "missing", "close"]


def test_without_labels_there_is_no_accuracy() -> None:
    report = make_report(result())
    assert report.accuracy is None
    assert report.confusion is None


def test_a_tensor_task_has_no_accuracy_even_with_labels() -> None:
    report = make_report(result(judgement(GOOD, task=Task.TENSOR), labels=np.array([0]), classes=3))
    assert report.accuracy is None


def test_a_report_of_many_samples_stays_small() -> None:
    answers = [BAD] * 10_000
    report = make_report(result(judgement(*answers), labels=np.zeros(10_000, int), classes=3))
    assert len(json.dumps(to_dict(report))) < 10_000


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"schema": 2}', b'{"schema": 1}', b"\xff\xfe", b"[" * 100_000],
)
def test_what_is_no_report_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(UsageError):
        load_report(path)


@pytest.mark.parametrize(
    ("edited", "named"),
    [
        ({"verdicts": {"wrong": 2, "exact": 1}}, "passed is true with 2 wrong answers"),
        ({"verdicts": {"unstable": 1, "exact": 2}}, "passed is true with 1 unstable answer"),
        ({"verdicts": {"exact": 2}}, "verdicts of 2 of 3 samples"),
        ({"verdicts": {"exact": 4, "close": -1}}, "-1 answers are close"),
        ({"memory": {"flash": -5}}, "report.memory.flash is -5"),
        ({"samples": 0, "verdicts": {"exact": 0}}, "passed is true with no sample"),
        ({"passed": False}, "passed is false without a failure"),
        ({"exit_code": 1}, "passed is true with exit code 1"),
        ({"failure": {"class": "numeric", "sentence": "s", "hint": ""}}, "true with a failure"),
    ],
)
def test_an_edited_report_that_contradicts_itself_is_refused(
    tmp_path: Path, edited: dict[str, Any], named: str
) -> None:
    data = to_dict(make_report(result()))
    for key, value in edited.items():
        data[key] = data[key] | value if isinstance(data[key], dict) else value
    path = tmp_path / "report.json"
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError, match=named):
        load_report(path)


def test_a_verdict_that_is_not_counted_is_refused(tmp_path: Path) -> None:
    data = to_dict(make_report(result()))
    del data["verdicts"]["exact"]
    (tmp_path / "report.json").write_text(json.dumps(data))
    with pytest.raises(UsageError, match="the verdict exact is not counted"):
        load_report(tmp_path)


def test_a_missing_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no report .*report\.json"):
        load_report(tmp_path)
    with pytest.raises(StorageError):
        write_report(make_report(result()), Path("/proc/nowhere"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@settings(deadline=None)
@given(st.sampled_from(sorted(schema()["properties"])), JSON)
def test_a_field_of_the_wrong_type_is_refused_or_kept(name: str, value: Any) -> None:
    data = to_dict(make_report(full_result())) | {name: value}
    try:
        report = from_dict(data)
    except UsageError:
        return
    render(report, Console(file=io.StringIO()))


def test_unknown_fields_are_ignored() -> None:
    report = make_report(full_result())
    assert from_dict(to_dict(report) | {"later": [1]}) == report


# Terminal


def rendered(report: Report, width: int = 100, **options: Any) -> str:
    stream = io.StringIO()
    render(report, Console(file=stream, width=width, **options))
    return stream.getvalue()


CASES = {
    "proved": (result, 100),
    "everything": (full_result, 100),
    "narrow": (full_result, 40),
    "silent": (lambda: result(error=SILENT), 80),
}


@pytest.mark.parametrize("name", CASES)
def test_the_terminal_text_is_golden(name: str) -> None:
    """Run with TINYPROOF_UPDATE_GOLDEN=1 to write the files anew, then read the difference."""
    make, width = CASES[name]
    text, path = rendered(make_report(make()), width), GOLDEN / f"{name}.txt"
    if UPDATE:
        path.write_text(text)
    assert text == path.read_text()


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(CASES)


def test_a_log_gets_no_control_codes_and_a_terminal_gets_colour() -> None:
    report = make_report(full_result())
    assert all(c.isprintable() or c == "\n" for c in rendered(report))
    colour = rendered(report, force_terminal=True, color_system="standard")
    assert "\x1b[1;31mNOT PROVED" in colour


def test_a_pipe_that_only_knows_ascii_gets_the_report() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    render(make_report(full_result()), Console(file=stream, width=80))
    stream.flush()
    assert b"NOT PROVED" in raw.getvalue()


HOSTILE = "\x1b[2J[bold]x[/bold]\x07\u202e:smile:\n"


def test_foreign_text_neither_controls_the_terminal_nor_counts_as_markup() -> None:
    run = dataclasses.replace(
        full_result(),
        target=HOSTILE,
        port=HOSTILE,
        model=ModelInfo(HOSTILE, "ab" * 32, 1),
        events=(Event(HOSTILE, 1, HOSTILE),),
        error=IdentityError("build", wanted="a", got=HOSTILE),
        samples_source=HOSTILE,
    )
    report = make_report(run)
    text = rendered(report, 500)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert text.count("[bold]x[/bold]") == 7
    assert ":smile:" in text
    assert "\n" not in verdict_line(report)


def test_the_verdict_is_one_line_however_narrow() -> None:
    for make, width in itertools.product((result, full_result), (20, 200)):
        report = make_report(make())
        assert rendered(report, width).splitlines()[-1] == verdict_line(report)


# JUnit


def test_junit_gets_what_is_known() -> None:
    properties = dict(junit_properties(make_report(full_result())))
    assert properties["tinyproof.verdicts.exact"] == "2"
    assert properties["tinyproof.latency_us.p99"] == "2000.000"
    assert properties["tinyproof.memory.flash"] == "12345"
    assert properties["tinyproof.failure.class"] == "numeric"
    assert properties["tinyproof.passed"] == "false"
    bare = dict(junit_properties(make_report(result())))
    assert "tinyproof.memory.flash" not in bare
    assert "tinyproof.failure.class" not in bare


def test_junit_values_are_fit_for_xml() -> None:
    report = make_report(result(target="\x00\x1b[31m"))
    assert dict(junit_properties(report))["tinyproof.target"] == r"\x00\x1b[31m"


@pytest.mark.parametrize(("stack", "overrun"), [(285, False), (286, True), (None, False)])
def test_a_stack_that_grew_into_the_data_is_told_before_the_wrong_answers(
    stack: int | None, overrun: bool
) -> None:
    memory = Memory(static_ram=1762, stack=stack, ram_size=2048)
    report = make_report(dataclasses.replace(full_result(), memory=memory))
    assert report.exit_code == 1
    assert report.failure is not None
    assert report.failure.kind == ("memory" if overrun else "numeric")
    assert (report.latency_us is None) == overrun
    if overrun:
        assert "1,762 bytes of data and 286 of stack fill all 2,048" in report.failure.sentence
