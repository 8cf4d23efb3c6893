"""What pages are made of: pictures, charts, evidence, Markdown, JUnit, and how they are written."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import jsonschema
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from markdown_it import MarkdownIt
from report_pages import digits, digits_run, in_every_string, reported, with_everything

from native_cli import DIGITS_RUN, REPORT_FILES, assert_complains, call, report_of
from nn_net import FLOAT32, INT64, Net
from tinyproof.codegen import generate
from tinyproof.errors import DeviceSilentError, StorageError, UsageError
from tinyproof.project import Project
from tinyproof.report import Budget, BudgetClass, make_report, schema, to_dict
from tinyproof.report import write as writing
from tinyproof.report.charts import histogram, lines, span_of
from tinyproof.report.drawn import drawn_samples
from tinyproof.report.evidence import Evidence, load_evidence, write_evidence
from tinyproof.report.gather import Gathering, training_curve
from tinyproof.report.html import render_html
from tinyproof.report.junit import junit_xml
from tinyproof.report.markdown import escape, render_markdown
from tinyproof.report.model import LISTED_SAMPLES
from tinyproof.report.outcome import LOOK
from tinyproof.report.write import write_all
from tinyproof.samples import SampleSet, load_samples, prepare
from tinyproof.verdict import Task, Verdict, judge
from tinyproof.zoo.trained import Epoch, TrainedModel, history_of, manifest_of

DIGITS = Path(__file__).resolve().parents[2] / "fixtures" / "digits"
FULL = StorageError("The disk is full.")

# Charts


@given(arrays(np.int64, st.integers(2, 200), elements=st.integers(0, 1 << 40)))
def test_a_histogram_loses_no_value(values: np.ndarray[Any, Any]) -> None:
    chart = histogram(values, [float(np.median(values))])
    assert chart
    areas = sum(rect.height for rect in chart.rects) * chart.peak / 100
    assert areas == pytest.approx(len(values) - chart.beyond, rel=1e-3)
    assert chart.low == values.min()
    assert all(rect.x >= 0 and rect.x + rect.width <= 100.01 for rect in chart.rects)
    assert len(chart.rects) <= 61


def test_a_long_tail_is_counted_instead_of_drawn() -> None:
    chart = histogram(np.array([100, 101, 102] * 200 + [90_000]))
    assert chart
    assert chart.beyond == 1
    assert chart.high <= 110


def test_no_histogram_is_made_of_one_value() -> None:
    assert histogram(np.array([7])) is None


@given(st.floats(), st.floats(-1e30, 0), st.floats(0, 1e30))
def test_a_bar_stays_on_its_axis(value: float, low: float, high: float) -> None:
    left, width = span_of(value, low, high)
    assert 0 <= left <= 100.01
    assert 0 <= width <= 100.01


def test_a_line_leaves_out_what_is_no_number() -> None:
    chart = lines([np.array([0.0, np.nan, 1.0])])
    assert chart
    assert chart.points == ("0.00,100.00 100.00,0.00",)
    assert lines([np.array([np.nan, 1.0])]) is None


# Evidence


def test_evidence_comes_back_as_it_was(tmp_path: Path) -> None:
    _, evidence = reported(digits_run(wrong=3))
    write_evidence(evidence, tmp_path)
    found = load_evidence(tmp_path)
    assert found
    for name in ("ticks", "differing_index", "differing_input", "differing_device"):
        assert np.array_equal(getattr(found, name), getattr(evidence, name))
    assert [f.name for f in found.features] == [f.name for f in evidence.features]
    assert [f.shape for f in found.features] == [f.shape for f in evidence.features]
    assert found.curve
    assert evidence.curve
    assert np.array_equal(found.curve.loss, evidence.curve.loss)
    assert found.curve.metric_name == "accuracy"


def test_evidence_of_nothing_comes_back_too(tmp_path: Path) -> None:
    assert load_evidence(tmp_path) is None
    write_evidence(Evidence(), tmp_path)
    found = load_evidence(tmp_path)
    assert found
    assert not found.features
    assert found.curve is None


def changed(evidence: Evidence, folder: Path, **columns: Any) -> None:
    """Write evidence with some of its arrays replaced, or removed with None."""
    path = write_evidence(evidence, folder)
    with np.load(path) as file:
        content = {**file, **columns}
    np.savez(path, **{name: value for name, value in content.items() if value is not None})


@pytest.mark.parametrize(
    "columns",
    [
        {"ticks": None},
        {"ticks": np.array(["many"])},
        {"ticks": np.array(7)},
        {"ticks": np.array([0.5])},
        {"ticks": np.array([1 << 63], np.uint64)},
        {"ticks": np.array([{}], object)},
        {"differing_index": np.arange(99)},
        {"differing_device": np.zeros((3, 4, 5))},
        {"differing_reference": np.zeros((3, 11))},
        {"features_0": np.zeros((2, 2))},
        {"features_0_name": None},
        {"features_sample": np.array([])},
        {"curve_loss": np.zeros(3)},
    ],
)
def test_evidence_of_another_form_is_refused(columns: dict[str, Any], tmp_path: Path) -> None:
    _, evidence = reported(digits_run(wrong=3))
    changed(evidence, tmp_path, **columns)
    with pytest.raises(UsageError, match="evidence of the report cannot be used"):
        load_evidence(tmp_path)


@settings(max_examples=30)
@given(st.data())
def test_damaged_evidence_is_refused_or_read(data: st.DataObject) -> None:
    _, evidence = reported(digits_run(wrong=1))
    with tempfile.TemporaryDirectory() as folder:
        path = write_evidence(evidence, Path(folder))
        content = bytearray(path.read_bytes())
        for _ in range(3):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        with contextlib.suppress(UsageError):
            load_evidence(Path(folder))


def test_only_arrays_are_read(tmp_path: Path) -> None:
    path = write_evidence(Evidence(), tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("extra.txt", "not an array")
    assert load_evidence(tmp_path)


def test_the_evidence_is_of_the_listed_samples_and_the_layers_litert_computes() -> None:
    path = DIGITS / "int8.tflite"
    model = path.read_bytes()
    generated = generate(model)
    samples = prepare(load_samples(DIGITS / "test.npz"), generated.inputs)
    golden = [row.tobytes() for row in digits()[2]]
    answers: list[bytes | None] = list(golden)
    for index in range(100, 130):
        answers[index] = bytes(reversed(golden[index]))
    answers[5] = None
    judged = judge(generated.outputs, golden, answers, task=Task.CLASSIFICATION)
    with Gathering(model, path, samples) as gathering:
        evidence = gathering.collect(generated.outputs, golden, answers, judged)
    report = make_report(digits_run(judgement=judged))
    assert evidence.differing_index.tolist() == [sample.index for sample in report.differing]
    assert len(evidence.differing_index) == LISTED_SAMPLES
    x = digits()[0].reshape(-1, 1, 8, 8, 1)[evidence.differing_index]
    assert np.abs(evidence.differing_input - x).max() < 1 / 255
    assert evidence.differing_reference.argmax(1).tolist() == [s.wanted for s in report.differing]
    assert evidence.differing_device.argmax(1).tolist() == [s.got for s in report.differing]
    names = [feature.name for feature in evidence.features]
    assert names == ["input", "CONV_2D", "RELU", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED"]
    before, after = evidence.features[1].values, evidence.features[2].values
    assert before.min() < -0.1
    assert np.abs(np.maximum(before, 0) - after).max() < 0.02, "one step of the output"
    litert = Interpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    litert.allocate_tensors()
    litert.set_tensor(litert.get_input_details()[0]["index"], samples.values(0)[0])
    litert.invoke()
    pooled = next(d for d in litert.get_tensor_details() if d["name"].endswith("MaxPool2d"))
    scale, zero = pooled["quantization"]
    wanted = (litert.get_tensor(pooled["index"])[0].astype(float) - zero) * scale
    assert np.allclose(evidence.features[3].values, wanted)


def test_a_model_whose_layers_cannot_be_drawn_has_no_feature_maps(tmp_path: Path) -> None:
    net = Net()
    values, which = net.input((1, 4), FLOAT32), net.output((1,), INT64)
    axis = net.constant(np.array(-1, np.int32))
    net.operator("ARG_MAX", [values, axis], [which], "ArgMaxOptions", 2, outputType=INT64)
    model = net.build()
    generated = generate(model)
    given = SampleSet.from_arrays(np.eye(4, dtype=np.float32))
    samples = prepare(given, generated.inputs)
    answers = [np.int64(i).tobytes() for i in range(4)]
    judged = judge(generated.outputs, answers, answers, task=Task.TENSOR)
    with Gathering(model, tmp_path / "m.tflite", samples) as gathering:
        evidence = gathering.collect(generated.outputs, answers, answers, judged)
    assert evidence.features == ()
    assert evidence.curve is None


def test_a_missing_answer_has_no_scores_and_one_of_nan_says_so() -> None:
    report, evidence = reported(digits_run(wrong=1))
    gone = dataclasses.replace(evidence, differing_device=np.full((1, 10), np.nan, np.float32))
    assert {score.device for score in drawn_samples(report, gone)[0].scores} == {"NaN"}
    missing = dataclasses.replace(report.differing[0], verdict=Verdict.MISSING)
    report = dataclasses.replace(report, differing=(missing,))
    assert {score.device for score in drawn_samples(report, gone)[0].scores} == {"–"}


def test_the_page_does_not_send_its_reader_to_itself() -> None:
    report, evidence = reported(digits_run(wrong=1))
    assert report.failure
    assert report.failure.hint == LOOK
    assert LOOK not in render_html(report, evidence)
    other = dataclasses.replace(report.failure, hint="Check the cable.")
    report = dataclasses.replace(report, failure=other)
    assert "Check the cable." in render_html(report, evidence)


def test_the_training_curve_is_found_beside_a_model_of_the_zoo_only(tmp_path: Path) -> None:
    history = history_of("accuracy", [Epoch(2.0, 0.1, 2.1, 0.2), Epoch(1.0, 0.9, 1.1, 0.8)])
    files = {"history.json": history, "int8.tflite": b"model"}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "model.json").write_bytes(
        manifest_of(TrainedModel(tmp_path, "digits", 0, {}, digests))
    )
    curve = training_curve(tmp_path / "int8.tflite")
    assert curve
    assert curve.metric_name == "accuracy"
    assert curve.validation_loss.tolist() == [2.1, 1.1]
    assert training_curve(tmp_path / "mine.tflite") is None
    (tmp_path / "history.json").write_bytes(b"{}")
    assert training_curve(tmp_path / "int8.tflite") is None
    assert training_curve(DIGITS / "int8.tflite") is None


# Markdown


@given(st.text())
def test_escaped_text_shows_just_itself(text: str) -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse("a " + escape(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in tokens[1].children or []} <= {"text", "text_special"}


def test_markdown_of_hostile_strings_holds_nothing_of_theirs() -> None:
    attack = "<img src=x onerror=alert(1)> | [a](javascript:b) `c` @all #1 **d**\n\n# e\n</details>"
    report, _ = reported(with_everything(digits_run(wrong=3)))
    text = render_markdown(in_every_string(report, lambda _: attack))
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    blocks = [token.content for token in tokens if token.type == "html_block"]
    assert all("img" not in block for block in blocks)
    children = [child for token in tokens for child in token.children or []]
    kinds = {child.type for child in children}
    assert not kinds & {"link_open", "image", "code_inline", "html_inline"}
    assert sum(token.type == "heading_open" for token in tokens) == 1
    assert "@all" not in text


def test_markdown_tells_verdict_figures_and_failures() -> None:
    report, _ = reported(with_everything(digits_run(wrong=3)))
    text = render_markdown(report)
    first = text.splitlines()[0]
    assert first.startswith("### ❌ NOT PROVED")
    assert "| exact answers | 356 of 359 |" in text
    assert "1,024.5 us, the budget is at most 1,000 us: **missed**" in text
    assert text.count("<details>") == text.count("</details>") == 4
    proved = render_markdown(reported(digits_run())[0])
    assert proved.startswith("### ✅ PROVED")


# JUnit


def suite_of(report: Any) -> Xml.Element:
    suite = Xml.fromstring(junit_xml(report)).find("testsuite")
    assert suite is not None
    return suite


def outcome_of(report: Any) -> list[str]:
    """Return for each case ``passed`` or what its child is."""
    return [case[0].tag if len(case) else "passed" for case in suite_of(report).iter("testcase")]


SLOW = Budget("p99 latency", "us", 10, 20, BudgetClass.LATENCY)
SMALL = Budget("arena", "bytes", 1000, 512, BudgetClass.MEMORY)


def test_junit_has_a_case_for_the_answers_and_each_budget() -> None:
    assert outcome_of(make_report(digits_run())) == ["passed"]
    slow = make_report(digits_run(budgets=(SMALL, SLOW)))
    assert outcome_of(slow) == ["passed", "passed", "failure"]
    both = make_report(digits_run(wrong=1, budgets=(SLOW,)))
    assert outcome_of(both) == ["failure", "failure"]
    suite = suite_of(both)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "2", "0")


def test_what_kept_a_board_from_being_tested_is_an_error() -> None:
    error = DeviceSilentError("The board is silent.", hint="Check it.", sample=0)
    report = make_report(digits_run(judgement=None, labels=None, error=error))
    assert outcome_of(report) == ["error"]
    case = suite_of(report).find("testcase/error")
    assert case is not None
    assert (case.get("type"), case.text) == ("port", "Check it.")


def test_junit_of_hostile_strings_is_sound() -> None:
    report, _ = reported(with_everything(digits_run(wrong=3)))
    attack = "</testcase>\x00\x1b\ud800\u202e&\"'<x>\ufffe"
    suite = suite_of(in_every_string(report, lambda _: attack))
    assert "</testcase>" in str(suite.get("name"))


# Files


def test_all_files_are_written(tmp_path: Path) -> None:
    report, evidence = reported(with_everything(digits_run(wrong=2)))
    write_all(report, evidence, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == REPORT_FILES
    jsonschema.validate(json.loads((tmp_path / "report.json").read_bytes()), schema())
    assert (tmp_path / "report.html").read_text() == render_html(report, evidence)


@pytest.mark.parametrize("lost", ["report.html", "report.md", "junit.xml"])
def test_a_file_that_cannot_be_written_stops_no_other(
    lost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = writing.write_atomic

    def failing(path: Path, content: bytes | str) -> None:
        if path.name == lost:
            raise FULL
        write(path, content)

    monkeypatch.setattr(writing, "write_atomic", failing)
    with pytest.raises(StorageError) as caught:
        write_all(*reported(digits_run()), tmp_path)
    assert caught.value is FULL
    assert {path.name for path in tmp_path.iterdir()} == REPORT_FILES - {lost}


def test_without_report_json_an_earlier_report_stays_whole_and_a_new_folder_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier, new = tmp_path / "earlier", tmp_path / "new"
    write_all(*reported(digits_run()), earlier)
    before = {path.name: path.read_bytes() for path in earlier.iterdir()}

    def full(*_: object) -> None:
        raise FULL

    monkeypatch.setattr(writing, "write_report", full)
    for folder in (earlier, new):
        with pytest.raises(StorageError):
            write_all(*reported(digits_run(wrong=2)), folder)
    assert {path.name: path.read_bytes() for path in earlier.iterdir()} == before
    assert not new.exists()


def test_every_field_of_the_report_follows_the_schema() -> None:
    report, _ = reported(with_everything(digits_run(wrong=2)))
    jsonschema.validate(to_dict(report), schema())


def test_a_run_leaves_all_files_and_report_makes_them_again(project: Project, out: Path) -> None:
    assert call(*DIGITS_RUN, "--out", out).code == 0
    assert {path.name for path in out.iterdir()} == REPORT_FILES
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    evidence = load_evidence(out)
    assert evidence
    assert len(evidence.ticks) == report_of(out)["samples"] == 359
    assert [f.shape for f in evidence.features[:2]] == [(1, 8, 8, 1), (1, 6, 6, 8)]
    for name in ("report.html", "report.md", "junit.xml"):
        (out / name).unlink()
    ended = call("report", out)
    assert (ended.code, ended.err) == (0, "")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first
    page = out / "elsewhere.html"
    assert call("report", out, "--html", page).code == 0
    assert page.read_bytes() == first["report.html"]
    assert call("report", out, "--markdown").out.encode() == first["report.md"]
    (out / "evidence.npz").write_bytes(b"junk")
    assert_complains(call("report", out), 2, "evidence of the report")
    (out / "evidence.npz").unlink()
    assert call("report", out).code == 0
    assert b"<img" not in (out / "report.html").read_bytes()


def test_a_folder_without_a_report_is_said_to_be_one(project: Project, tmp_path: Path) -> None:
    assert_complains(call("report", tmp_path), 2, "no report")
    (tmp_path / "report.json").write_text("[]")
    assert_complains(call("report", tmp_path), 2, "not a TinyProof report")
