"""Simulated Arduinos, the whole path: build, upload through the bootloader, stream, prove."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from avr_programs import build_sketch, to_hex
from boards import AVR, require_avr, simulated

from native_cli import DIGITS, FLOAT32, INT8, ROOT, SAMPLES, report_of
from tinyproof.harness import Board
from tinyproof.project import Project
from tinyproof.samples import load_samples
from tools import missing

pytestmark = [pytest.mark.timeout(600)]
GOLDEN = Path(__file__).parent / "golden_cycles.json"
RUN = ("run", "--model", str(INT8), "--samples", str(SAMPLES))
UPDATE = bool(os.environ.get("TINYPROOF_UPDATE_GOLDEN"))


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    require_avr()


def tinyproof(project: Project, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start ``tinyproof ARGUMENTS`` in the project."""
    command = [sys.executable, "-m", "tinyproof", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=project.root, stdout=pipe, stderr=pipe, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error."""
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def prove(project: Project, out: Path, *arguments: str) -> dict[str, Any]:
    """Run the main job, which must prove all digits, and return its report."""
    code, _, err = ended(tinyproof(project, *RUN, "--out", out, *arguments))
    assert code == 0, err
    report = report_of(out)
    assert report["verdicts"]["exact"] == report["samples"] == 359
    return report


@pytest.mark.parametrize("target", AVR)
def test_every_test_for_boards_passes(boards_project: Project, target: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command += [str(ROOT / "tests" / "hil"), "--tp-target", target, "--tp-port", "sim"]
    done = subprocess.run(command, cwd=boards_project.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


@pytest.mark.parametrize("baud", [115_200, 1_000_000])
def test_the_uno_streams_at_the_limit_in_simulated_time(
    boards_project: Project, tmp_path: Path, baud: int
) -> None:
    report = prove(
        boards_project, tmp_path, "--target", "uno", "--port", "sim", "--baud", str(baud)
    )
    assert report["provenance"] == "cycle-exact"
    assert report["baud"] == baud
    throughput, memory = report["throughput"], report["memory"]
    assert 0.95 < throughput["samples_per_s"] / throughput["limit_samples_per_s"] < 1.02
    assert memory["static_ram"] <= 1400
    assert memory["flash"] <= 12 << 10
    assert report["quiet_latency_us"] * 16 <= 100_000  # cycles at 16 MHz
    assert memory["static_ram"] + memory["stack"] + memory["free_ram"] == memory["ram_size"] == 2048
    assert report["quiet_latency_us"] <= report["latency_us"]["p50"]


def quiet_cycles(board: Board, sample: bytes) -> dict[str, Any]:
    """Return the cycles of one inference by layer, and as a whole when it is not observed."""
    profile = board.device.profile(sample)
    return {"layers": list(profile.layers), "inference": board.device.infer(sample).ticks}


@pytest.mark.parametrize("target", AVR)
def test_each_layer_takes_the_cycles_it_always_took(
    boards_project: Project, tmp_path: Path, target: str
) -> None:
    """Two builds and two runs: the same cycles, and those of the golden file.

    TINYPROOF_UPDATE_GOLDEN=1 writes what this compiler makes; then read the difference.
    """
    elsewhere = Project(boards_project.root, tmp_path / "state")
    found = []
    for project in (boards_project, elsewhere):
        with simulated(project, target) as board:
            sample = board.prepare(load_samples(SAMPLES))[0]
            found.append(quiet_cycles(board, sample))
            found.append(quiet_cycles(board, sample))
            compiler = board.firmware.build.toolchain.splitlines()[-1]
    assert found == [found[0]] * 4
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if UPDATE:
        golden.setdefault(compiler, {})[target] = found[0]
        GOLDEN.write_text(json.dumps(golden, indent=2, sort_keys=True) + "\n")
    if compiler not in golden:
        missing(f"{GOLDEN.name} has no cycles for {compiler}; TINYPROOF_UPDATE_GOLDEN=1 adds them")
    assert found[0] == golden[compiler][target], f"cycles of {target} with {compiler}"


def test_the_float_model_is_proved_on_the_mega(boards_project: Project, tmp_path: Path) -> None:
    arguments = ("--model", FLOAT32, "--random", "12", "--task", "tensor", "--out", tmp_path)
    where = ("--target", "megaatmega2560", "--port", "sim")
    code, _, err = ended(tinyproof(boards_project, "run", *arguments, *where))
    assert code == 0, err
    assert report_of(tmp_path)["verdicts"]["exact"] == 12


def test_ten_boards_at_once_all_prove(boards_project: Project, tmp_path: Path) -> None:
    where = ("--target", "uno", "--port", "sim")
    running = [
        tinyproof(boards_project, *RUN, *where, "--out", tmp_path / str(number))
        for number in range(10)
    ]
    codes = {number: ended(process) for number, process in enumerate(running)}
    assert [code for code, _, _ in codes.values()] == [0] * 10, codes
    reports = [report_of(tmp_path / str(number)) for number in range(10)]
    assert [report["verdicts"]["exact"] for report in reports] == [359] * 10
    assert len({report["quiet_latency_us"] for report in reports}) == 1


@pytest.fixture
def uno(boards_project: Project, tmp_path: Path) -> Iterator[Path]:
    """A simulated Uno for any program: the link to its port."""
    link = tmp_path / "ttyUNO"
    process = tinyproof(
        boards_project, "simulate", "--target", "uno", "--speed", "1", "--link", link
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"port {link.resolve()}\n"
        yield link
    finally:
        process.send_signal(signal.SIGINT)
        code, _, _ = ended(process)
    assert code == 130
    assert not link.is_symlink()


def test_someone_elses_sketch_is_refused_then_flashed_over_and_the_model_proved(
    boards_project: Project, uno: Path, tmp_path: Path
) -> None:
    sketch = to_hex(build_sketch(tmp_path))
    dude = ["avrdude", "-p", "atmega328p", "-c", "arduino", "-P", str(uno), "-b", "115200"]
    subprocess.run([*dude, "-D", "-U", f"flash:w:{sketch}:i"], check=True, capture_output=True)
    board = ("--target", "uno", "--port", str(uno))

    code, _, err = ended(tinyproof(boards_project, *RUN, *board, "--no-flash"))
    assert code == 4
    assert "boot: No answer from TinyProof's firmware" in err
    assert "sketch" in err

    arguments = (*RUN, *board, "--out", tmp_path / "report")
    code, _, err = ended(tinyproof(boards_project, *arguments))
    report = report_of(tmp_path / "report")
    assert report["verdicts"]["exact"] == report["samples"] == 359
    assert report["provenance"] == "emulator", "a program, and nobody can tell which"
    assert report["baud"] is None, "nobody can tell how fast it is"
    assert_only_its_clock_may_be_off(code, err)
    # It runs our firmware now, but another model's is asked for; then the same one again.
    other = ("--model", DIGITS / "int8_float_io.tflite", "--samples", SAMPLES)
    code, _, err = ended(tinyproof(boards_project, "run", *other, *board, "--no-flash"))
    assert code == 3
    assert "identity: The board's model is" in err
    code, _, err = ended(tinyproof(boards_project, *RUN, *board, "--no-flash"))
    assert_only_its_clock_may_be_off(code, err)
    assert "\nflash" not in err


def assert_only_its_clock_may_be_off(code: int, err: str) -> None:
    """A simulated board keeps real time only where this machine has that much to spare."""
    assert code == 0 or (code == 3 and "tinyproof: clock: The board's clock is" in err), err


def test_without_a_compiler_the_next_step_is_its_installation(
    boards_project: Project, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tinyproof", *RUN, "--target", "uno", "--port", "sim"]
    bare = {**os.environ, "PATH": str(tmp_path), "TINYPROOF_CORE_DIR": str(tmp_path / "core")}
    done = subprocess.run(
        command, cwd=boards_project.root, env=bare, capture_output=True, text=True
    )
    assert done.returncode == 4
    assert "toolchain: " in done.stderr
    assert "sudo apt-get install" in done.stderr
