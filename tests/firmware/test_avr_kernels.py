"""AVR's kernels, on libsimavr: the assembly against the portable C, operators against LiteRT."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from bare import KERNELS, PROGRAMS, Chip
from bare_harness import BareHarness
from numpy.random import Generator, default_rng
from test_kernels_average_pool_2d import average_pool_2d_s8
from test_kernels_conv_2d import conv_2d_s8
from test_kernels_depthwise_conv_2d import depthwise_conv_2d_s8
from test_kernels_fully_connected import fully_connected_s8
from test_kernels_max_pool_2d import conv_then_pool_s8, max_pool_2d_s8
from test_kernels_quantize import rescale_s8
from test_kernels_softmax import softmax_s8

from bench import avr_cycles
from nn_net import INT8, Net
from tools import require_file, require_tool

MOST_CYCLES = 75_000
"""Of one inference of the int8 digits on an ATmega328P: 4.7 ms at 16 MHz."""

INT32 = (-(1 << 31), (1 << 31) - 1)


def require_simulator() -> None:
    require_tool("avr-gcc")
    require_file(Path("/usr/include/simavr/sim_avr.h"))


@pytest.fixture(scope="module")
def uno(tmp_path_factory: pytest.TempPathFactory) -> Chip:
    require_simulator()
    return Chip(tmp_path_factory.mktemp("uno"))


@pytest.fixture(scope="module")
def mega(tmp_path_factory: pytest.TempPathFactory) -> BareHarness:
    require_simulator()
    return BareHarness(Chip(tmp_path_factory.mktemp("mega"), "megaatmega2560", "atmega2560"))


def requantized(value: int, multiplier: int, shift: int) -> tuple[int, int]:
    """Return what rounding twice and once give, by the formulas in ``tp_requantize.h``."""
    shifted = (value << max(shift, 0)) & 0xFFFFFFFF
    shifted -= (shifted & 1 << 31) << 1
    high = (shifted * multiplier + (1 << 30)) >> 31
    right = max(-shift, 0)
    twice = high if right == 0 else (high + (1 << (right - 1)) - (high < 0)) >> right
    once = (value * multiplier + (1 << (30 - shift))) >> (31 - shift)
    return twice, max(INT32[0], min(INT32[1], once))


def numbers() -> list[tuple[int, int, int]]:
    """Return values, multipliers and shifts: all edges with each other, and thousands at random."""
    rng = default_rng(7)
    values = [*INT32, -1, 0, 1, 127, -128, (1 << 30), -(1 << 30)]
    powers = [sign << bits for bits in (15, 22, 23, 24) for sign in (1, -1)]
    values += [power + near for power in powers for near in (-1, 0, 1)]
    multipliers = [0, 1 << 30, (1 << 30) + 1, (1 << 31) - 1, 0x55555555]
    cases = [
        (v, m, s) for v in values for m in multipliers for s in (-31, -17, -9, -8, -1, 0, 1, 30)
    ]
    for _ in range(6000):
        bits = int(rng.integers(1, 32))
        value = int(rng.integers(-(1 << bits), 1 << bits))
        multiplier = int(rng.integers(1 << 30, 1 << 31))
        cases.append((value, multiplier, int(rng.integers(-31, 31))))
    # Halves: products that end in a one and zeros only, where rounding decides.
    for _ in range(2000):
        shift = -int(rng.integers(0, 22))
        value = (2 * int(rng.integers(-(1 << 8), 1 << 8)) + 1) << -shift
        cases.append((value, 1 << 30, shift))
    return cases


def test_both_roundings_in_assembly_equal_the_portable_ones(uno: Chip) -> None:
    cases = numbers()
    for case, answer in zip(cases, requantize(uno, cases), strict=True):
        assert (answer[0], answer[2]) == requantized(*case), f"{case}"
        assert (answer[0], answer[2]) == (answer[1], answer[3]), f"{case}"


def test_rounding_twice_takes_any_multiplier(uno: Chip) -> None:
    rng = default_rng(8)
    edges = [*INT32, -1, 1, -(1 << 30), 1515870810]
    pairs = [(value, multiplier) for value in edges for multiplier in edges]
    pairs += [tuple(pair) for pair in rng.integers(*INT32, (1000, 2)).tolist()]
    cases = [
        (*pair, -(number % 32)) for number, pair in enumerate(pairs) if pair != (INT32[0],) * 2
    ]
    for case, answer in zip(cases, requantize(uno, cases), strict=True):
        assert answer[0] == requantized(*case)[0] == answer[1], f"{case}"


def requantize(uno: Chip, cases: Sequence[tuple[int, int, int]]) -> list[list[int]]:
    """Return twice, portable twice, once, portable once of each case, as the chip computes them."""
    source = KERNELS / "src"
    work = f"requantize-{len(cases)}"
    objects = uno.compile([PROGRAMS / "requantize.c"], work)
    for name in ("twice", "once"):
        rename = f"-Dtp_requantize_{name}=portable_{name}"
        objects += uno.compile([source / f"tp_requantize_{name}.c"], f"{work}-{name}", rename)
    stdin = b"".join(struct.pack("<Biib", 1, *case) for case in cases) + b"\0"
    ran = uno.run(uno.link(objects, work), stdin)
    return np.frombuffer(ran.output, "<i4").reshape(len(cases), 4).tolist()


def test_the_digits_take_the_same_cycles_whatever_they_show(uno: Chip) -> None:
    model = (avr_cycles.DIGITS / "int8.tflite").read_bytes()
    cycles = avr_cycles.measure(uno, model, avr_cycles.digits()[:20])
    assert cycles.exact
    assert cycles.plain.max() <= MOST_CYCLES
    assert cycles.plain.max() - cycles.plain.min() < cycles.plain.max() // 100


DRAWS = (
    *(conv_2d_s8, conv_2d_s8, conv_then_pool_s8, conv_then_pool_s8),
    *(depthwise_conv_2d_s8, fully_connected_s8, fully_connected_s8, max_pool_2d_s8),
    *(average_pool_2d_s8, rescale_s8, softmax_s8),
)
"""Operators to sample; those in assembly more often."""


def test_a_sample_of_the_operators_equals_litert(mega: BareHarness) -> None:
    mega.prove_draws(DRAWS, rounds=6)


def many_weights(rng: Generator) -> Net:
    """Draw two layers of 72,000 and 9,600 weights: an array, and together more, than 64 KiB."""
    net = Net()
    hidden = net.input((1, 600), INT8, 0.02, -3)
    for rows in (120, 80):
        depth = net.tensors[hidden].shape[-1]
        weights = rng.integers(-127, 128, (rows, depth), dtype=np.int8)
        bias = rng.integers(-(1 << 12), 1 << 12, rows, dtype=np.int32)
        scales = rng.uniform(0.001, 0.002, rows).astype(np.float32)
        matrix = net.constant(weights, scale=scales)
        offset = net.constant(bias, scale=scales * np.float32(0.02))
        output = net.output if rows == 80 else net.tensor
        result = output((1, rows), INT8, 0.02, 5)
        inputs = [hidden, matrix, offset]
        net.operator("FULLY_CONNECTED", inputs, [result], "FullyConnectedOptions", version=5)
        hidden = result
    return net


def test_weights_may_fill_more_than_64_kib_of_flash(mega: BareHarness) -> None:
    mega.prove(many_weights, cases=1)
