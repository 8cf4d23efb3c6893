"""The search for the first layer that differs: what counts as different, and what is told of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from native_cli import FLOAT32, INT8
from tinyproof.codegen import generate
from tinyproof.device import Device
from tinyproof.first_difference import MOST_BINS, compare_layer, find_first_difference
from tinyproof.layers import PlannedLayer, layer_figures, planned_layers
from tinyproof.messages import ProfileAnswer
from tinyproof.progress import Step
from tinyproof.reference import run_reference
from tinyproof.report import HistogramBin
from tinyproof.tensors import TensorDescription, byte_count

LAYER = PlannedLayer(("CONV_2D", "MAX_POOL_2D"), 3, (1, 4), 100)
INT = TensorDescription("out", np.dtype(np.int8), (1, 4), 0.1, 0)
FLOAT = TensorDescription("out", np.dtype(np.float32), (1, 4))


def int8(*values: int) -> bytes:
    return np.array(values, np.int8).tobytes()


def float32(*values: float) -> bytes:
    return np.array(values, np.float32).tobytes()


def test_equal_integers_do_not_differ() -> None:
    assert compare_layer(0, 0, LAYER, INT, int8(1, 2, 3, 4), int8(1, 2, 3, 4)) is None


def test_integers_that_differ_are_counted_by_how_much() -> None:
    found = compare_layer(7, 1, LAYER, INT, int8(1, 2, 3, -128), int8(1, 5, 3, 127))
    assert found is not None
    assert (found.sample, found.layer, found.name) == (7, 1, "CONV_2D + MAX_POOL_2D")
    assert (found.shape, found.elements, found.differing) == ((1, 4), 4, 2)
    assert (found.max_lsb, found.max_abs) == (255, None)
    assert found.histogram == (HistogramBin(0, 2), HistogramBin(3, 1), HistogramBin(255, 1))


def test_a_histogram_stays_short() -> None:
    tensor = TensorDescription("out", np.dtype(np.int8), (1, 200), 0.1, 0)
    got = int8(*range(-100, 100))
    found = compare_layer(0, 0, LAYER, tensor, bytes(200), got)
    assert found is not None
    assert len(found.histogram) == MOST_BINS


def test_floats_within_the_bound_do_not_differ() -> None:
    wanted, near = float32(100, 1, 0, -3), float32(100, 1.0009, 0.0009, -3)
    assert compare_layer(0, 0, LAYER, FLOAT, wanted, near) is None


@pytest.mark.parametrize(("value", "worst"), [(1.01, 0.01), (np.nan, None), (np.inf, None)])
def test_floats_beyond_the_bound_differ(value: float, worst: float | None) -> None:
    found = compare_layer(0, 0, LAYER, FLOAT, float32(100, 1, 0, -3), float32(100, value, 0, -3))
    assert found is not None
    assert found.differing == 1
    assert found.max_lsb is None
    assert found.max_abs == (None if worst is None else pytest.approx(worst, rel=1e-3))


def test_the_same_nan_and_infinity_do_not_differ() -> None:
    odd = float32(np.nan, np.inf, -np.inf, 1)
    assert compare_layer(0, 0, LAYER, FLOAT, odd, odd) is None


def test_an_output_of_another_length_differs_in_everything() -> None:
    found = compare_layer(0, 0, LAYER, INT, int8(1, 2, 3, 4), int8(1, 2, 3))
    assert found is not None
    assert found.differing == found.elements == 4


class Tracer:
    """A board that computes what LiteRT does, but for one layer and all after it."""

    def __init__(self, model: bytes, sample: bytes, wrong_from: int) -> None:
        self.traced: list[int] = []
        layers = planned_layers(generate(model), "aot", model)
        expected = run_reference(model, [sample], tensors=[layer.tensor for layer in layers])
        record, self._outputs, offset = expected.records[0], [], 0
        for number, tensor in enumerate(expected.tensors):
            output = bytearray(record[offset : offset + byte_count(tensor)])
            offset += len(output)
            if number >= wrong_from:
                output[-1] ^= 0x40
            self._outputs.append(bytes(output))
        expected.close()

    def trace(self, layer: int, sample: bytes) -> Any:
        self.traced.append(layer)
        return SimpleNamespace(output=self._outputs[layer])


@pytest.mark.parametrize("path", [INT8, FLOAT32], ids=["int8", "float32"])
@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_the_first_layer_that_differs_is_named(path: Any, wrong: int) -> None:
    model = path.read_bytes()
    generated = generate(model)
    sample = bytes(sum(tensor.bytes for tensor in generated.inputs))
    layers = planned_layers(generated, "aot", model)
    board = Tracer(model, sample, wrong)
    found, agreed = find_first_difference(cast(Device, board), model, layers, 5, sample, Step())
    assert agreed == wrong
    assert board.traced == list(range(min(wrong + 1, len(layers))))
    assert (found.name if found else None) == (layers[wrong].name if wrong < 2 else None)


def test_an_engine_that_fuses_nothing_has_a_layer_for_each_operator() -> None:
    model = INT8.read_bytes()
    layers = planned_layers(generate(model), "tflm", model)
    assert [layer.name for layer in layers] == [
        "CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED"
    ]  # fmt: skip


def test_cycles_are_those_of_the_target_and_ticks_those_in_the_middle() -> None:
    plan = [LAYER, PlannedLayer(("SOFTMAX",), 4, (1, 4), 0)]
    profiles = [ProfileAnswer(0, (100, 300)), ProfileAnswer(0, (120, 300))]
    first, second = layer_figures(plan, [*profiles, ProfileAnswer(0, (100, 300))], 2.0)
    assert (first.ticks, first.ticks_min, first.ticks_max) == (100, 100, 120)
    assert (first.share, second.share) == (0.25, 0.75)
    assert first.cycles_per_mac == 2.0
    assert second.cycles_per_mac is None


def test_layers_that_were_not_profiled_have_no_ticks() -> None:
    (layer,) = layer_figures([LAYER], [ProfileAnswer(0, (1, 2, 3))])
    assert (layer.ticks, layer.share, layer.macs) == (None, None, 100)
