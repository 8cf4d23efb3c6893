"""Measures the flash that kernels take of an Uno, for host/tinyproof/codegen/firmware.py.

python tests/bench/avr_flash.py

Builds the firmware of small nets and prints, for that file's tables, the least costs that keep the
estimate of every net at or above its image. Kernels share code, so their sizes do not simply add.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from scipy.optimize import linprog

from bench.small_nets import CASES, built, conv, dense, depthwise, mean, pool, small_models, twice
from native_cli import DIGITS
from nn_net import FLOAT32, INT8, Net
from tinyproof.check.cost import kind_of
from tinyproof.codegen import generate
from tinyproof.codegen.explain import LAYER_BYTES
from tinyproof.codegen.firmware import SUMS
from tinyproof.errors import TinyProofError
from tinyproof.firmware import make_firmware
from tinyproof.progress import Progress
from tinyproof.project import find_project
from tinyproof.targets import find_target

TINY = (
    conv(4, 1, 2, 3), depthwise(4, 2, 3), dense(8, 4), mean(2, 4),
    pool("MAX_POOL_2D", 4, 2), pool("AVERAGE_POOL_2D", 4, 2),
)  # fmt: skip
"""For an Uno, whose RAM some of ``CASES`` exceed."""


def empty() -> bytes:
    """Return a model without a kernel."""
    net = Net()
    x, y = net.input((1, 4), INT8, 0.05, -10), net.output((4, 1), INT8, 0.05, -10)
    shape = net.constant(np.array([4, 1], np.int32))
    net.operator("RESHAPE", [x, shape], [y], "ReshapeOptions")
    return net.build()


def models() -> Iterator[bytes]:
    """Yield nets of one layer and of two of the same, small ones, and the digits."""
    for kind in (INT8, FLOAT32):
        for layer in (*TINY, *CASES):
            yield built(layer, kind)
            yield built(twice(layer), kind)
    yield from small_models().values()
    yield from ((DIGITS / f"{form}.tflite").read_bytes() for form in ("int8", "float32"))


def parts(model: bytes) -> frozenset[str]:
    """Return the names of the costs that a model has."""
    used = Counter(layer.kernel.removeprefix("tp_") for layer in generate(model).layers)
    found = {*used, *(f"{kernel} again" for kernel, number in used.items() if number > 1)}
    for kernel in used:
        name, _, kind = kernel.rpartition("_")
        found |= {f"all {kind}", *([f"sums {kind}"] if name in SUMS else [])}
    return frozenset(found)


def flash(model: bytes) -> int:
    """Return the bytes of the Uno's image, weights and layers left out.

    Raises:
        TinyProofError: it does not build, for lack of room.
    """
    project, generated = find_project(), generate(model)
    target = find_target(project, "uno")
    made = make_firmware(
        project, target, model, generated, Progress(), engine="aot", simulated=True
    )
    layers = LAYER_BYTES * len(generated.layers)
    return made.build.sizes.flash - generated.weight_bytes - layers


def measured(base: int) -> Iterator[tuple[frozenset[str], int]]:
    """Yield parts and bytes beyond ``base`` of one model for each sequence of kinds of layers."""
    seen = set()
    for model in models():
        kinds = tuple(kind_of(layer) for layer in generate(model).layers)
        if kinds in seen:
            continue
        try:
            found = flash(model) - base
        except TinyProofError:
            continue  # Too large for the Uno; another of its kind may not be.
        seen.add(kinds)
        sys.stderr.write(f"{' '.join(kinds)}: {found}\n")
        yield parts(model), found


def main() -> int:
    """Measure, fit and print."""
    base = flash(empty())
    points = list(measured(base))
    names = sorted(set().union(*(found for found, _ in points)))
    has = np.array([[name in found for name in names] for found, _ in points], float)
    real = np.array([number for _, number in points], float)
    fit = linprog(has.sum(axis=0), A_ub=-has, b_ub=-real, bounds=[(0, None)] * len(names))
    sys.stdout.write(f"without kernels: {base}\n")
    for name, cost in zip(names, np.ceil(fit.x), strict=True):
        sys.stdout.write(f"{name}: {cost:.0f}\n")
    slack = np.ceil(has @ fit.x - real)
    sys.stdout.write(f"{len(points)} images, estimated at most {slack.max():.0f} bytes too large\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
