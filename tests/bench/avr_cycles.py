"""Prints the cycles of each layer on an ATmega328P or ATmega2560, exact, from libsimavr.

python tests/bench/avr_cycles.py [--target megaatmega2560] [--portable] [MODEL.tflite]

Without a model: the int8 digits, all 359 test digits. Other models get random inputs. Kernels and
flags are those of the target's firmware; --portable leaves the assembly out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "firmware"))

import numpy as np
from bare import ENGINE, PROGRAMS, ROOT, Chip
from nn_harness import reference
from numpy.typing import NDArray

from tinyproof.codegen import Generated, generate

DIGITS = ROOT / "fixtures/digits"
MCUS = {"uno": "atmega328p", "megaatmega2560": "atmega2560"}
BEGIN, END, NOTHING = 1, 2, 3
"""Marks of ``avr_bare/inference.c``."""


@dataclass(frozen=True)
class Cycles:
    """Cycles of inferences, and whether all outputs are LiteRT's.

    Attributes:
        plain: of each inference.
        layers: of each layer of each observed inference, samples x layers.
    """

    plain: NDArray[np.int64]
    layers: NDArray[np.int64]
    exact: bool


def digits() -> list[NDArray[np.int8]]:
    """Return the test digits, quantized as the int8 model wants them."""
    detail = reference((DIGITS / "int8.tflite").read_bytes()).get_input_details()[0]
    scale, zero = detail["quantization"]
    x = np.load(DIGITS / "test.npz")["x"].astype(np.float32).reshape(-1, *detail["shape"])
    scaled = np.floor(x / np.float32(scale) + np.float32(0.5)) + zero
    return list(np.clip(scaled, -128, 127).astype(np.int8))


def random_samples(model: bytes, count: int) -> list[NDArray[np.int8]]:
    """Return random inputs for ``model``, which has one int8 input."""
    (detail,) = reference(model).get_input_details()
    rng = np.random.default_rng(0)
    return [rng.integers(-128, 128, detail["shape"], dtype=np.int8) for _ in range(count)]


def measure(chip: Chip, model: bytes, samples: Sequence[NDArray[np.int8]]) -> Cycles:
    """Run ``model`` on ``samples``, plainly and layer by layer."""
    generated = generate(model)
    chip.folder.mkdir(parents=True, exist_ok=True)
    (chip.folder / "model.h").write_text(generated.header)
    sources = [PROGRAMS / "inference.c", ENGINE]
    program = chip.link(chip.compile(sources, "inference", f"-I{chip.folder}"), "inference")
    stdin = b"".join(b"\1" + 2 * sample.tobytes() for sample in samples) + b"\0"
    ran = chip.run(program, stdin)
    (first, second), marks = ran.marks[:2], ran.marks[2:]
    assert first[0] == second[0] == NOTHING
    cost = second[1] - first[1]
    spans = [end[1] - begin[1] - cost for begin, end in zip(marks[::2], marks[1::2], strict=True)]
    table = np.array(spans).reshape(len(samples), 1 + len(generated.layers))
    return Cycles(table[:, 0], table[:, 1:], _exact(model, generated, samples, ran.output))


def _exact(
    model: bytes, generated: Generated, samples: Sequence[NDArray[np.int8]], output: bytes
) -> bool:
    """Return whether ``output`` is what LiteRT answers, each answer twice."""
    interpreter = reference(model)
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    wanted = generated.weights_crc32.to_bytes(4, "little")
    for sample in samples:
        interpreter.set_tensor(source["index"], sample)
        interpreter.invoke()
        wanted += 2 * interpreter.get_tensor(result["index"]).tobytes()
    return output == wanted


def table(generated: Generated, cycles: Cycles) -> list[str]:
    """Return the table of layers, and what one inference takes without being observed."""
    lines = ["| layer | multiply-accumulates | cycles: least | most | for each |"]
    lines.append("|---|--:|--:|--:|--:|")
    for index, layer in enumerate(generated.layers):
        least, most = cycles.layers[:, index].min(), cycles.layers[:, index].max()
        each = f"{most / layer.macs:.1f}" if layer.macs else ""
        name = " + ".join(layer.operators)
        lines.append(f"| {name} | {layer.macs:,} | {least:,} | {most:,} | {each} |")
    least, most = cycles.plain.min(), cycles.plain.max()
    each = f"{most / generated.macs:.1f}" if generated.macs else ""
    lines.append(f"| one inference | {generated.macs:,} | {least:,} | {most:,} | {each} |")
    return lines


def main() -> int:
    """Print the table for what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--target", choices=MCUS, default="uno")
    parser.add_argument("--portable", action="store_true")
    options = parser.parse_args()
    model = (options.model or DIGITS / "int8.tflite").read_bytes()
    samples = digits() if options.model is None else random_samples(model, 3)
    with tempfile.TemporaryDirectory(prefix="tinyproof-cycles-") as folder:
        chip = Chip(Path(folder), options.target, MCUS[options.target], options.portable)
        cycles = measure(chip, model, samples)
    sys.stdout.write("\n".join(table(generate(model), cycles)) + "\n")
    sys.stdout.write(f"{len(samples)} samples, {'exact' if cycles.exact else 'NOT EXACT'}\n")
    return 0 if cycles.exact else 1


if __name__ == "__main__":
    sys.exit(main())
