"""Two runs held against each other: what got worse is named, noise is not, others are refused."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reports import CONV, DENSE, VERDICTS, bench, changed, layer, report
from rich.console import Console

from native_cli import DIGITS_RUN, assert_complains, call
from tinyproof.compare import Change, compare
from tinyproof.compare.noise import of_repeats
from tinyproof.compare.page import render_page
from tinyproof.compare.render import render, to_dict
from tinyproof.errors import IncomparableError, UsageError
from tinyproof.history import render_history, series_of
from tinyproof.project import Project
from tinyproof.report import (
    BuildInfo,
    Clock,
    ClockStatus,
    Failure,
    Limit,
    ModelInfo,
    Provenance,
    Report,
    Throughput,
    from_dict,
    load_report,
    write_report,
)
from tinyproof.report import to_dict as to_dict_of_report
from tinyproof.report.model import Accuracy
from tinyproof.verdict import Task

BASE = report()
EXACT = report(provenance=Provenance.CYCLE_EXACT, target="uno", tick_hz=16e6)
HOST = report(
    provenance=Provenance.HOST,
    target="native",
    tick_hz=1e9,
    layers=(layer(0, CONV, 1500.0, 1450, 90_000), layer(1, DENSE, 300.0, 290, 900)),
    bench=bench(1.80, 1.82, 1.79, 1.95, 1.81),
)


def names(old: Report, new: Report, allow: float = 0.0) -> list[str]:
    return [row.name for row in compare(old, new, allow_percent=allow).regressions]


def slowed(original: Report, index: int, factor: float) -> Report:
    """Return the report of a build in which one layer takes ``factor`` times as long."""

    def slow(ticks: float | None) -> int:
        return round((ticks or 0) * factor)

    layers = [
        dataclasses.replace(
            figures,
            ticks=float(slow(figures.ticks)),
            ticks_min=slow(figures.ticks_min),
            ticks_max=slow(figures.ticks_max),
        )
        if figures.index == index
        else figures
        for figures in original.layers
    ]
    return dataclasses.replace(original, layers=tuple(layers))


@pytest.mark.parametrize("base", [BASE, EXACT, HOST], ids=lambda r: str(r.provenance))
def test_a_run_is_no_worse_than_itself(base: Report) -> None:
    found = compare(base, base)
    assert found.passed
    assert found.sentence == "No regression."
    unjudged = {row.name for row in found.rows if row.change is not Change.SAME}
    noisy = {"p99 latency", "quiet latency", "throughput"}
    assert unjudged == (noisy if base is HOST else set())


@pytest.mark.parametrize("turned", [False, True])
def test_percentiles_of_a_run_and_of_a_bench_are_not_held_against_each_other(turned: bool) -> None:
    stream = changed(dataclasses.replace(EXACT, bench=None), "latency_us", p50=1160.0, p99=1500.0)
    found = compare(*((EXACT, stream) if turned else (stream, EXACT)))
    assert found.passed
    assert not found.improvements
    assert "One report is of run, the other of bench" in found.notes[0]
    slower = dataclasses.replace(stream, quiet_latency_us=1000.0625)
    assert names(EXACT, slower) == ["quiet latency"]


@pytest.mark.parametrize("base", [BASE, EXACT, HOST], ids=lambda r: str(r.provenance))
@pytest.mark.parametrize(("index", "name"), [(0, CONV), (1, DENSE)])
def test_a_layer_that_takes_twice_as_long_is_named(base: Report, index: int, name: str) -> None:
    found = compare(base, slowed(base, index, 2.0))
    assert [row.name for row in found.regressions] == [f"layer {index} ({name})"]
    assert "(+100.0 %)" in found.sentence
    assert not found.passed


def test_an_arena_that_is_five_per_cent_larger_is_named() -> None:
    found = compare(BASE, changed(BASE, "memory", arena=386))
    assert found.sentence == "1 regression: arena: 368 before, 386 bytes now (+4.9 %)."


def test_a_single_tick_more_is_a_regression_where_ticks_are_exact() -> None:
    slower = dataclasses.replace(EXACT.layers[1], ticks=201.0)
    assert names(EXACT, dataclasses.replace(EXACT, layers=(EXACT.layers[0], slower))) == [
        f"layer 1 ({DENSE})"
    ]
    later = dataclasses.replace(EXACT, quiet_latency_us=1000.0625)
    assert names(EXACT, later) == ["quiet latency"]
    assert names(BASE, dataclasses.replace(BASE, quiet_latency_us=1000.0625)) == []


WORSE: list[tuple[str, Callable[[Report], Report]]] = [
    ("p50 latency", lambda r: dataclasses.replace(r, bench=bench(1020.0, 1021.0, 1020.0))),
    ("p99 latency", lambda r: changed(r, "latency_us", p99=1140.0)),
    ("flash", lambda r: changed(r, "memory", flash=12_002)),
    ("static RAM", lambda r: changed(r, "memory", static_ram=801)),
    ("stack", lambda r: changed(r, "memory", stack=320)),
    ("throughput", lambda r: dataclasses.replace(r, throughput=Throughput(134.0))),
    ("accuracy", lambda r: dataclasses.replace(r, accuracy=Accuracy(0.947, 0.95))),
]


@pytest.mark.parametrize(("name", "worsen"), WORSE, ids=[name for name, _ in WORSE])
def test_each_figure_that_gets_worse_is_named_alone(
    name: str, worsen: Callable[[Report], Report]
) -> None:
    assert names(BASE, worsen(BASE)) == [name]
    back = compare(worsen(BASE), BASE)
    assert back.passed
    assert [row.name for row in back.improvements] == [name]
    assert back.sentence == "No regression; 1 figure improved."


def test_answers_that_are_no_longer_right_are_named() -> None:
    failed = dataclasses.replace(
        BASE,
        verdicts=VERDICTS | {"exact": 357, "wrong": 2},
        passed=False,
        failure=Failure("numeric", "2 of 359 answers are wrong."),
        exit_code=1,
    )
    found = compare(BASE, failed, allow_percent=50)
    assert [row.name for row in found.regressions] == ["proved", "exact answers", "wrong answers"]
    assert any("2 of 359 answers are wrong" in note for note in found.notes)


def test_an_allowance_covers_times_and_sizes() -> None:
    worse = changed(slowed(BASE, 0, 1.04), "memory", arena=386, flash=12_500)
    assert set(names(BASE, worse)) == {f"layer 0 ({CONV})", "arena", "flash"}
    assert names(BASE, worse, allow=5.0) == []
    assert names(BASE, worse, allow=4.5) == ["arena"]


@pytest.mark.parametrize("allowed", [math.nan, math.inf])
def test_an_allowance_without_end_is_refused(allowed: float) -> None:
    with pytest.raises(UsageError, match="is no limit"):
        compare(BASE, slowed(BASE, 0, 9.0), allow_percent=allowed)


def test_figures_that_were_not_measured_are_unknown_not_worse() -> None:
    bare = dataclasses.replace(BASE, layers=(), bench=None, throughput=None, quiet_latency_us=None)
    for old, new in ((BASE, bare), (bare, BASE)):
        found = compare(old, new)
        assert found.passed
        unknown = {row.name for row in found.rows if row.change is Change.UNJUDGED}
        assert {"quiet latency", "throughput", f"layer 0 ({CONV})"} <= unknown
    *_, note = compare(BASE, bare).notes
    assert note.startswith("Not measured any more, so not judged: quiet latency, layer 0 ")
    (note,) = compare(bare, BASE).notes
    assert note.startswith("One report is of run, the other of bench")


def test_layers_find_their_partners_when_one_is_fused() -> None:
    apart = (layer(0, "CONV_2D", 700.0, 700, 700), layer(1, "MAX_POOL_2D", 90.0, 90, 90))
    found = compare(
        dataclasses.replace(BASE, layers=(*apart, layer(2, DENSE, 200.0, 200, 215))),
        slowed(BASE, 1, 1.5),
    )
    assert [row.name for row in found.regressions] == [f"layer 1 ({DENSE})"]
    assert [row.name for row in found.rows if row.change is Change.UNJUDGED] == [
        "layer 0 (CONV_2D)",
        "layer 1 (MAX_POOL_2D)",
        f"layer 0 ({CONV})",
    ]


OTHER: list[tuple[str, Report]] = [
    ("model", dataclasses.replace(BASE, model=ModelInfo("other.tflite", "ff" * 32, 1))),
    ("target", dataclasses.replace(BASE, target="pico")),
    ("engine", dataclasses.replace(BASE, engine="tflm")),
    ("provenance", dataclasses.replace(BASE, provenance=Provenance.EMULATOR)),
    ("tick rate", dataclasses.replace(BASE, tick_hz=2e6)),
    ("compiler flags", dataclasses.replace(BASE, build=BuildInfo("", "gcc 12.2", ("-O0",)))),
    ("samples", dataclasses.replace(BASE, samples_sha256="ee" * 32)),
    ("task", dataclasses.replace(BASE, task=Task.TENSOR)),
    ("tolerance", dataclasses.replace(BASE, tolerance_lsb=1)),
    ("line speed", dataclasses.replace(BASE, baud=1_000_000)),
    (
        "line speed",
        dataclasses.replace(BASE, baud=None, throughput=Throughput(150.0, 999.0, Limit.LINE)),
    ),
]


@pytest.mark.parametrize(("name", "other"), OTHER, ids=[name for name, _ in OTHER])
def test_runs_of_different_things_are_refused_by_name(name: str, other: Report) -> None:
    with pytest.raises(IncomparableError, match=rf"cannot be compared: {name}") as caught:
        compare(BASE, other)
    assert caught.value.exit_code == 3


def test_a_model_under_another_name_is_the_same_model() -> None:
    assert compare(BASE, changed(BASE, "model", name="renamed.tflite")).passed


def test_a_run_that_measured_nothing_or_had_no_clock_is_refused() -> None:
    silent = dataclasses.replace(
        BASE, samples_sha256="", failure=Failure("port", "The port vanished."), passed=False
    )
    with pytest.raises(IncomparableError, match=r"newer run ended .*: The port vanished\."):
        compare(BASE, silent)
    off = dataclasses.replace(BASE, clock=Clock(ClockStatus.OFF, 1.05, 1.0))
    with pytest.raises(IncomparableError, match="clock of the board in the older run was off"):
        compare(off, BASE)


@given(
    old=st.lists(st.floats(1, 2), min_size=1, max_size=9),
    new=st.lists(st.floats(1, 2), min_size=1, max_size=9),
)
def test_repeats_whose_ranges_touch_are_never_a_regression(
    old: list[float], new: list[float]
) -> None:
    before, after = of_repeats(old), of_repeats(new)
    few = max(len(old), len(new)) < 5
    if few and max(min(old), min(new)) <= min(max(old), max(new)):
        assert abs(after.value - before.value) <= before.spread + after.spread + 1e-12


def test_one_disturbed_repeat_of_five_hides_no_regression() -> None:
    old = dataclasses.replace(BASE, bench=bench(1000.0, 1001.0, 1000.0, 9000.0, 1002.0))
    new = dataclasses.replace(BASE, bench=bench(1500.0, 1501.0, 1502.0, 1500.0, 1501.0))
    assert names(old, new) == ["p50 latency"]
    assert (
        names(dataclasses.replace(BASE, bench=bench(1000.0, 1001.0, 1000.0, 1001.0, 1002.0)), old)
        == []
    )


def test_another_compiler_is_noted() -> None:
    newer = dataclasses.replace(BASE, build=BuildInfo("", "gcc 13.1", ("-O2",)))
    (note,) = compare(BASE, newer).notes
    assert note == "Another compiler: gcc 12.2 before, gcc 13.1 now."


@pytest.mark.parametrize("width", [40, 120])
def test_the_terminal_names_the_regression_without_markup(width: int) -> None:
    evil = "[red]bad[/red]\x1b[31m.tflite"
    base = changed(BASE, "model", name=evil)
    console = Console(file=io.StringIO(), width=width, color_system=None)
    render(compare(base, changed(base, "memory", arena=386)), console)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert "[red]bad[/red]\\x1b[31m.tflite" in said
    assert "1 regression: arena: 368 before, 386 bytes now (+4.9 %)." in said


def test_a_run_that_is_no_longer_proved_is_told_as_yes_and_no() -> None:
    found = compare(BASE, dataclasses.replace(BASE, passed=False))
    assert found.regressions[0].sentence == "proved: yes before, no now"
    page = render_page(found)
    assert '<td class="n" data-name="Now">no</td>' in page


def test_the_page_names_the_regression_as_the_terminal_does() -> None:
    page = render_page(compare(BASE, changed(slowed(BASE, 1, 2.0), "memory", arena=386)))
    assert "Worse: arena: 368 before, 386 bytes now (+4.9 %)." in page
    assert "µs now (+100.0 %)." in page


def test_noise_is_told_to_three_digits() -> None:
    rows = {row.name: row for row in compare(BASE, BASE).rows}
    assert rows["stack"].noise == "±64"
    assert rows["throughput"].noise == "±15"
    assert dataclasses.replace(rows["stack"], band=431.968).noise == "±432"
    assert dataclasses.replace(rows["stack"], band=7.83068).noise == "±7.83"


def test_the_page_escapes_what_reports_say() -> None:
    evil = "</title><script>alert(1)</script>"
    base = dataclasses.replace(BASE, target=evil, layers=(layer(0, evil, 10.0, 10, 10),))
    page = render_page(compare(base, slowed(changed(base, "model", name=evil), 0, 3.0)))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 3
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


def test_json_says_all_of_it() -> None:
    found = to_dict(compare(BASE, slowed(BASE, 0, 2.0)))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["regressions"] == [f"layer 0 ({CONV})"]
    (row,) = (row for row in found["rows"] if row["change"] == "worse")
    assert (row["old"], row["new"], row["percent"], row["unit"]) == (800.0, 1600.0, 100.0, "us")


@pytest.mark.parametrize("number", [-1.0, 0.0, 1e308, -1e308, 1e-300, 5e-324, 1 << 62, -3])
def test_no_number_in_a_report_makes_a_comparison_fail_or_lie(number: float) -> None:
    def replaced(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: replaced(item) for key, item in value.items()}
        if isinstance(value, list):
            return [replaced(item) for item in value]
        return number if type(value) is type(number) else value

    evil = from_dict(replaced(to_dict_of_report(BASE)) | {"schema": 1})
    for old, new in ((evil, evil), (BASE, evil), (evil, BASE)):
        with contextlib.suppress(IncomparableError):
            found = compare(old, new)
            assert old is not new or found.passed
            json.dumps(to_dict(found), allow_nan=False)
            assert len(render_page(found)) < 100_000
    assert len(render_history(series_of([evil, BASE, evil]))) < 100_000


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Folders with the report of a build, of a slower one, and of another target."""
    made = tmp_path / "old", tmp_path / "new", tmp_path / "other"
    for folder, content in zip(made, (BASE, slowed(BASE, 0, 2.0), OTHER[1][1]), strict=True):
        write_report(content, folder)
    return made


def test_the_command_ends_with_what_it_found(folders: tuple[Path, Path, Path]) -> None:
    old, new, other = folders
    assert call("compare", old, old).code == 0
    worse = call("compare", old, new / "report.json", "--html", new / "compare.html")
    assert worse.code == 1
    assert f"layer 0 ({CONV}): 800 before, 1,600 us now (+100.0 %)" in worse.out
    assert "Regression" in (new / "compare.html").read_text()
    as_json = call("compare", old, new, "--json")
    assert (as_json.code, json.loads(as_json.out)["passed"]) == (1, False)
    assert call("compare", old, new, "--allow-percent", "100").code == 0
    assert_complains(call("compare", old, other), 3, "target esp32dev and pico")
    assert_complains(call("compare", old, old.parent / "none"), 2, "There is no report")


def test_a_run_that_no_baseline_fits_is_refused_before_it_begins(
    project: Project, out: Path
) -> None:
    baseline = write_report(BASE, out / "other")
    refused = call(*DIGITS_RUN, "--out", out, "--baseline", baseline)
    assert_complains(refused, 3, "model", "target", "provenance board and host")
    assert not (out / "report.json").exists()
    assert "build" not in refused.err


def test_a_run_holds_itself_against_a_baseline_read_before_it_begins(
    project: Project, out: Path
) -> None:
    assert call(*DIGITS_RUN, "--out", out).code == 0
    # A baseline in the folder that the run writes; its arena was smaller by a byte.
    first = load_report(out)
    smaller = changed(first, "memory", arena=(first.memory.arena or 0) - 1, stack=None)
    write_report(dataclasses.replace(smaller, latency_us=None, throughput=None), out)
    ended = call(*DIGITS_RUN, "--out", out, "--baseline", out)
    assert (ended.code, load_report(out).passed) == (1, True)
    assert "1 regression: arena:" in ended.out
    assert "Regression" in (out / "compare.html").read_text()
    # What shows only afterwards: the samples.
    write_report(dataclasses.replace(first, samples_sha256="00" * 32), out / "other")
    other = call(*DIGITS_RUN, "--out", out, "--baseline", out / "other")
    assert_complains(other, 3, "samples")
    missed = call(*DIGITS_RUN, "--out", out, "--baseline", out / "other", "--max-flash", "1")
    assert (missed.code, "cannot be compared" in missed.err) == (1, True)
    # No worse than a run that missed its budget, too: that excuses nothing.
    again = call(*DIGITS_RUN, "--out", out, "--baseline", out, "--max-flash", "1")
    assert (again.code, "No regression" in again.out) == (1, True)
