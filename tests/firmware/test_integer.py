"""The integer model in NumPy, a second opinion: it must say what LiteRT's reference kernels say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_kernels_activations as activations
import test_kernels_arg_max as arg_max
import test_kernels_average_pool_2d as average_pool
import test_kernels_binary as binary
import test_kernels_conv_2d as conv
import test_kernels_depthwise_conv_2d as depthwise
import test_kernels_fully_connected as fully_connected
import test_kernels_max_pool_2d as max_pool
import test_kernels_mean as mean
import test_kernels_movement as movement
import test_kernels_prelu as prelu
import test_kernels_quantize as quantize
import test_kernels_resize_nearest_neighbor as resize
import test_kernels_softmax as softmax
from nn_harness import ROOT, Arrays, Draw, draw_case, reference
from numpy.typing import NDArray
from test_graphs import flatten, graph

from nn_net import INT8
from tinyproof.errors import UnsupportedModelError
from tinyproof.graph import Graph, read_graph
from tinyproof.graph.options import Activation
from tinyproof.integer import OPERATORS, before_activation, run

DRAWS: tuple[Draw, ...] = (
    *(activations.activation_s8(name) for name in activations.ALL),
    *(binary.binary(name, s8=True) for name in (*binary.OPTIONS, *binary.EXTREMA)),
    *(movement.of(maker, INT8) for maker in movement.MAKERS),
    arg_max.arg_max(INT8),
    average_pool.average_pool_2d_s8,
    conv.conv_2d_s8,
    depthwise.depthwise_conv_2d_s8,
    fully_connected.fully_connected_s8,
    max_pool.max_pool_2d_s8,
    mean.mean_s8,
    prelu.prelu_s8,
    quantize.dequantize_s8,
    quantize.quantize_f32,
    quantize.rescale_s8,
    resize.resize(INT8),
    softmax.softmax_s8,
    graph(INT8),
)
CASES = 15
CLAMPS = {
    Activation.NONE: None,
    Activation.RELU: (0, np.inf),
    Activation.RELU6: (0, 6),
    Activation.RELU_N1_TO_1: (-1, 1),
}
MODELS = sorted((ROOT / "fixtures/models").glob("*.tflite"))


def assert_equal_to_litert(model: bytes, inputs: Arrays, label: str) -> None:
    """Compare every tensor that the integer model computes, not the outputs alone."""
    interpreter = reference(model, every_tensor=True)
    for detail, array in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    parsed = read_graph(model)
    for index, got in run(parsed, inputs).items():
        if parsed.tensors[index].data is None:
            wanted = interpreter.get_tensor(index)
            assert got.dtype == wanted.dtype
            assert np.array_equal(got, wanted), f"{label}: tensor {index} is {got.tolist()}"


@pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: draw.__name__)
def test_random_models_equal_litert_in_every_tensor(draw: Draw) -> None:
    for seed in range(1000, 1000 + CASES):
        case = draw_case(draw, seed, samples=2)
        for inputs in case.inputs:
            assert_equal_to_litert(case.model, inputs, case.label)


def test_every_operator_is_drawn() -> None:
    drawn = set()
    for draw in DRAWS:
        for seed in range(1000, 1000 + CASES):
            drawn |= {op.name for op in read_graph(draw_case(draw, seed, 0).model).operators}
    # SHAPE and its like stand in the chains around a Flatten, tested below.
    assert set(OPERATORS) - drawn <= {"SHAPE"}


def test_the_shapes_around_a_flatten_are_computed() -> None:
    parsed = read_graph(flatten((1, 3, 4), arithmetic=True).build())
    made = run(parsed, [np.arange(12, dtype=np.float32).reshape(1, 3, 4)])
    assert made[parsed.outputs[0]].shape == (1, 12)


def int8_models() -> list[Path]:
    digits = ROOT / "fixtures/digits/int8.tflite"
    return [digits, *(path for path in MODELS if "float32" not in path.name)]


@pytest.mark.parametrize("path", int8_models(), ids=lambda path: path.stem)
def test_whole_models_equal_litert_in_every_layer(path: Path) -> None:
    model = path.read_bytes()
    rng = np.random.default_rng(7)
    inputs = tuple(
        random_input(rng, read_graph(model), index) for index in read_graph(model).inputs
    )
    assert_equal_to_litert(model, inputs, path.stem)


def random_input(rng: np.random.Generator, parsed: Graph, index: int) -> NDArray[Any]:
    tensor = parsed.tensors[index]
    if tensor.dtype == np.float32:
        return rng.normal(0, 1, tensor.shape).astype(np.float32)
    return rng.integers(-128, 128, tensor.shape).astype(tensor.dtype)


@pytest.mark.parametrize("draw", [conv.conv_2d_s8, depthwise.depthwise_conv_2d_s8])
def test_before_its_activation_a_convolution_is_what_the_activation_clamps(draw: Draw) -> None:
    seen = 0
    for seed in range(60):
        case = draw_case(draw, seed, samples=1)
        parsed, inputs = read_graph(case.model), case.inputs[-1]
        operator = parsed.operators[0]
        before = before_activation(parsed, operator, dict(zip(parsed.inputs, inputs, strict=True)))
        clamp = CLAMPS[operator.options.activation]  # type: ignore[attr-defined]
        assert (before is None) == (clamp is None)
        if before is None or clamp is None:
            continue
        seen += 1
        output = parsed.tensors[operator.outputs[0]]
        assert output.quantization
        scale, zero = output.quantization.scale[0], output.quantization.zero_point[0]
        wanted = np.clip(np.clip(before, *clamp), scale * (-128 - zero), scale * (127 - zero))
        got = scale * (run(parsed, inputs)[output.index].astype(float) - zero)
        assert np.abs(got - wanted).max(initial=0) <= 1.01 * scale, case.label
    assert seen > 20


def test_a_float_model_is_refused_by_the_operator_s_name() -> None:
    parsed = read_graph((ROOT / "fixtures/digits/float32.tflite").read_bytes())
    with pytest.raises(UnsupportedModelError, match="CONV_2D"):
        run(parsed, [np.zeros((1, 8, 8, 1), np.float32)])
