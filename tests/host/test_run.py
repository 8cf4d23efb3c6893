"""The main job against the real firmware: proof, bad links, dying programs, wrong firmware."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from native_cli import (
    DIGITS_RUN,
    FLOAT32,
    INT8,
    LONG_RUN,
    ROOT,
    SAMPLES,
    Command,
    assert_complains,
    call,
    forget_builds,
    lay_out,
    report_of,
)
from tinyproof import platformio
from tinyproof.device import Answer, Device
from tinyproof.firmware import Firmware, generate_model, make_firmware
from tinyproof.harness import Board
from tinyproof.link import Link
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.protocol import PROTOCOL_VERSION
from tinyproof.simulators.faulty import Faults, FaultyLink
from tinyproof.simulators.process import ProcessLink
from tinyproof.targets import find_target


def firmware_of(project: Project, model: Path) -> Firmware:
    """Build ``model`` for native."""
    content = model.read_bytes()
    target, quiet = find_target(project, "native"), Progress()
    return make_firmware(project, target, content, generate_model(content, quiet), quiet)


@contextmanager
def started(program: Path) -> Iterator[str]:
    """Start a program as a user would and yield its port, which nobody has opened."""
    with ProcessLink([program]) as link:
        link._link.close()
        yield link.port


def prove_int8_on(port: str, out: Path) -> tuple[str | Path, ...]:
    return (*DIGITS_RUN, "--out", out, "--port", port)


# -- proof


@pytest.mark.parametrize("form", ["int8", "float32", "int8_float_io"])
def test_every_digit_is_exact(form: str, project: Project, out: Path) -> None:
    model = INT8.with_name(f"{form}.tflite")
    ended = call("run", "--model", model, "--samples", SAMPLES, "--out", out)
    assert ended.code == 0, ended
    report = report_of(out)
    assert report["passed"]
    assert report["verdicts"]["exact"] == report["samples"] == 359
    assert report["accuracy"]["device"] == report["accuracy"]["reference"] > 0.9
    assert "PROVED: 359 exact of 359 samples on native (aot, host process)." in ended.out


def test_the_report_names_the_terminal_and_the_tools_readably(project: Project, out: Path) -> None:
    ended = call(*DIGITS_RUN, "--out", out)
    report = report_of(out)
    assert report["port"].startswith("/dev/pts/")
    assert report["port"] in ended.out
    assert "\\n" not in ended.out
    assert "\n" not in report["build"]["compiler"]
    assert report["baud"] is None, "a pseudo-terminal has no speed"


def test_a_second_run_finds_everything_done(project: Project, out: Path) -> None:
    call(*DIGITS_RUN, "--out", out)
    ended = call(*DIGITS_RUN, "--out", out)
    assert ended.code == 0
    assert "up to date" in ended.err


def test_random_samples_prove_a_model_without_data(project: Project, out: Path) -> None:
    assert call("run", "--model", INT8, "--random", "40", "--out", out).code == 0
    report = report_of(out)
    assert report["verdicts"]["exact"] == 40
    assert report["accuracy"] is None


def test_a_latency_budget_that_is_missed_fails_the_run(project: Project, out: Path) -> None:
    ended = call(*DIGITS_RUN, "--out", out, "--max-latency-us", "0.001")
    assert_complains(ended, 1, "p99 latency")
    assert report_of(out)["failure"]["class"] == "latency"


def test_digits_are_trained_once_and_then_found(
    project: Project, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tinyproof.zoo import TrainedModel

    trainings: list[Path] = []

    def train(name: str, folder: Path, **more: object) -> TrainedModel:
        trainings.append(folder)
        return TrainedModel(ROOT / "fixtures" / name, name, 0, {}, {})

    monkeypatch.setattr("tinyproof.subject.train", train)
    monkeypatch.setattr("tinyproof.subject.load_trained", lambda folder: train("digits", folder))
    monkeypatch.setattr("tinyproof.subject.is_trained", lambda *_: bool(trainings))
    assert call("run", "--out", out).code == 0
    assert trainings == [project.state / "models" / "digits"]


# -- bad links


@pytest.mark.parametrize(
    ("faults", "event"),
    [
        (Faults(drop=2e-4), "retransmission"),
        (Faults(flip=5e-5), "dropped-frame"),
        (Faults(repeat=2e-4), "dropped-frame"),
        (Faults(repeat_frame=0.05), ""),
        (Faults(lose_frame=0.03, garbage=1e-4, swap=1e-4), "retransmission"),
    ],
    ids=["drops", "flips", "repeats bytes", "repeats frames", "does everything"],
)
def test_all_digits_are_proved_on_a_link_that(
    faults: Faults,
    event: str,
    project: Project,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    converse = Device.__init__

    def converse_badly(device: Device, link: Link) -> None:
        converse(device, FaultyLink(link, seed=3, from_board=faults, to_board=faults))

    monkeypatch.setattr(Device, "__init__", converse_badly)
    ended = call(*DIGITS_RUN, "--out", out)
    assert ended.code == 0, ended
    report = report_of(out)
    assert report["verdicts"]["exact"] == 359
    if event:
        assert event in {found["kind"] for found in report["events"]}


# -- dying programs


def kill_at(index: int, monkeypatch: pytest.MonkeyPatch, pid_of: Callable[[Board], int]) -> None:
    """Have the program killed as soon as the stream has given the answer to sample ``index``."""
    stream = Board.stream

    def stream_and_kill(board: Board, samples: Iterable[bytes]) -> Iterator[Answer]:
        for answer in stream(board, samples):
            if answer.index == index:
                os.kill(pid_of(board), signal.SIGKILL)
            yield answer

    monkeypatch.setattr(Board, "stream", stream_and_kill)


def pid_of_link(board: Board) -> int:
    link = board.device.link
    assert isinstance(link, ProcessLink)
    return link.pid


def test_a_program_killed_in_mid_stream_keeps_what_was_proved(
    project: Project, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(1000, monkeypatch, pid_of_link)
    ended = call(*LONG_RUN, "--out", out)
    assert_complains(ended, 4, "SIGKILL", "at sample")
    report = report_of(out)
    verdicts = report["verdicts"]
    assert verdicts["exact"] > 1000
    assert verdicts["exact"] + verdicts["missing"] == report["samples"]
    assert verdicts["missing"] > 0
    assert f"at sample {verdicts['exact']}." in report["failure"]["sentence"]
    assert report["failure"]["class"] == "port"
    assert not report["passed"]


def test_a_program_killed_from_outside_ends_a_run_in_progress(project: Project, out: Path) -> None:
    with Command(*LONG_RUN, "--out", out, cwd=project.root) as run:
        run.await_line("connect")
        (program,) = [pid for pid in run.descendants() if name_of(pid) == "program"]
        os.kill(program, signal.SIGKILL)
        assert_complains(run.end(), 4, "SIGKILL")
        assert not run.descendants()
    assert report_of(out)["failure"]["class"] == "port"


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_a_port_that_dies_in_mid_stream(
    project: Project, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProcessLink([firmware_of(project, INT8).build.program]) as program:
        program._link.close()
        kill_at(1000, monkeypatch, lambda _: program.pid)
        ended = call(*LONG_RUN, "--out", out, "--port", program.port)
    assert_complains(ended, 4, f"{program.port} vanished", "at sample")
    assert report_of(out)["verdicts"]["exact"] > 1000


# -- wrong firmware


def test_samples_that_all_have_one_answer_are_told_of(project: Project, out: Path) -> None:
    """They would prove a board that always gives that answer."""
    np.savez(out.parent / "same.npz", x=np.ones((5, 8, 8, 1), np.float32))
    ended = call("run", "--model", INT8, "--samples", out.parent / "same.npz", "--out", out)
    assert ended.code == 0
    (event,) = [e for e in report_of(out)["events"] if e["kind"] == "answers-alike"]
    assert event["text"] in " ".join(ended.out.split())


def test_a_program_started_by_hand_is_proved_on_its_port(project: Project, out: Path) -> None:
    with started(firmware_of(project, INT8).build.program) as port:
        ended = call(*prove_int8_on(port, out))
    assert ended.code == 0, ended
    report = report_of(out)
    assert report["port"] == port
    assert report["provenance"] == "emulator"
    page = (out / "report.md").read_text()
    assert "behind a URL or pseudo-terminal, perhaps a program" in page + ended.out


def assert_refused(out: Path, failure: str = "identity") -> None:
    report = report_of(out)
    assert not report["passed"]
    assert report["failure"]["class"] == failure
    assert report["verdicts"]["missing"] == report["samples"] == 359


def test_firmware_of_another_model_is_refused(project: Project, out: Path) -> None:
    with started(firmware_of(project, FLOAT32).build.program) as port:
        ended = call(*prove_int8_on(port, out))
    assert_complains(ended, 3, "The board's model is", "start this program")
    assert_refused(out)


def patched(program: Path, old: bytes, new: bytes, tmp_path: Path) -> Path:
    """Return a copy of a program with some of its bytes changed."""
    content = program.read_bytes()
    assert content.count(old) == 1
    copy = tmp_path / "patched"
    copy.write_bytes(content.replace(old, new))
    copy.chmod(0o755)
    return copy


def test_firmware_of_another_build_is_refused(project: Project, tmp_path: Path, out: Path) -> None:
    build = firmware_of(project, INT8).build
    with started(patched(build.program, build.id, bytes(16), tmp_path)) as port:
        ended = call(*prove_int8_on(port, out))
    assert_complains(ended, 3, "The board's build id is", build.id_hex[:16])
    assert_refused(out)


def test_one_weight_changed_under_an_honest_identity_is_refused(
    project: Project, tmp_path: Path, out: Path
) -> None:
    firmware = firmware_of(project, INT8)
    weights = last_weights(firmware.generated.header)
    changed = bytes([weights[0] ^ 1]) + weights[1:]
    with started(patched(firmware.build.program, weights, changed, tmp_path)) as port:
        ended = call(*prove_int8_on(port, out))
    assert_complains(ended, 3, "The board's weights checksum is")
    assert_refused(out)


def last_weights(header: str) -> bytes:
    """Return the last layer's weights in ``model.h``."""
    found = re.findall(r"/\* fully_connected_\d+_weights \*/([^}]+)", header)
    return bytes(int(number) & 0xFF for number in re.findall(r"-?\d+", found[-1]))


def rebuilt(project: Project, folder: Path, file: str, old: str, new: str) -> Path:
    """Build the digits' firmware with one of its sources changed, but under the right build id.

    Args:
        project: what is copied.
        folder: where to build.
        file: path in the project.
        old: text in the file.
        new: text to stand in its place.
    """
    good = firmware_of(project, INT8).build
    other = lay_out(folder / "project")
    source = other.root / file
    text = source.read_text()
    assert text.count(old) == 1
    source.write_text(text.replace(old, new))
    settings = good.settings | {"PLATFORMIO_WORKSPACE_DIR": str(folder / "pio")}
    arguments, log = ["run", "--environment", "native"], folder / "log"
    code = platformio.run(other, good.core, arguments, log=log, settings=settings)
    assert code == 0, log.read_text()
    return folder / "pio" / "build" / "native" / "program"


def test_firmware_of_another_protocol_is_refused(
    project: Project, tmp_path: Path, out: Path
) -> None:
    header = "firmware/lib/wire/include/tp_protocol.h"
    version = f"TP_PROTOCOL_VERSION {PROTOCOL_VERSION}"
    other = rebuilt(project, tmp_path, header, version, "TP_PROTOCOL_VERSION 9")
    with started(other) as port:
        ended = call(*prove_int8_on(port, out))
    assert_complains(ended, 3, f"protocol version 9, expected {PROTOCOL_VERSION}")
    assert_refused(out, "protocol")


@pytest.fixture(scope="module")
def wrong_kernel(shared_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that calls itself the right build, and rounds wrongly."""
    folder = tmp_path_factory.mktemp("wrong")
    rounding = "firmware/lib/nn/src/tp_requantize_once.c"
    return rebuilt(shared_project, folder, rounding, "<< (bits - 1)", "<< (bits - 2)")


def test_a_kernel_that_rounds_wrongly_is_found(
    project: Project, wrong_kernel: Path, out: Path
) -> None:
    with started(wrong_kernel) as port:
        ended = call(*prove_int8_on(port, out))
    assert_complains(ended, 1, "answers are", "the first at sample", "LSB off")
    report = report_of(out)
    assert report["failure"]["class"] == "numeric"
    assert report["verdicts"]["wrong"] > 0
    assert sum(report["verdicts"].values()) == 359
    assert "NOT PROVED (numeric)" in ended.out


def test_a_tolerance_lets_small_errors_pass_and_says_so(
    project: Project, wrong_kernel: Path, out: Path
) -> None:
    with started(wrong_kernel) as port:
        ended = call(*prove_int8_on(port, out), "--tolerance-lsb", "1")
    assert ended.code == 0, ended
    assert report_of(out)["verdicts"]["close"] > 0
    assert report_of(out)["tolerance_lsb"] == 1


def test_a_wrong_answer_outranks_a_program_that_died(
    project: Project, wrong_kernel: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProcessLink([wrong_kernel]) as program:
        program._link.close()
        kill_at(1000, monkeypatch, lambda _: program.pid)
        ended = call(*LONG_RUN, "--out", out, "--port", program.port)
    assert_complains(ended, 1, "wrong")
    assert report_of(out)["verdicts"]["missing"] > 0


# -- side by side


@pytest.mark.parametrize("models", [(INT8, INT8), (INT8, FLOAT32)], ids=["same", "different"])
def test_two_runs_at_once_in_one_checkout_both_prove(
    models: tuple[Path, Path], project: Project, tmp_path: Path
) -> None:
    forget_builds(project)
    runs = [
        Command(
            "run",
            "--model",
            model,
            "--samples",
            SAMPLES,
            "--out",
            tmp_path / str(i),
            cwd=project.root,
        )
        for i, model in enumerate(models)
    ]
    with runs[0], runs[1]:
        for i, run in enumerate(runs):
            ended = run.end()
            assert ended.code == 0, ended
            assert report_of(tmp_path / str(i))["verdicts"]["exact"] == 359
            assert report_of(tmp_path / str(i))["model"]["name"] == models[i].name
