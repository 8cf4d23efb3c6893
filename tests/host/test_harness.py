"""The one place where boards are had: verdicts of streams, tolerance, what reports say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from serial.tools.list_ports_common import ListPortInfo

from native_cli import INT8, SAMPLES
from tinyproof import clock
from tinyproof.budgets import Budgets
from tinyproof.course import Course, RunOptions, result_of
from tinyproof.errors import ClockError, PortError
from tinyproof.harness import Board, open_session, provenance
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.samples import PreparedSamples, SampleSet, load_samples
from tinyproof.subject import given_or_fixture
from tinyproof.targets import find_target
from tinyproof.verdict import Task, Verdict


@pytest.fixture(scope="module")
def board(shared_project: Project) -> Iterator[Board]:
    """The digits on native."""
    subject = given_or_fixture(shared_project, INT8, SAMPLES)
    with open_session(shared_project, subject, Progress(), target="native") as met:
        yield met


@pytest.fixture(scope="module")
def samples(board: Board) -> PreparedSamples:
    return board.prepare(load_samples(SAMPLES))


def test_verify_gives_a_verdict_on_each_sample(board: Board, samples: PreparedSamples) -> None:
    judgement = board.verify(samples)
    assert judgement.passed
    assert judgement.counts()[Verdict.EXACT] == len(samples)
    assert judgement.task is Task.CLASSIFICATION
    assert board.judgements[-1] is judgement


def test_without_labels_outputs_are_compared_as_tensors(board: Board) -> None:
    x = np.random.default_rng(1).uniform(0, 1, (9, 8, 8, 1)).astype(np.float32)
    judgement = board.verify(board.prepare(SampleSet.from_arrays(x)))
    assert judgement.passed
    assert judgement.task is Task.TENSOR


def test_the_boards_tolerance_serves_where_none_is_given(
    board: Board, samples: PreparedSamples
) -> None:
    tolerant = replace(board, tolerance_lsb=3)
    assert board.verify(samples).tolerance_lsb is None
    assert tolerant.verify(samples).tolerance_lsb == 3
    assert tolerant.verify(samples, tolerance_lsb=0).tolerance_lsb == 0


def test_an_answer_that_differs_is_wrong(
    board: Board, samples: PreparedSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Board.stream

    def lie_once(this: Board, given: PreparedSamples) -> Iterator[object]:
        for answer in stream(this, given):
            changed = bytes([answer.output[0] ^ 0x7F]) + answer.output[1:]
            yield replace(answer, output=changed) if answer.index == 17 else answer

    monkeypatch.setattr(Board, "stream", lie_once)
    judgement = board.verify(samples, task=Task.TENSOR)
    assert not judgement.passed
    assert judgement.which(Verdict.WRONG).tolist() == [17]


def test_the_same_input_with_two_answers_is_unstable(
    board: Board, samples: PreparedSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = board.prepare(SampleSet.from_arrays(np.zeros((4, 8, 8, 1), np.float32)))
    stream = Board.stream

    def waver(this: Board, given: PreparedSamples) -> Iterator[object]:
        for answer in stream(this, given):
            changed = bytes(reversed(answer.output))
            yield replace(answer, output=changed) if answer.index == 2 else answer

    monkeypatch.setattr(Board, "stream", waver)
    judgement = board.verify(twice)
    assert judgement.counts()[Verdict.UNSTABLE] > 0
    assert not judgement.passed


def test_a_board_tells_reports_who_it_is(board: Board) -> None:
    told = dict(board.properties())
    assert told["target"] == "native"
    assert told["port"].startswith("/dev/pts/")
    assert told["model.sha256"] == board.firmware.generated.sha256
    assert told["build"] == board.hello.build_id.hex()


def test_a_latency_is_not_judged_by_a_clock_that_is_off(
    board: Board, samples: PreparedSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "LIMIT", -1.0)  # No clock is as good as that.
    monkeypatch.setattr(clock, "LEAST_SECONDS", 0.01)
    with pytest.raises(ClockError, match="its latencies are refused"):
        replace(board, budgets=Budgets(latency_p99_us=1e6)).verify(samples)
    assert replace(board, budgets=Budgets(flash_bytes=1e6)).verify(samples).passed


def test_a_clock_that_is_off_hides_no_wrong_answer(
    board: Board, samples: PreparedSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "LIMIT", -1.0)
    monkeypatch.setattr(clock, "LEAST_SECONDS", 0.01)
    stream = Board.stream

    def wrong(this: Board, given: PreparedSamples) -> Iterator[object]:
        for answer in stream(this, given):
            yield replace(answer, output=bytes(reversed(answer.output)))

    strict = replace(board, budgets=Budgets(latency_p99_us=1e6), judgements=[])
    with pytest.raises(ClockError):
        strict.verify(samples)
    assert len(strict.judgements) == 1
    monkeypatch.setattr(Board, "stream", wrong)
    assert strict.verify(samples).counts()[Verdict.WRONG] > 0


def test_the_clock_is_watched_once_in_a_session(
    board: Board, samples: PreparedSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched: list[object] = []
    monkeypatch.setattr("tinyproof.harness.demand_clock", watched.append)
    demanding = replace(board, budgets=Budgets(latency_p99_us=1e6))
    for _ in range(2):
        demanding.verify(samples)
    assert len(watched) == 1
    demanding.device.reset()
    demanding.verify(samples)
    assert len(watched) == 2


def test_only_what_is_attached_to_this_machine_is_a_board(board: Board, tmp_path: Path) -> None:
    target = board.firmware.target
    link = tmp_path / "ttyBOARD"
    link.symlink_to(board.port)
    assert provenance(target, board.port, simulated=False) == "emulator"
    assert provenance(target, str(link), simulated=False) == "emulator"
    assert provenance(target, "/dev/null", simulated=False) == "board"
    for url in ("socket://localhost:4000", "rfc2217://host:2217", "loop://", f"spy://{board.port}"):
        assert provenance(target, url, simulated=False) == "emulator"
    assert provenance(target, board.port, simulated=True) == target.provenance == board.provenance


@pytest.mark.parametrize(
    "url", ["spy://{}", "spy://{}?file=x#y", "alt://{}?class=PosixPollSerial", "hwgrep://{}&n=2"]
)
def test_a_url_in_front_of_a_serial_port_is_worth_what_the_port_is(
    url: str, board: Board, tmp_path: Path, attach: Callable[..., None]
) -> None:
    target = board.firmware.target
    attach(*(ListPortInfo(port, True) for port in ("/dev/null", board.port)))
    assert provenance(target, url.format("/dev/null"), simulated=False) == "board"
    assert provenance(target, url.format(board.port), simulated=False) == "emulator"


def test_a_search_that_finds_no_port_or_may_find_a_program_proves_no_board(
    board: Board, attach: Callable[..., None]
) -> None:
    attach(*(ListPortInfo(port, True) for port in ("/dev/null", board.port)))
    for url in ("hwgrep://no such port", "hwgrep://dev", "hwgrep://["):
        assert provenance(board.firmware.target, url, simulated=False) == "emulator"


@pytest.mark.parametrize(
    ("port", "worth", "simulated", "known"),
    [
        ("/dev/ttyACM0", "board", False, True),
        ("hwgrep://2341:0043", "board", False, True),
        ("rfc2217://host:2217", "emulator", False, True),
        ("/dev/pts/3", "cycle-exact", True, True),
        ("/dev/pts/3", "emulator", False, False),
        ("socket://localhost:4000", "emulator", False, False),
        (None, "board", False, False),
    ],
)
def test_the_speed_of_a_line_is_told_where_both_ends_were_set_to_it(
    port: str | None,
    worth: str,
    simulated: bool,
    known: bool,
    board: Board,
    shared_project: Project,
) -> None:
    subject = given_or_fixture(shared_project, INT8, SAMPLES)
    uno = find_target(shared_project, "uno")
    course = Course(RunOptions(target="uno"), uno, subject, simulated)
    if port is not None:
        course.board = replace(board, port=port, provenance=worth)
    assert result_of(shared_project, course).baud == (115_200 if known else None)


def test_a_session_on_a_target_that_needs_a_port_says_so(project: Project) -> None:
    subject = given_or_fixture(project, INT8, SAMPLES)
    session = open_session(project, subject, Progress(), target="uno")
    with pytest.raises(PortError, match="needs a port"), session:
        pass
