"""Measures what a layer of each kind costs on each processor, for host/tinyproof/check/rates.json.

python tests/bench/rates.py [--on PROCESSOR]...

A few nets of one layer for each kind are counted (see ``counting`` and ``avr_cycles``), and the
costs of ``tinyproof.check.cost.parts`` fitted. The real models of ``fixtures`` and the small ones
of ``small_nets`` have no part in the fit: what the rates miss of their counts is the error
stated.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "firmware"))

import numpy as np
from bare import Chip

from bench.avr_cycles import MCUS, measure, random_samples
from bench.counting import MACHINES, ROOT, count
from bench.small_nets import CASES, built, nets, small_models, twice
from nn_net import INT8
from tinyproof.check.cost import PARTS, SEVERAL, estimate, kind_of, parts
from tinyproof.codegen import Generated, generate

PAGE = ROOT / "docs/speed.md"
OUT = ROOT / "host/tinyproof/check/rates.json"
CORES = ("cortex-m4", "cortex-m0", "rv32imc")
MODELS = {
    "digits int8": "digits/int8",
    "digits float32": "digits/float32",
    **{
        name: f"models/{name}"
        for name in (
            "audio_example1",
            "autoencoder_example",
            "image_classification",
            "image_example1.float32",
            "keyword_spotting",
            "tflite_micro_speech",
        )
    },
}


def counted(processor: str, generated: Generated, model: bytes) -> int | None:
    """Return the cost of one inference; None if the model is too large for a chip."""
    try:
        return _counted(processor, generated, model)
    except (RuntimeError, AssertionError):
        if processor not in MCUS:
            raise
        return None


def _counted(processor: str, generated: Generated, model: bytes) -> int:
    whole = all(tensor.dtype == np.int8 for tensor in generated.inputs)
    if processor in MCUS and whole:
        with tempfile.TemporaryDirectory(prefix="tinyproof-rates-") as folder:
            chip = Chip(Path(folder), processor, MCUS[processor], portable=False)
            found = measure(chip, model, random_samples(model, 2))
        return int(found.plain.max())
    machine = MACHINES["atmega328p" if processor in MCUS else processor]
    return count(machine, model).executed


def fitted(points: Sequence[tuple[Sequence[float], int]]) -> dict[str, float]:
    """Return the costs of the parts, none negative, of the least relative error squared.

    As few layers cannot tell many parts from each other, no more are fitted than there are layers.
    """
    counts = np.array([found for found, _ in points], np.float64)
    shares = counts / np.array([[cost] for _, cost in points], np.float64)
    best, least = np.zeros(len(PARTS)), np.inf
    for size in range(1, min(len(PARTS), len(points)) + 1):
        for chosen in combinations(range(len(PARTS)), size):
            some = np.linalg.lstsq(shares[:, chosen], np.ones(len(points)), rcond=None)[0]
            missed = float(((shares[:, chosen] @ some - 1) ** 2).sum())
            if (some >= 0).all() and missed < least - 1e-9:
                best = np.zeros(len(PARTS))
                best[list(chosen)], least = some, missed
    return {name: round(float(cost), 3) for name, cost in zip(PARTS, best, strict=True)}


def several(processor: str) -> Iterator[tuple[str, Sequence[float], int]]:
    """Yield kind, parts and cycles of layers of which a model has two.

    Only an AVR's build optimizes kernels and model as a whole, and so makes a difference.
    """
    for layer in CASES if processor in MCUS else ():
        model = built(twice(layer), INT8)
        first = generate(model).layers[0]
        try:
            with tempfile.TemporaryDirectory(prefix="tinyproof-rates-") as folder:
                chip = Chip(Path(folder), processor, MCUS[processor], portable=False)
                found = measure(chip, model, random_samples(model, 2))
        except (RuntimeError, AssertionError):
            continue  # Too large for the chip.
        yield kind_of(first) + SEVERAL, parts(first), int(found.layers[:, 0].max())


def rates(processor: str) -> dict[str, dict[str, float]]:
    """Return the rates of every kind of layer."""
    points: dict[str, list[tuple[Sequence[float], int]]] = {}
    for generated, model in nets():
        (layer,) = generated.layers
        cost = counted(processor, generated, model)
        if cost is None:
            continue
        sys.stderr.write(f"{processor} {kind_of(layer)} {parts(layer)} {cost}\n")
        points.setdefault(kind_of(layer), []).append((parts(layer), cost))
    for kind, number, cost in several(processor):
        points.setdefault(kind, []).append((number, cost))
    return {kind: fitted(found) for kind, found in sorted(points.items())}


def known(processor: str) -> Iterator[tuple[str, bytes, int | None]]:
    """Yield name, model and count: of real models those of the page, of AVR of its own flags."""
    for name, model in small_models().items():
        yield name, model, counted(processor, generate(model), model)
    if processor in MCUS:
        for name in ("digits int8", "digits float32"):
            yield name, read(name), counted(processor, generate(read(name)), read(name))
        return
    title = MACHINES[processor].title
    row = re.compile(rf"^\| ([^|]+) \| {re.escape(title)} \| ([\d,]+) instructions", re.MULTILINE)
    for name, number in row.findall(PAGE.read_text()):
        if name in MODELS:
            yield name, read(name), int(number.replace(",", ""))


def read(name: str) -> bytes:
    """Return a real model."""
    return (ROOT / f"fixtures/{MODELS[name]}.tflite").read_bytes()


def errors(found: Mapping[str, Any], processor: str) -> dict[str, float]:
    """Return by how much the rates are off for each model of known cost, in percent."""
    return {
        name: round(100 * (sum(estimate(generate(model), found)) / executed - 1), 1)
        for name, model, executed in known(processor)
        if executed is not None
    }


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--on", action="append", choices=(*MCUS, *CORES))
    options = parser.parse_args()
    for processor in options.on or (*MCUS, *CORES):
        found = rates(processor)
        measured = {
            "unit": "cycles" if processor in MCUS else "instructions",
            "rates": found,
            "errors_percent": errors(found, processor),
        }
        # Read last: another processor may have been measured meanwhile.
        content = json.loads(OUT.read_text()) if OUT.exists() else {"processors": {}}
        content["processors"][processor] = measured
        OUT.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    return 0
