"""report.json: held against its schema, written and read, refused when edited or damaged."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from runs import BAD, GOOD, SILENT, full_result, judgement, result

from tinyproof.errors import StorageError, UsageError
from tinyproof.report import (
    from_dict,
    load_report,
    make_report,
    render,
    schema,
    to_dict,
    write_report,
)
from tinyproof.tensors import TensorDescription
from tinyproof.verdict import Task, Verdict, judge


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("make", [result, full_result, lambda: result(error=SILENT)])
def test_reports_follow_the_schema_and_come_back_equal(make: Any, tmp_path: Path) -> None:
    report = make_report(make())
    path = write_report(report, tmp_path)
    jsonschema.validate(json.loads(path.read_bytes()), schema())
    assert load_report(tmp_path) == load_report(path) == report


LATER = {"layers", "bench", "image", "first_difference", "class_names", "regression", "spread"} | {
    "reference_distance",
    "baud",
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
