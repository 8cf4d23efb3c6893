"""The bench on a simulated Uno: exact where the simulator is, and held against the chip itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import numpy as np
import pytest
from boards import require_avr, simulated

from native_cli import SAMPLES
from tinyproof.bench import BenchOptions, Measurement, measure
from tinyproof.harness import Board
from tinyproof.image import image_figures
from tinyproof.layers import layer_figures, planned_layers
from tinyproof.progress import Step
from tinyproof.project import Project
from tinyproof.samples import PreparedSamples, load_samples
from tinyproof.simulators.start import SimavrBoard

ATTEMPTS = 5
SMALL = BenchOptions(warmup=1, n=6, repeats=2, litert=None)


@pytest.fixture(scope="module")
def uno(boards_project: Project) -> Iterator[Board]:
    """A simulated Uno that runs the int8 digits."""
    require_avr()
    with simulated(boards_project, "uno") as board:
        yield board


@pytest.fixture(scope="module")
def samples(uno: Board) -> PreparedSamples:
    return uno.prepare(load_samples(SAMPLES))


def measured(uno: Board, samples: PreparedSamples) -> Measurement:
    return measure(uno, samples.records, [None] * len(samples), SMALL, Step())


def assert_mark_is_the_chips(board: Board) -> int:
    """Hold the mark that the firmware paints against the deepest stack pointer; return it."""
    assert isinstance(board.simulator, SimavrBoard)
    mark = board.device.status().stack_used
    assert mark == board.simulator.simulator.status().stack
    return mark


def test_the_stack_mark_is_the_deepest_stack_pointer(uno: Board, samples: PreparedSamples) -> None:
    marks = [assert_mark_is_the_chips(uno)]
    uno.device.infer(samples[0])
    marks.append(assert_mark_is_the_chips(uno))
    uno.device.profile(samples[0])
    marks.append(assert_mark_is_the_chips(uno))
    assert len(list(uno.stream(list(samples)[:30]))) == 30
    marks.append(assert_mark_is_the_chips(uno))
    assert marks == sorted(marks)
    assert marks[0] < marks[-1]


def test_the_image_is_as_large_as_avr_size_says(uno: Board) -> None:
    program = uno.firmware.build.program
    done = subprocess.run(["avr-size", program], capture_output=True, text=True, check=True)
    text, data, bss = map(int, done.stdout.splitlines()[1].split()[:3])
    image = image_figures(program)
    sums = {
        kind: sum(s.bytes for s in image.sections if s.kind == kind)
        for kind in ("text", "data", "bss")
    }
    assert sums == {"text": text, "data": data, "bss": bss}
    arena = next(s for s in image.symbols if s.name.startswith("tp_arena"))
    assert arena.bytes == uno.firmware.generated.arena_bytes == uno.hello.arena_used


def test_two_benches_take_the_same_cycles(uno: Board, samples: PreparedSamples) -> None:
    first, second = (measured(uno, samples) for _ in range(2))
    assert np.array_equal(first.ticks, second.ticks)
    assert len(set(first.profiles) | set(second.profiles)) == 1
    assert first.figures.repeats_p50_us == (first.figures.device_us,) * 2


def test_the_wire_takes_what_is_left_of_an_exchange(uno: Board, samples: PreparedSamples) -> None:
    """The window is full only while the host keeps up: one quiet moment of a few suffices."""
    gains: list[float] = []
    while len(gains) < ATTEMPTS and max(gains, default=0) <= 1.5:
        figures = measured(uno, samples).figures
        waited = figures.stop_and_wait_samples_per_s or 0
        assert figures.device_us + figures.wire_us == pytest.approx(1e6 / waited, rel=1e-3)
        gains.append(figures.windowed_samples_per_s / waited)
    assert gains[-1] > 1.5, gains


def test_cycles_per_multiply_accumulate_are_the_ticks(uno: Board, samples: PreparedSamples) -> None:
    firmware = uno.firmware
    layers = planned_layers(firmware.generated, firmware.engine, firmware.model)
    profile = uno.device.profile(samples[0])
    figures = layer_figures(layers, [profile], 1.0)
    assert uno.hello.tick_rate == firmware.target.clock_hz
    for layer, ticks in zip(figures, profile.layers, strict=True):
        assert layer.ticks == layer.ticks_min == layer.ticks_max == ticks
        assert layer.cycles_per_mac == pytest.approx(ticks / layer.macs, abs=1e-3)
