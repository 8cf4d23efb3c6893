"""Several models on several targets: planned, run side by side, told in one index."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from runs import full_result, result

from native_cli import FLOAT32, INT8, SAMPLES, Command, assert_complains, call
from tinyproof import matrix
from tinyproof.cli.matrix import conclude
from tinyproof.errors import InfrastructureError, UsageError
from tinyproof.matrix import (
    Outcome,
    Pair,
    assign_ports,
    index_of,
    model_names,
    outcome_of,
    plan,
    run_all,
    schema,
    worst,
)
from tinyproof.project import Project
from tinyproof.report import make_report
from tinyproof.report.files import write_report

A, B = Path("a.tflite"), Path("b.tflite")


# -- the plan


def test_each_model_meets_each_target_once() -> None:
    pairs = plan(["uno", "native", "uno"], [A, B, A], {"uno": "sim"})
    assert [(p.name, p.port) for p in pairs] == [
        ("uno-a", "sim"),
        ("uno-b", "sim"),
        ("native-a", None),
        ("native-b", None),
    ]
    assert [pair.name for pair in plan(["native"], [], {})] == ["native-digits"]


def test_models_of_one_name_get_folders_of_their_own() -> None:
    names = [pair.name for pair in plan(["t"], [Path("x/a b.tflite"), Path("y/a\x1bb.tflite")], {})]
    assert names == ["t-a_b", "t-a_b-2"]


def test_models_are_called_by_as_many_folders_as_tell_them_apart() -> None:
    x, y, deep = Path("x/m.tflite"), Path("y/m.tflite"), Path("/z/x/m.tflite")
    assert model_names(plan(["t"], [A, B], {})) == {A: "a.tflite", B: "b.tflite", None: "digits"}
    assert model_names(plan(["t"], [x, y], {})) | {None: ""} == {
        x: "x/m.tflite",
        y: "y/m.tflite",
        None: "",
    }
    assert len(set(model_names(plan(["t"], [x, y, deep], {})).values())) == 4


@pytest.mark.parametrize(
    ("given", "ports"),
    [
        ([], {}),
        (["sim"], {"uno": "sim", "mega": "sim"}),
        (["uno=sim,mega=/dev/ttyACM0"], {"uno": "sim", "mega": "/dev/ttyACM0"}),
        (["uno=socket://h:1?a=b,c", "mega=sim"], {"uno": "socket://h:1?a=b,c", "mega": "sim"}),
        (["uno=spy:///dev/x?file=y,mega=sim"], {"uno": "spy:///dev/x?file=y", "mega": "sim"}),
    ],
)
def test_ports_belong_to_targets(given: list[str], ports: dict[str, str]) -> None:
    assert assign_ports(given, ["uno", "mega"]) == ports


def test_one_target_needs_no_name_before_its_port() -> None:
    assert assign_ports(["socket://h:1?a=b,c=d"], ["uno"]) == {"uno": "socket://h:1?a=b,c=d"}


@pytest.mark.parametrize("given", [["/dev/ttyACM0"], ["uno=a", "uno=b"], ["sim", "uno=a"]])
def test_a_port_that_cannot_be_meant_is_refused(given: list[str]) -> None:
    with pytest.raises(UsageError):
        assign_ports(given, ["uno", "mega"])


@pytest.mark.parametrize(
    "given", [["uno=U", "native=x"], ["native=x"], ["uno=/dev/ttyACM0,native=x"], ["U,native=x"]]
)
def test_a_port_for_what_is_no_target_of_the_run_says_so(given: list[str]) -> None:
    with pytest.raises(UsageError, match="given for native, which is not among the targets: uno"):
        assign_ports(given, ["uno"])


@pytest.mark.parametrize("given", ["", "uno=", " "])
def test_an_empty_port_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        assign_ports([given], ["uno"])


# -- running


def python(code: str) -> list[str]:
    return [sys.executable, "-c", "import sys, time\n" + code]


def run_codes(pairs: Sequence[Pair], code: str) -> tuple[dict[str, tuple[int, str]], list[str]]:
    told: list[str] = []
    ended = run_all(
        pairs,
        lambda pair: python(code.replace("NAME", pair.name)),
        lambda pair, line: told.append(f"{pair.name}: {line}"),
    )
    return {pair.name: how for pair, how in ended.items()}, told


def test_boards_work_side_by_side_and_each_does_one_thing_at_a_time(tmp_path: Path) -> None:
    pairs = plan(["uno", "native", "mega"], [A, B], {"uno": "/dev/x", "mega": "/dev/x"})
    code = f"""
from pathlib import Path
here = Path({str(tmp_path)!r}) / 'here' / 'NAME'
here.parent.mkdir(exist_ok=True)
here.touch()
until = time.monotonic() + 30
met = here.parents[1] / 'met'
while len(list(here.parent.iterdir())) < 2 and not met.exists() and time.monotonic() < until:
    time.sleep(0.01)
met.touch()
time.sleep(0.2)
print(sorted(p.name for p in here.parent.iterdir()), file=sys.stderr)
here.unlink()
"""
    ended, told = run_codes(pairs, code)
    assert len(ended) == len(pairs)
    seen = [set(json.loads(line.split(": ", 1)[1].replace("'", '"'))) for line in told]
    shared = [{name for name in names if not name.startswith("native")} for names in seen]
    assert max(map(len, shared)) == 1, "two targets on one port are one board"
    assert all(sum(name.startswith("native") for name in names) <= 1 for names in seen)
    assert max(map(len, seen)) == 2, "nothing ran side by side"


def test_lines_are_told_by_pair_and_complaints_kept() -> None:
    code = """
print('build  NAME', file=sys.stderr)
print('tinyproof: port: NAME is gone.', file=sys.stderr)
print('  next: look.', file=sys.stderr)
print('nobody reads this')
sys.exit(4 if 'NAME'.endswith('a') else 0)
"""
    ended, told = run_codes(plan(["t"], [A, B], {}), code)
    assert ended["t-a"] == (4, "tinyproof: port: t-a is gone.")
    assert ended["t-b"][0] == 0
    assert told[:3] == [
        "t-a: build  t-a",
        "t-a: tinyproof: port: t-a is gone.",
        "t-a:   next: look.",
    ]


def test_an_interrupt_ends_all_runs(tmp_path: Path) -> None:
    def interrupt(pair: Pair, line: str) -> None:
        raise KeyboardInterrupt

    code = f"""
import os
from pathlib import Path
(Path({str(tmp_path)!r}) / str(os.getpid())).touch()
try:
    print('ready', file=sys.stderr, flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    (Path({str(tmp_path)!r}) / str(os.getpid())).write_text('cleaned up')
"""
    pairs = plan(["t", "u"], [A], {})
    with pytest.raises(KeyboardInterrupt):
        run_all(pairs, lambda _: python(code), interrupt)
    for file in tmp_path.iterdir():
        assert not Path("/proc", file.name).exists()
    assert "cleaned up" in [file.read_text() for file in tmp_path.iterdir()]


def test_a_run_that_cannot_be_started_is_an_error_and_ends_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def command(pair: Pair) -> list[str]:
        return python("time.sleep(600)") if pair.target == "t" else ["/nowhere/python"]

    started: list[subprocess.Popen[str]] = []

    def start(command: Sequence[str]) -> subprocess.Popen[str]:
        started.append(matrix_start(command))
        return started[-1]

    matrix_start = matrix._start
    monkeypatch.setattr(matrix, "_start", start)
    with pytest.raises(InfrastructureError):
        run_all(plan(["t", "u"], [A], {}), command, lambda *_: None)
    assert [process.returncode is None for process in started] == [False]


# -- what they came to

PAIR = Pair("t-a", "t", A, None)
PASSED = make_report(result())
FAILED = make_report(full_result())


def left(folder: Path, report: Any, code: int, said: str = "") -> Outcome:
    if report:
        folder.mkdir(exist_ok=True)
        write_report(report, folder)
    return outcome_of(PAIR, folder, code, said)


def test_only_exit_0_and_a_report_that_passed_are_a_proof(tmp_path: Path) -> None:
    assert PASSED.passed
    assert not FAILED.passed
    assert left(tmp_path / "1", PASSED, 0).passed
    doubtful = [
        left(tmp_path / "2", None, 0),
        left(tmp_path / "3", FAILED, 0),
        left(tmp_path / "4", PASSED, -9),
        left(tmp_path / "5", PASSED, 4, "tinyproof: storage: The disk is full."),
        left(tmp_path / "6", None, 2, "tinyproof: usage: No \x1b[31mmodel."),
        left(tmp_path / "7", FAILED, 1),
    ]
    assert [outcome.exit_code for outcome in doubtful] == [70, 70, 70, 4, 2, 1]
    failures = [outcome.failure for outcome in doubtful]
    assert failures == ["internal", "internal", "internal", "storage", "usage", "numeric"]
    assert all(outcome.sentence.isprintable() for outcome in doubtful)


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ("0 0", 0),
        ("0 4 1:latency", 4),
        ("1:latency 0", 1),
        ("4 2 1:numeric", 1),
        ("3 1:numeric 70", 1),
        ("4 3 2", 3),
        ("2 70 4", 70),
    ],
)
def test_the_worst_decides_a_wrong_answer_before_all(codes: str, code: int) -> None:
    outcomes = []
    for text in codes.split():
        number, _, failure = text.partition(":")
        outcomes.append(Outcome(PAIR, int(number), None, failure, ""))
    assert worst(outcomes) == code


def test_the_index_tells_every_pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = dataclasses.replace(PAIR, name="t-b", model=None)
    outcomes = [
        Outcome(PAIR, 0, PASSED, "", ""),
        Outcome(bad, 4, None, "port", "There is <no> such port."),
    ]
    assert conclude(outcomes, tmp_path) == 4
    index = json.loads((tmp_path / "index.json").read_text())
    assert index == index_of(outcomes)
    assert (index["schema"], index["passed"], index["exit_code"]) == (1, False, 4)
    jsonschema.Draft202012Validator(schema()).validate(index)
    first, second = index["pairs"]
    known = schema()["$defs"]["pair"]
    assert set(first) == set(known["properties"]) == set(known["required"])
    assert first["report"] == "t-a/report.json"
    assert first["verdicts"] == dict(PASSED.verdicts)
    assert first["failure"] is None
    assert second["report"] is None
    assert second["failure"] == {"class": "port", "sentence": "There is <no> such port."}
    page = (tmp_path / "index.html").read_text()
    assert "t-a/report.html" in page
    assert "<no>" not in page
    text = capsys.readouterr().out
    assert "PROVED: 1 of 2 pairs." in text
    assert "port: There is <no> such port." in text


def test_the_index_tells_models_of_one_name_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = plan(["t"], [Path("x/m.tflite"), Path("y/m.tflite")], {})
    conclude([Outcome(pair, 0, PASSED, "", "") for pair in pairs], tmp_path)
    page, text = (tmp_path / "index.html").read_text(), capsys.readouterr().out
    for name in ("x/m.tflite", "y/m.tflite"):
        assert name in page
        assert name in text


# -- the command


def test_one_failure_does_not_hide_a_proof(project: Project, out: Path) -> None:
    stale = out / "native-nowhere"
    stale.mkdir(parents=True)
    (stale / "report.json").write_text("{}")
    ended = call(
        "run", "--target", "native", "--model", f"{INT8},nowhere.tflite", "--model", FLOAT32,
        "--samples", SAMPLES, "--out", out,
    )  # fmt: skip
    assert ended.code == 2, ended
    index = json.loads((out / "index.json").read_text())
    how = {pair["name"]: (pair["passed"], pair["exit_code"]) for pair in index["pairs"]}
    assert how == {
        "native-int8": (True, 0),
        "native-nowhere": (False, 2),
        "native-float32": (True, 0),
    }
    assert index["pairs"][0]["verdicts"]["exact"] == 359
    assert json.loads((out / "native-int8" / "report.json").read_text())["passed"]
    assert not (stale / "report.json").exists()
    assert "PROVED: 2 of 3 pairs." in ended.out
    assert "native-int8     build " in ended.err


def test_no_target_at_all_is_this_machine(project: Project, out: Path) -> None:
    ended = call("run", "--target", ",", "--model", "a.tflite,b.tflite", "--out", out)
    assert ended.code == 2, ended
    index = json.loads((out / "index.json").read_text())
    assert [pair["name"] for pair in index["pairs"]] == ["native-a", "native-b"]


@pytest.mark.parametrize("option", ["--baseline", "--wire-log"])
def test_what_is_for_one_run_is_refused(option: str, project: Project, out: Path) -> None:
    given = ("run", "--target", "native,uno", option, out / "x", "--out", out)
    assert_complains(call(*given), 2, option)


def test_an_interrupted_matrix_leaves_no_process_and_no_earlier_index(
    project: Project, out: Path
) -> None:
    out.mkdir(parents=True)
    (out / "index.json").write_text('{"passed": true}')
    given = ("run", "--model", f"{INT8},{FLOAT32}", "--random", "50000", "--out", str(out))
    with Command(*given, cwd=project.root) as command:
        command.await_line("native-int8     generate")
        os.kill(command.process.pid, 2)
        ended = command.end()
        assert ended.code == 130
        assert command.descendants() == []
    assert not (out / "index.json").exists()
