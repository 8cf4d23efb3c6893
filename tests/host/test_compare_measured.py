"""Comparisons of what was really measured: noise raises no alarm, a slower layer does."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from boards import require_avr, simulated
from mutants import Mutant, Workshop
from reports import bench, report

from native_cli import INT8, SAMPLES
from tinyproof.codegen import Generated
from tinyproof.compare import compare
from tinyproof.device import Device
from tinyproof.firmware import generate_model, make_firmware
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.report import Provenance, Report
from tinyproof.report.figures import LayerFigures
from tinyproof.samples import load_samples, prepare
from tinyproof.simulators.start import start_program
from tinyproof.stats import Latency
from tinyproof.targets import find_target

NOISE = Path(__file__).with_name("native_noise.json")
"""20 runs of one build on a machine with two cores and a load of 12 to 16; docs/compare.md."""
ROUNDS = 5
PROFILES = 20
ATTEMPTS = 5
NAMED = [["layer 0 (CONV_2D + MAX_POOL_2D)"], [], [], []]
"""Regressions from the whole build to the slowed one, back, and between halves of one series."""


def recorded() -> list[Report]:
    """Return the 20 runs as reports."""
    return [
        report(
            provenance=Provenance.HOST,
            target="native",
            tick_hz=run["tick_hz"],
            bench=bench(*run["repeats_p50_us"]),
            layers=tuple(figures(i, **layer) for i, layer in enumerate(run["layers"])),
        )
        for run in json.loads(NOISE.read_text())
    ]


def figures(index: int, name: str, ticks: float, ticks_min: int, ticks_max: int) -> LayerFigures:
    operators = tuple(name.split(" + "))
    return LayerFigures(index, name, operators, (1,), 1, ticks, ticks_min, ticks_max)


def test_twenty_runs_of_one_build_raise_no_alarm_whichever_is_the_baseline() -> None:
    runs = recorded()
    assert len(runs) == 20
    alarms = [
        row.sentence
        for old, new in itertools.permutations(runs, 2)
        for row in compare(old, new).regressions
    ]
    assert alarms == []


def layers_of(made: Generated, profiles: list[tuple[int, ...]]) -> tuple[LayerFigures, ...]:
    """Return the figures of each layer over some profile runs."""
    found = []
    for index, (layer, ticks) in enumerate(
        zip(made.layers, zip(*profiles, strict=True), strict=True)
    ):
        ordered = sorted(ticks)
        name = " + ".join(layer.operators)
        median = float(ordered[len(ordered) // 2])
        found.append(figures(index, name, median, ordered[0], ordered[-1]))
    return tuple(found)


def twice(header: str, layer: int) -> str:
    """Return a ``model.h`` that computes one layer two times over."""
    pattern = rf"(static void tp_layer_{layer}\(void\) \{{\n)(.*?)(\n\}}\n)"
    changed, found = re.subn(pattern, r"\1\2\n\2\3", header, flags=re.DOTALL)
    assert found == 1
    return changed


Profiles = tuple[list[tuple[int, ...]], ...]


def profiled_in_turn(devices: Sequence[Device], sample: bytes) -> Profiles:
    """Return the profiles of each device; they take turns, so that all are disturbed alike."""
    profiles: Profiles = tuple([] for _ in devices)
    for _ in range(ROUNDS):
        for device, taken in zip(devices, profiles, strict=True):
            taken += [device.profile(sample).layers for _ in range(PROFILES)]
    return profiles


def test_a_layer_computed_twice_is_named_on_this_machine(
    shared_project: Project, tmp_path: Path
) -> None:
    """One quiet moment suffices: a machine too busy to tell two builds apart is measured again."""
    quiet, target = Progress(), find_target(shared_project, "native")
    made = generate_model(INT8.read_bytes(), quiet)
    firmware = make_firmware(shared_project, target, INT8.read_bytes(), made, quiet)
    workshop = Workshop(firmware, tmp_path)
    programs = [
        workshop.make(Mutant("as it is", "", 0, "")),
        workshop.make(Mutant("slowed", "", 0, "", doctor=lambda header: twice(header, 0))),
    ]
    sample = prepare(load_samples(SAMPLES), made.inputs)[0]
    with (
        Device(start_program(target, programs[0])) as whole,
        Device(start_program(target, programs[1])) as slowed,
    ):
        devices = (whole, slowed)
        tick_hz, _ = (device.hello().tick_rate for device in devices)
        base = report(provenance=Provenance.HOST, target="native", tick_hz=tick_hz, bench=None)
        said = []
        for _ in range(ATTEMPTS):
            profiles = profiled_in_turn(devices, sample)
            old, new, even, odd = (
                dataclasses.replace(base, layers=layers_of(made, taken))
                for taken in (*profiles, profiles[0][::2], profiles[0][1::2])
            )
            pairs = (old, new), (new, old), (even, odd), (odd, even)
            said.append([[row.name for row in compare(*pair).regressions] for pair in pairs])
            if said[-1] == NAMED:
                break
    assert said[-1] == NAMED, said


def measured_on_uno(project: Project, made: Generated) -> Report:
    with simulated(project, "uno") as board:
        sample = board.prepare(load_samples(SAMPLES))[0]
        profiles = [board.device.profile(sample).layers for _ in range(3)]
        quiet = board.device.infer(sample).ticks
        tick_hz = board.hello.tick_rate
    us = quiet * 1e6 / tick_hz
    fields: dict[str, Any] = {"latency_us": Latency(1, us, us, us, us, us), "bench": None}
    return report(
        provenance=Provenance.CYCLE_EXACT,
        target="uno",
        tick_hz=tick_hz,
        quiet_latency_us=us,
        layers=layers_of(made, profiles),
        **fields,
    )


def test_two_runs_on_a_simulated_uno_are_equal_to_the_cycle(boards_project: Project) -> None:
    require_avr()
    made = generate_model(INT8.read_bytes(), Progress())
    first, second = (measured_on_uno(boards_project, made) for _ in range(2))
    assert first == second
    assert all(layer.ticks_min == layer.ticks_max for layer in first.layers)
    (cycle,) = (
        dataclasses.replace(layer, ticks=(layer.ticks or 0) + 1) for layer in second.layers[1:]
    )
    slower = dataclasses.replace(second, layers=(second.layers[0], cycle))
    assert [row.name for row in compare(first, slower).regressions] == ["layer 1 (FULLY_CONNECTED)"]


@pytest.mark.parametrize("layer", [0, 1])
def test_twice_a_layer_stands_out_from_the_recorded_noise(layer: int) -> None:
    """Of runs of the same minute, the next being the slower build."""
    runs = recorded()
    missed = 0
    for old, new in itertools.pairwise(runs):
        slower = dataclasses.replace(
            new.layers[layer],
            ticks=2 * (new.layers[layer].ticks or 0),
            ticks_min=2 * (new.layers[layer].ticks_min or 0),
        )
        layers = tuple(slower if one.index == layer else one for one in new.layers)
        missed += compare(old, dataclasses.replace(new, layers=layers)).passed
    assert missed <= 4  # of 19: at such a load the machine itself halves its speed now and then
