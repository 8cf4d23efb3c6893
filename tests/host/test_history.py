"""Many reports as one page: in order, the unreadable left out, nothing taken as markup."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from reports import changed, report

from native_cli import assert_complains, call
from tinyproof.history import MAX_REPORTS, find_reports, load_all, render_history, series_of
from tinyproof.report import Failure, Report, write_report
from tinyproof.stats import Latency


def at(day: int, p50: float, **fields: Any) -> Report:
    latency = Latency(359, p50 - 1, p50, p50 + 1, p50 + 5, p50 + 9)
    return report(date=f"2026-11-{day:02}T10:00:00+00:00", latency_us=latency, **fields)


def test_reports_are_grouped_and_in_order_of_date() -> None:
    mixed = [at(3, 30.0), at(1, 10.0), at(2, 99.0, target="uno"), at(2, 20.0)]
    first, second = series_of(mixed)
    assert (first.target, [e.figures[0] for e in first.entries]) == ("esp32dev", ["10", "20", "30"])
    assert (second.target, second.charts) == ("uno", ())


def test_runs_and_benches_are_series_of_their_own() -> None:
    run = dataclasses.replace(at(2, 12.0), bench=None)
    found = [
        (one.command, [e.figures[0] for e in one.entries]) for one in series_of([at(1, 9.0), run])
    ]
    assert found == [("bench", ["9"]), ("run", ["12"])]


def test_models_of_one_name_are_series_of_their_own_and_told_apart() -> None:
    two = [changed(at(day, 10.0), "model", sha256=f"{day:02}" * 32) for day in (1, 2)]
    again = changed(at(3, 20.0), "model", sha256="01" * 32)
    assert [(one.model, len(one.entries)) for one in series_of([*two, again])] == [
        ("digits.tflite (01010101)", 2),
        ("digits.tflite (02020202)", 1),
    ]


def test_a_model_whose_file_was_renamed_stays_one_series() -> None:
    renamed = changed(at(2, 10.0), "model", name="better.tflite")
    (series,) = series_of([renamed, at(1, 10.0)])
    assert (series.model, len(series.entries)) == ("better.tflite", 2)


def test_a_line_rises_with_its_values_and_stops_where_none_is_known() -> None:
    unknown = dataclasses.replace(at(3, 1.0), latency_us=None)
    (series,) = series_of([at(1, 10.0), at(2, 30.0), unknown, at(4, 20.0)])
    latency = series.charts[0]
    assert latency.lines == ("0,100 200,0", "600,50")
    assert latency.span == "10 to 30"
    flash = next(chart for chart in series.charts if chart.name == "flash")
    assert flash.span == "12,000"
    assert flash.lines == ("0,50 200,50 400,50 600,50",)


def test_what_cannot_be_read_is_left_out_with_a_sentence(tmp_path: Path) -> None:
    write_report(report(), tmp_path / "a" / "deep")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "report.json").write_text("{")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "report.json").write_text('{"schema": 99}')
    found, skipped = load_all(find_reports([tmp_path, tmp_path / "none.json"]))
    assert len(found) == 1
    assert [sentence.count("was left out:") for sentence in skipped] == [1, 1, 1]


def test_the_page_escapes_what_reports_say() -> None:
    evil = '"><img src=x onerror=alert(1)>'
    bad = report(
        target=evil, passed=False, failure=Failure("numeric", evil), date=evil, engine=evil
    )
    page = render_history(series_of([changed(bad, "model", name=evil)] * 2), [evil])
    assert "<img" not in page
    assert page.count("&lt;img") >= 6


def test_the_command_writes_the_page_and_names_what_it_skips(tmp_path: Path) -> None:
    for day in (1, 2):
        write_report(at(day, 10.0 * day), tmp_path / str(day))
    (tmp_path / "report.json").write_text("no")
    out = tmp_path / "history.html"
    ended = call("history", tmp_path, "--out", out)
    assert ended.code == 0
    assert "report.json was left out:" in ended.err
    assert "2 of 3 reports" in ended.err
    page = out.read_text()
    assert page.count("<polyline") == 6
    assert "https://" not in page


def test_nothing_to_show_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_complains(call("history", tmp_path, "--out", tmp_path / "h.html"), 2, "no report.json")
    write_report(report(), tmp_path)
    assert MAX_REPORTS > 1000
    monkeypatch.setattr("tinyproof.history.MAX_REPORTS", 0)
    assert_complains(call("history", tmp_path, "--out", tmp_path / "h.html"), 2, "more than the 0")
