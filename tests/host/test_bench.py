"""The bench: its figures held against independent ones, and what it adds to a run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from click.testing import CliRunner

from native_cli import DIGITS_RUN, INT8, ROOT, SAMPLES, call, report_of
from tinyproof.bench import time_window
from tinyproof.cli.bench import command
from tinyproof.codegen import generate
from tinyproof.device import Answer, Device
from tinyproof.elf import symbols
from tinyproof.errors import DeviceError, ReferenceFailedError
from tinyproof.firmware import Firmware, generate_model, make_firmware
from tinyproof.harness import Board
from tinyproof.image import image_figures
from tinyproof.litert_latency import Plan, time_litert
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.protocol import ErrorCode
from tinyproof.samples import load_samples, prepare
from tinyproof.simulators.start import start_program
from tinyproof.targets import find_target
from tools import require_tool

BRIEF = Plan(warmup_ms=0, warmup_runs=2, run_ms=0, runs=5)
TIMED = 600
"""Inferences of a round that are timed from inside and outside."""
ROUNDS = 6
"""At most; external_timer.c keeps 4,096 inferences."""


@pytest.fixture(scope="session")
def native_firmware(shared_project: Project) -> Firmware:
    """The int8 digits built for this machine."""
    target, quiet, model = find_target(shared_project, "native"), Progress(), INT8.read_bytes()
    return make_firmware(shared_project, target, model, generate_model(model, quiet), quiet)


@pytest.fixture(scope="session")
def benched(shared_project: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of one small bench on this machine."""
    out = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shared_project.root)
        samples = ("--model", INT8, "--samples", SAMPLES)
        size = ("--n", "40", "--repeats", "3", "--warmup", "4", "--no-litert", "--trace")
        assert call("bench", *samples, *size, "--out", out).code == 0
    return report_of(out)


def test_a_bench_proves_and_times_each_repeat(benched: dict[str, Any]) -> None:
    bench = benched["bench"]
    assert benched["verdicts"]["exact"] == benched["samples"] == 359
    assert (bench["warmup"], bench["n"], len(bench["repeats_p50_us"])) == (4, 40, 3)
    assert benched["latency_us"]["n"] == 120
    assert bench["device_us"] == sorted(bench["repeats_p50_us"])[1]
    assert bench["litert"] == []


def test_a_trace_of_firmware_that_is_whole_finds_nothing(benched: dict[str, Any]) -> None:
    assert benched["first_difference"] is None
    (event,) = [event for event in benched["events"] if event["kind"] == "trace"]
    assert event["text"] == "sample 0: all 2 layers agree with LiteRT when they are traced"


def test_the_parts_of_a_samples_time_make_up_the_whole(benched: dict[str, Any]) -> None:
    bench = benched["bench"]
    awaited_us = 1e6 / bench["stop_and_wait_samples_per_s"]
    assert bench["wire_us"] > 0
    assert bench["host_us"] > 0
    assert bench["device_us"] + bench["wire_us"] <= awaited_us * 1.5


def test_layers_are_profiled_and_their_shares_make_one(benched: dict[str, Any]) -> None:
    layers = benched["layers"]
    assert [layer["name"] for layer in layers] == ["CONV_2D + MAX_POOL_2D", "FULLY_CONNECTED"]
    assert sum(layer["share"] for layer in layers) == pytest.approx(1, abs=1e-3)
    assert all(layer["ticks_min"] <= layer["ticks"] <= layer["ticks_max"] for layer in layers)
    assert sum(layer["macs"] for layer in layers) == 3312


def test_a_programs_cycles_are_not_guessed(benched: dict[str, Any]) -> None:
    assert {layer["cycles_per_mac"] for layer in benched["layers"]} == {None}


def test_an_inference_that_fails_ends_the_bench() -> None:
    """A refusal is fast: it must not pass for a fast inference."""
    refused = DeviceError("The board refuses.", code=ErrorCode.ENGINE, detail=0)
    answers = [Answer(0, b"", 0, 1, None), Answer(1, b"", 0, 1, refused)]
    board = SimpleNamespace(simulator=None, stream=lambda _: iter(answers))
    with pytest.raises(DeviceError, match="refuses"):
        time_window(cast(Board, board), [b"", b""])


def test_the_arena_is_the_generators_plan(benched: dict[str, Any]) -> None:
    assert benched["memory"]["arena"] == generate(INT8.read_bytes()).arena_bytes
    (arena,) = [s for s in benched["image"]["symbols"] if s["name"] == "tp_arena"]
    assert (arena["memory"], arena["bytes"]) == ("ram", benched["memory"]["arena"])


def test_a_program_measures_its_stack_and_leaves_ram_to_the_system(benched: dict[str, Any]) -> None:
    assert 0 < benched["memory"]["stack"] < 65536
    assert benched["memory"]["free_ram"] is None


def test_a_bench_has_every_option_of_a_run_but_those_for_benches_and_logs() -> None:
    said = CliRunner().invoke(command, ["--help"]).output
    for option in ("--target", "--samples", "--max-flash", "--tolerance-lsb", "--trace", "--out"):
        assert option in said
    assert "--wire-log" not in said


def test_a_trace_that_fails_takes_no_proof_away(
    project: Project, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ReferenceFailedError("LiteRT has no such tensor.")

    monkeypatch.setattr("tinyproof.closer.find_first_difference", refuse)
    assert call(*DIGITS_RUN, "--trace", "--out", out).code == 0
    (event,) = [event for event in report_of(out)["events"] if event["kind"] == "trace"]
    assert event["text"] == "sample 0: LiteRT has no such tensor."


# -- held against other tools


def test_sections_and_symbols_are_those_of_binutils(native_firmware: Firmware) -> None:
    program = native_firmware.build.program
    require_tool("size")
    said = subprocess.run(["size", program], capture_output=True, text=True, check=True).stdout
    text, data, bss = map(int, said.splitlines()[1].split()[:3])
    image = image_figures(program)
    totals = dict.fromkeys(("text", "data", "bss"), 0)
    for section in image.sections:
        totals[section.kind] += section.bytes
    assert totals == {"text": text, "data": data, "bss": bss}
    said = subprocess.run(["nm", "-S", program], capture_output=True, text=True, check=True).stdout
    listed = {
        words[3]: int(words[1], 16)
        for words in map(str.split, said.splitlines())
        if len(words) == 4
    }
    for symbol in symbols(program):
        assert listed.get(symbol.name, symbol.bytes) == symbol.bytes
    for memory in ("flash", "ram"):
        sizes = [symbol.bytes for symbol in image.symbols if symbol.memory == memory]
        assert sizes == sorted(sizes, reverse=True)
        assert 5 < len(sizes) <= 10


def wrap_engine(firmware: Firmware, source: str, program: Path) -> None:
    """Link the firmware again with a wrapper around its engine."""
    objects = sorted(firmware.build.program.parent.rglob("*.o"))
    command: list[str | Path] = [require_tool("gcc"), "-O2", "-Wl,--wrap=tp_engine_invoke"]
    command += ["-Wl,-z,now", ROOT / "tests" / "bench" / source, *objects, "-o", program]
    subprocess.run(command, check=True)


def test_the_stack_mark_grows_by_what_a_canary_takes(
    native_firmware: Firmware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrap_engine(native_firmware, "stack_canary.c", tmp_path / "program")
    (sample,) = prepare(load_samples(SAMPLES), native_firmware.generated.inputs)[:1]
    marks = []
    for size in (16, 5008, 40_000):
        monkeypatch.setenv("TP_CANARY", str(size))
        with Device(start_program(native_firmware.target, tmp_path / "program")) as device:
            device.hello()
            device.infer(sample)
            marks.append(device.status().stack_used)
    assert [mark - marks[0] for mark in marks] == [0, 5008 - 16, 40_000 - 16]


def test_ticks_agree_with_a_timer_outside_of_the_firmware(
    native_firmware: Firmware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both time the very same inferences, so that the machine's noise is in both.

    A round in which the machine came between the two clocks is measured again.
    """
    times, program = tmp_path / "times", tmp_path / "program"
    times.write_bytes(bytes(4 * 4096))
    wrap_engine(native_firmware, "external_timer.c", program)
    monkeypatch.setenv("TP_TIMES", str(times))
    samples = prepare(load_samples(SAMPLES), native_firmware.generated.inputs)
    with Device(start_program(native_firmware.target, program)) as device:
        hz, ratios = device.hello().tick_rate, []
        for start in range(0, ROUNDS * TIMED, TIMED):
            inside = [device.infer(samples[i % len(samples)]).ticks for i in range(TIMED)]
            outside = np.frombuffer(times.read_bytes(), np.uint32)[start : start + TIMED]
            assert outside.all()
            ratios.append(np.median(inside) / hz * 1e9 / np.median(outside))
            if 0.95 <= ratios[-1] <= 1.05:
                return
    raise AssertionError(f"Inside and outside differ in every round: {ratios}")


# -- LiteRT on this machine


@pytest.mark.parametrize("is_reference", [True, False])
def test_litert_is_timed_as_often_as_planned(is_reference: bool) -> None:
    model = INT8.read_bytes()
    timing = time_litert(model, bytes(64), is_reference=is_reference, plan=BRIEF)
    assert (timing.warmup, timing.latency_us.n) == (2, 5)
    assert 0 < timing.latency_us.min <= timing.latency_us.p50 <= timing.latency_us.max


def test_a_model_that_litert_does_not_run_is_not_timed() -> None:
    with pytest.raises(ReferenceFailedError, match="could not be timed"):
        time_litert(b"no model", bytes(64), is_reference=True, plan=BRIEF)


# -- memory of the host

GROWTH = """
import resource, sys
from tinyproof.cli import main
peaks = []
for count in sys.argv[3:]:
    assert main(["run", "--model", sys.argv[1], "--random", count, "--out", sys.argv[2]]) == 0
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.stderr.write(f"PEAKS {' '.join(map(str, peaks))}\\n")
"""


def test_a_hundred_thousand_samples_would_fit_into_200_mib(project: Project, out: Path) -> None:
    """The peak with few samples, and what each further one adds."""
    counts = (500, 8500)
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, INT8, out, *map(str, counts)],
        capture_output=True, text=True, cwd=project.root,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    few, many = map(int, done.stderr.splitlines()[-1].split()[1:])
    each = (many - few) / (counts[1] - counts[0])
    assert few + each * 100_000 < 200 * 1024
