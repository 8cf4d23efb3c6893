"""Firmware for ``native`` that is broken on purpose: what is broken, and how it is compiled."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nn_net import INT8, Net
from tinyproof.firmware import Firmware
from tools import require_tool

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ROOT / "firmware" / "lib"
MUTANTS_C = ROOT / "tests" / "firmware" / "mutants" / "mutants.c"
WRAPPED = ("tp_port_ticks", "tp_port_read", "tp_requantize_twice")
_VALID_SAME = 0
_NO_ACTIVATION = 0


@dataclass(frozen=True)
class Mutant:
    """One way to be wrong, and what the harness must say of it.

    Attributes:
        name: what is broken.
        failure: the failure class.
        exit_code: of ``tinyproof run``.
        words: in the failure's sentence.
        switch: of ``mutants.c``; empty: none.
        doctor: changes the text of ``model.h``.
        model: ``digits`` or ``padded``.
        options: more options of the command.
        layer: the layer that the report must name as the first that differs; empty: any or none.
        command: ``run``, or ``bench``, which makes more inferences.
    """

    name: str
    failure: str
    exit_code: int
    words: str
    switch: str = ""
    doctor: Callable[[str], str] | None = None
    model: str = "digits"
    options: tuple[str, ...] = ()
    layer: str = ""
    command: str = "run"


def change_weight(header: str) -> str:
    """Change the sign of one weight of the first layer."""
    return _substitute(r"(conv_2d_0_weights \*/\s+)", r"\g<1>-", header)


def change_last_weight(header: str) -> str:
    """Change one weight of the last layer a lot."""
    return _substitute(r"(fully_connected_1_weights \*/\s+)-?\d+", r"\g<1>127", header)


def add_neighbour(header: str) -> str:
    """Put a byte of somebody else's behind the arena."""
    opened = _substitute(r"static union \{", "static struct { union {", header)
    closed = "} arena; uint8_t neighbour; } tp_memory;\n#define tp_arena tp_memory.arena\n"
    return _substitute(r"\} tp_arena;", closed, opened)


def forget_padding(header: str) -> str:
    """Begin at the image's corner instead of beyond it."""
    return _substitute(r"\.pad_([hw]) = 1,", r".pad_\1 = 0,", header, times=2)


def _substitute(pattern: str, text: str, header: str, times: int = 1) -> str:
    changed, found = re.subn(pattern, text, header)
    assert found == times
    return changed


MUTANTS = (
    Mutant("one wrong weight", "identity", 3, "weights checksum", doctor=change_weight),
    Mutant(
        "one wrong weight, its checksum a lie", "numeric", 1, "wrong",
        "CHECKSUM_LIES", doctor=change_weight, layer="CONV_2D + MAX_POOL_2D",
    ),
    Mutant(
        "one wrong weight of the last layer", "numeric", 1, "wrong",
        "CHECKSUM_LIES", doctor=change_last_weight, layer="FULLY_CONNECTED",
    ),
    Mutant("swapped output bytes", "numeric", 1, "wrong", "SWAPPED_BYTES"),
    Mutant(
        "last layer skipped", "numeric", 1, "wrong", "LAST_LAYER_SKIPPED", layer="FULLY_CONNECTED"
    ),
    Mutant(
        "reads one byte past the arena", "numeric", 1, "wrong",
        "READS_PAST_ARENA", doctor=add_neighbour,
    ),
    Mutant("answers the previous sample", "numeric", 1, "wrong", "PREVIOUS_ANSWER"),
    Mutant("answers from a cache", "numeric", 1, "wrong", "CACHED_ANSWERS"),
    Mutant("wrong model hash", "identity", 3, "The board's model is", "WRONG_HASH"),
    Mutant("truncated output", "protocol", 4, "14 bytes, expected 15", "TRUNCATED"),
    Mutant("drifting result", "numeric", 1, "", "DRIFTING"),
    Mutant(
        "clock 5 % fast", "clock", 3, "% fast (it makes", "CLOCK_FAST", options=("--check-clock",)
    ),
    Mutant(
        "clock 5 % fast, a latency demanded", "clock", 3, "% fast (it makes", "CLOCK_FAST",
        options=("--max-latency-us", "1e6"),
    ),
    Mutant(
        "uses memory that it never wrote", "numeric", 1, "the same input gave different answers",
        "UNWRITTEN_MEMORY", doctor=add_neighbour, options=("--repeat", "4"),
    ),
    Mutant(
        "reads stack that it never wrote", "numeric", 1, "359 of 359 answers are unstable",
        "UNWRITTEN_STACK", options=("--repeat", "4"),
    ),
    Mutant(
        "tires after 700 inferences", "numeric", 1, "the same input gave different answers",
        "TIRES", options=("--n", "400", "--repeats", "1", "--no-litert"), command="bench",
    ),
    Mutant(
        "errs where only its time is looked at", "numeric", 1,
        "the same input gave different answers", "ERRS_AFTERWARDS",
    ),
    Mutant("1 LSB off", "numeric", 1, "1 LSB off", "ONE_LSB_OFF"),
    Mutant("saturates wrongly", "numeric", 1, "wrong", "WRAPS"),
    Mutant(
        "ignores padding", "numeric", 1, "wrong",
        doctor=forget_padding, model="padded", layer="CONV_2D",
    ),
    Mutant("stack smashed", "port", 4, "was ended by signal", "STACK_SMASHED"),
    Mutant("goes deaf after 100", "port", 4, "No answer", "DEAF"),
)  # fmt: skip


def padded_model() -> bytes:
    """Return one convolution of 8 x 8 int8 values with padding on all sides."""
    rng, net = np.random.default_rng(5), Net()
    x = net.input((1, 8, 8, 1), INT8, 0.02, 7)
    weights = net.constant(rng.integers(-90, 90, (4, 3, 3, 1), np.int8), scale=0.01)
    bias = net.constant(rng.integers(-500, 500, 4, np.int32), scale=0.0002)
    y = net.output((1, 8, 8, 4), INT8, 0.05, -3)
    net.operator(
        "CONV_2D", [x, weights, bias], [y], "Conv2DOptions", version=3,
        padding=_VALID_SAME, strideH=1, strideW=1, fusedActivationFunction=_NO_ACTIVATION,
    )  # fmt: skip
    return net.build()


class Workshop:
    """Links mutants of the engine with everything else of a real build."""

    def __init__(self, firmware: Firmware, folder: Path) -> None:
        """Make mutants of ``firmware`` in ``folder``."""
        self._folder = folder
        self._include = firmware.build.folder / "include"
        self._flags = firmware.build.flags.split()
        built = firmware.build.program.parent.rglob("*.o")
        self._objects = sorted(path for path in built if path.parent.name != "engine_aot")

    def make(self, mutant: Mutant) -> Path:
        """Compile and link one mutant; return the program."""
        folder = self._folder / re.sub(r"\W", "-", mutant.name)
        folder.mkdir()
        header = (self._include / "model.h").read_text()
        (folder / "model.h").write_text(mutant.doctor(header) if mutant.doctor else header)
        folders = [ROOT / "firmware" / "include", LIBRARIES / "engine_aot" / "src"]
        folders += sorted(LIBRARIES.glob("*/include"))
        command: list[str | Path] = [require_tool("gcc"), *self._flags, "-fstack-protector-all"]
        command += [f"-DMUTANT_{mutant.switch}"] if mutant.switch else []
        command += [f"-I{path}" for path in (folder, *folders)]
        command += [f"-Wl,--wrap={name}" for name in WRAPPED]
        command += [MUTANTS_C, *self._objects, "-o", folder / "program"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return folder / "program"
