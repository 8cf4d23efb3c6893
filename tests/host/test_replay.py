"""Wire logs: a run is judged again to the same verdicts, and a stranger's log does no harm."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native_cli import DIGITS_RUN, INT8, assert_complains, call, report_of
from tinyproof.device import Device
from tinyproof.errors import UsageError
from tinyproof.frame import Decoder, encode
from tinyproof.hello import Hello
from tinyproof.link import Link
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.protocol import ANSWER, MessageType
from tinyproof.replay import replay
from tinyproof.simulators.faulty import Faults, FaultyLink
from tinyproof.wirelog import Chunk, End, read_log

SAME = ("verdicts", "passed", "failure", "exit_code", "accuracy", "latency_us", "samples_sha256")


def assert_replays(log: Path, out: Path, code: int) -> dict[str, Any]:
    """Replay a log and hold the report against the run's."""
    run = report_of(out)
    ended = call("replay", log, "--out", out / "again")
    assert ended.code == run["exit_code"] == code, ended
    again = report_of(out / "again")
    assert {key: again[key] for key in SAME} == {key: run[key] for key in SAME}
    return again


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "wire.log"


def test_a_run_that_passed_passes_again(project: Project, out: Path, log: Path) -> None:
    assert call(*DIGITS_RUN, "--out", out, "--wire-log", log).code == 0
    again = assert_replays(log, out, 0)
    assert again["verdicts"]["exact"] == 359


def test_a_run_over_a_bad_link_replays(
    project: Project, out: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converse = Device.__init__

    def converse_badly(device: Device, link: Link) -> None:
        # The log is of the wire as the host sees it.
        faults = Faults(flip=5e-5, drop=1e-4, lose_frame=0.01, repeat_frame=0.02, garbage=1e-4)
        bad = FaultyLink(link, seed=3, from_board=faults, to_board=faults)
        bad.observer, link.observer = link.observer, None
        converse(device, bad)

    monkeypatch.setattr(Device, "__init__", converse_badly)
    assert call(*DIGITS_RUN, "--out", out, "--wire-log", log).code == 0
    assert_replays(log, out, 0)


def test_a_missed_budget_is_missed_again(project: Project, out: Path, log: Path) -> None:
    budget = ("--max-latency-us", "0.001")
    assert call(*DIGITS_RUN, "--out", out, "--wire-log", log, *budget).code == 1
    assert assert_replays(log, out, 1)["failure"]["class"] == "latency"


def test_budgets_that_the_bytes_can_prove_are_judged_again(
    project: Project, out: Path, log: Path
) -> None:
    budgets = ("--min-accuracy", "0.99", "--max-lsb", "0", "--max-p50-us", "1e6")
    assert call(*DIGITS_RUN, "--out", out, "--wire-log", log, *budgets).code == 1
    replayed = assert_replays(log, out, 1)
    assert replayed["failure"]["class"] == "numeric"
    met = [budget["measured"] <= budget["limit"] for budget in replayed["budgets"]]
    names = [budget["name"] for budget in replayed["budgets"]]
    assert dict(zip(names, met, strict=True)) == {
        "p50 latency": True, "accuracy": True, "largest error": True
    }  # fmt: skip


def test_a_program_that_dies_leaves_a_log_that_ends_alike(
    project: Project, out: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tinyproof.simulators.process import ProcessLink

    converse = Device.__init__

    def converse_briefly(device: Device, link: Link) -> None:
        converse(device, link)
        assert isinstance(link, ProcessLink)
        read, count = link._read, iter(range(4))
        monkeypatch.setattr(
            link, "_read", lambda until: read(until) if next(count, None) is not None else die(link)
        )

    def die(link: ProcessLink) -> bytes:
        link._process.kill()
        raise link._died(link._error("gone"))

    monkeypatch.setattr(Device, "__init__", converse_briefly)
    ended = call("run", "--model", INT8, "--random", "3000", "--out", out, "--wire-log", log)
    assert ended.code == 4
    again = assert_replays(log, out, 4)
    assert again["failure"]["class"] == "port"
    assert again["verdicts"]["missing"] > 0


def test_samples_in_parts_replay(project: Project, out: Path, log: Path, tmp_path: Path) -> None:
    """A frame of the native firmware holds 4096 bytes; the image takes more."""
    from nn_net import INT8 as KIND
    from nn_net import Net

    net = Net()
    x, y = net.input((1, 9000), KIND, 0.5, 0), net.output((1, 9000), KIND, 0.5, 0)
    net.operator("MAXIMUM", [x, net.constant(np.zeros((1, 9000), np.int8), scale=0.5)], [y],
                 "MaximumMinimumOptions")  # fmt: skip
    model = tmp_path / "large.tflite"
    model.write_bytes(net.build())
    run = ("run", "--model", model, "--random", "20", "--out", out, "--wire-log", log)
    assert call(*run).code == 0
    assert_replays(log, out, 0)


# -- logs that were tampered with


@pytest.fixture(scope="module")
def lines(shared_project: Project, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A log of five samples."""
    folder = tmp_path_factory.mktemp("log")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shared_project.root)
        run = ("run", "--model", INT8, "--random", "5", "--out", folder)
        assert call(*run, "--wire-log", folder / "log").code == 0
    return (folder / "log").read_text().splitlines()


Judge = Callable[[list[str]], Any]


@pytest.fixture
def judged(log: Path) -> Judge:
    def judged(lines: list[str]) -> Any:
        log.write_text("\n".join(lines) + "\n")
        return replay(log, Progress())

    return judged


def with_header(lines: list[str], **changes: Any) -> list[str]:
    return [json.dumps(json.loads(lines[0]) | changes), *lines[1:]]


def test_a_log_without_its_end_does_not_pass(lines: list[str], judged: Judge) -> None:
    from tinyproof.report import make_report

    report = make_report(judged(lines[:-1]))
    assert (report.passed, report.exit_code) == (False, 4)


def test_a_clock_that_was_off_measures_nothing_the_second_time(
    lines: list[str], judged: Judge
) -> None:
    end = {"end": {"error": "ClockError", "sentence": "It is off.", "hint": ""}}
    result = judged([*with_header(lines, max_latency_us=1e9)[:-1], json.dumps(end)])
    assert result.error.failure == "clock"
    assert not len(result.ticks)
    assert [budget.measured for budget in result.budgets] == [None]


def test_a_log_of_another_model_is_refused(lines: list[str], judged: Judge) -> None:
    other = base64.b64encode(INT8.with_name("int8_float_io.tflite").read_bytes()).decode()
    samples = base64.b64encode(bytes(64 * 4 * 5)).decode()
    result = judged(with_header(lines, model=other, samples=samples))
    assert result.error.failure == "identity"
    assert result.judgement is None


def test_a_log_of_another_build_is_refused(lines: list[str], judged: Judge) -> None:
    result = judged(with_header(lines, build_id="AAAAAAAAAAAAAAAAAAAAAA=="))
    assert result.error.failure == "identity"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("inputs", "description of its inputs"),
        ("outputs", "description of its outputs"),
        ("layers", "number of layers"),
    ],
)
def test_a_log_of_a_board_that_describes_the_model_otherwise_is_refused(
    field: str, words: str, lines: list[str], judged: Judge
) -> None:
    def otherwise(hello: Hello) -> Hello:
        was = getattr(hello.model, field)
        now = was + 1 if field == "layers" else (replace(was[0], scale=2 * was[0].scale),)
        changes: dict[str, Any] = {field: now}
        return replace(hello, model=replace(hello.model, **changes))

    assert judged(greeting(lines, lambda hello: hello)).error is None
    result = judged(greeting(lines, otherwise))
    assert result.error.failure == "identity"
    assert words in result.error.sentence


def greeting(lines: list[str], change: Callable[[Hello], Hello]) -> list[str]:
    """Return a log of just the first hello and its changed answer."""
    entries = [json.loads(line) for line in lines[1:-1]]
    asked = next(entry for entry in entries if "write" in entry)
    (request,) = Decoder(0).feed(base64.b64decode(asked["write"]))
    nonce = int.from_bytes(request.payload, "little")
    heard = b"".join(base64.b64decode(entry.get("read", "")) for entry in entries)
    kind = ANSWER | MessageType.HELLO
    frame = next(frame for frame in Decoder(nonce).feed(heard) if frame.type == kind)
    answer = encode(kind, frame.sequence, change(Hello.parse(frame.payload)).pack(), nonce)
    told = {"t": asked["t"], "read": base64.b64encode(answer).decode()}
    return [lines[0], json.dumps(asked), json.dumps(told), lines[-1]]


@pytest.mark.parametrize("kept", [0, 4])
def test_samples_that_were_answered_cannot_be_left_out(
    kept: int, lines: list[str], judged: Judge
) -> None:
    """They may be the wrong ones."""
    samples = base64.b64decode(json.loads(lines[0])["samples"])
    others = samples[: 64 * kept] + bytes(range(64)) * (5 - kept)
    with pytest.raises(UsageError, match="lacks samples that were answered"):
        judged(with_header(lines, samples=base64.b64encode(others).decode()))


def test_an_answer_that_was_changed_does_not_count(lines: list[str], judged: Judge) -> None:
    def changed(line: str) -> str:
        entry = json.loads(line)
        if "read" not in entry:
            return line
        data = bytearray(base64.b64decode(entry["read"]))
        data[len(data) // 2] ^= 4
        return json.dumps(entry | {"read": base64.b64encode(data).decode()})

    result = judged([changed(line) for line in lines])
    assert result.judgement is None or not result.judgement.passed


@pytest.mark.parametrize(
    "changes",
    [
        {"wire_log": 2},
        {"wire_log": True, "model": None},
        {"model": "%%%"},
        {"model": ""},
        {"samples": "AAAA"},
        {"samples": ""},
        {"labels": [1]},
        {"labels": [99] * 5, "task": "classification"},
        {"labels": [-1] * 5},
        {"labels": "0" * 5},
        {"task": "guess"},
        {"provenance": "heaven"},
        {"tolerance_lsb": -1},
        {"tolerance_lsb": True},
        {"max_latency_us": float("nan")},
        {"max_latency_us": -1},
        {"max_latency_us": 10**400},
        {"budgets": {"max_lsb": 10**400}},
        {"budgets": {"flash_bytes": 1}},
        {"budgets": [1]},
        {"budgets": {"latency_p99_us": 10**400}},
        {"budgets": {"\x1b": 1}},
        {"target": 7},
        {"build_id": 5},
    ],
    ids=str,
)
def test_a_header_that_is_wrong_is_refused(
    changes: dict[str, Any], lines: list[str], judged: Judge
) -> None:
    with pytest.raises(UsageError):
        judged(with_header(lines, **changes))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"t": "x", "read": ""}',
        '{"t": NaN, "read": ""}',
        '{"t": 1, "read": ""',
        '{"t": 1, "read": 5}',
        '{"t": 1, "read": "*"}',
        '{"t": 1, "read": "", "write": ""}',
        '{"t": 1' + "0" * 5000 + ', "read": ""}',
        '{"t": 1' + "0" * 400 + ', "read": ""}',
        '{"end": 3}',
        '{"end": {"error": "Exception", "sentence": "", "hint": ""}}',
        '{"end": {"error": ["x"], "sentence": "", "hint": ""}}',
        '{"end": {"error": "PortError"}}',
    ],
    ids=lambda line: line[:40],
)
def test_a_line_that_is_wrong_is_refused(line: str, lines: list[str], judged: Judge) -> None:
    with pytest.raises(UsageError):
        judged([*lines[:3], line, *lines[3:]])


def test_nothing_may_follow_the_end(lines: list[str], judged: Judge) -> None:
    with pytest.raises(UsageError):
        judged([*lines, lines[-1]])


def test_words_of_a_stranger_do_not_reach_the_terminal(lines: list[str], judged: Judge) -> None:
    evil = "\x1b]0;x\x07" + "y" * 100_000
    end = {"end": {"error": "PortError", "sentence": evil, "hint": evil}}
    result = judged([*with_header(lines, port=evil)[:-1], json.dumps(end)])
    assert "\x1b" not in result.error.sentence + result.error.hint + result.port
    assert len(result.error.sentence) <= 2100


def test_no_log_is_one_sentence_on_the_command_line(
    project: Project, tmp_path: Path, out: Path
) -> None:
    assert_complains(call("replay", tmp_path / "none", "--out", out), 2, "no wire log")
    assert_complains(call("replay", INT8, "--out", out), 2, "damaged")


def test_a_log_that_cannot_be_written_stops_the_run_at_once(project: Project, out: Path) -> None:
    assert_complains(call(*DIGITS_RUN, "--out", out, "--wire-log", out / "no" / "log"), 4, "wire")


def test_a_log_on_a_full_disk_costs_no_verdict(project: Project, out: Path) -> None:
    ended = call(*DIGITS_RUN, "--out", out, "--wire-log", "/dev/full")
    assert ended.code == 4
    report = report_of(out)
    assert report["verdicts"]["exact"] == 359
    assert report["failure"]["class"] == "storage"


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_log_is_read_or_refused(
    lines: list[str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray("\n".join(lines).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        _, entries = read_log(path)
        assert all(isinstance(entry, Chunk | End) for entry in entries)
    except UsageError:
        return
