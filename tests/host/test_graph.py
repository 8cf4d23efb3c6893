"""Reading models: what is in them, and that nothing in a file can do harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mutate_models import LIMIT_KIB, campaign, peak_kib

from nn_net import FLOAT32, INT8, Net
from tinyproof.errors import ModelError, UnsupportedModelError
from tinyproof.graph import TensorType, read_graph
from tinyproof.graph.options import Activation, Conv2DOptions, Padding

DIGITS = Path(__file__).parents[2] / "fixtures/digits"


def digits(name: str = "int8") -> bytes:
    return (DIGITS / f"{name}.tflite").read_bytes()


def small_net() -> Net:
    net = Net()
    x = net.input((1, 4), INT8, 0.5, 3)
    middle, y = net.tensor((1, 4), INT8, 0.25, 0), net.output((1, 4), FLOAT32)
    net.operator("QUANTIZE", [x], [middle], "QuantizeOptions")
    net.operator("DEQUANTIZE", [middle], [y], "DequantizeOptions")
    return net


def test_operators_tensors_and_options_are_read() -> None:
    graph = read_graph(digits())
    names = [operator.name for operator in graph.operators]
    assert names == ["CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED"]
    options = graph.operators[0].options
    assert isinstance(options, Conv2DOptions)
    assert (options.padding, options.activation) == (Padding.VALID, Activation.RELU)
    assert (options.stride_h, options.stride_w, options.dilation_h) == (1, 1, 1)
    source = graph.tensors[graph.inputs[0]]
    assert (source.shape, source.type, source.data) == ((1, 8, 8, 1), TensorType.INT8, None)
    weights = graph.tensors[graph.operators[0].inputs[1]]
    assert weights.data is not None
    assert weights.data.shape == (8, 3, 3, 1)
    assert weights.quantization is not None
    assert weights.quantization.per_channel
    assert len(weights.quantization.scale) == 8


def test_the_data_of_a_tensor_cannot_be_changed() -> None:
    weights = read_graph(digits()).tensors[read_graph(digits()).operators[0].inputs[1]]
    assert weights.data is not None
    assert not weights.data.flags.writeable


def test_a_file_cut_off_anywhere_is_refused() -> None:
    model = digits()
    for cut in range(len(model)):
        with pytest.raises(ModelError):
            read_graph(model[:cut])


def test_an_empty_file_is_called_empty() -> None:
    with pytest.raises(ModelError, match="empty"):
        read_graph(b"")


def test_another_kind_of_file_is_recognized() -> None:
    with pytest.raises(ModelError, match="not a TensorFlow Lite FlatBuffer"):
        read_graph(b"PK\x03\x04 a zip archive, which .tflite never is")


def _cycle(net: Net) -> None:
    net.operators.reverse()


def _reads_itself(net: Net) -> None:
    net.operators[0].inputs = net.operators[0].outputs


def _written_twice(net: Net) -> None:
    net.operators[1].outputs = net.operators[0].outputs


def _no_such_tensor(net: Net) -> None:
    net.operators[0].inputs = [99]


def _no_such_code(net: Net) -> None:
    net.operators[0].opcodeIndex = 99


def _no_such_buffer(net: Net) -> None:
    net.tensors[1].buffer = 99


def _negative_size(net: Net) -> None:
    net.tensors[0].shape = np.array([1, -4], np.int32)


def _wrong_data(net: Net) -> None:
    net.constant(np.zeros(8, np.int8), scale=1.0)
    net.tensors[-1].shape = np.array([9], np.int32)


def _negative_scale(net: Net) -> None:
    net.tensors[0].quantization.scale = np.array([-1.0], np.float32)


def _scale_not_finite(net: Net) -> None:
    net.tensors[0].quantization.scale = np.array([np.nan], np.float32)


def _scales_not_matching(net: Net) -> None:
    net.tensors[0].quantization.scale = np.ones(3, np.float32)


def _no_outputs(net: Net) -> None:
    net.outputs = []


def _other_options(net: Net) -> None:
    net.operator("CONV_2D", [0], [], "SoftmaxOptions", beta=1.0)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_cycle, "before it is written"),
        (_reads_itself, "before it is written"),
        (_written_twice, "writes tensor 1 again"),
        (_no_such_tensor, "99"),
        (_no_such_code, "code 99"),
        (_no_such_buffer, "buffer 99"),
        (_negative_size, r"shape \[1, -4\]"),
        (_wrong_data, "8 bytes of data instead of 9"),
        (_negative_scale, "scale"),
        (_scale_not_finite, "scale"),
        (_scales_not_matching, "3 scales"),
        (_no_outputs, "no outputs"),
        (_other_options, "options of kind 9"),
    ],
)
def test_a_contradiction_is_named(damage: Callable[[Net], None], reason: str) -> None:
    net = small_net()
    read_graph(net.build())
    damage(net)
    with pytest.raises(ModelError, match=reason):
        read_graph(net.build())


def test_billions_of_elements_cost_nothing() -> None:
    net = small_net()
    net.tensors[1].shape = np.array([1 << 30, 1 << 30, 1 << 30], np.int32)
    with pytest.raises(UnsupportedModelError, match="tensor 1 of shape"):
        read_graph(net.build())


def test_a_custom_operator_is_kept_by_its_own_name() -> None:
    net = small_net()
    net.codes[0].builtinCode = net.codes[0].deprecatedBuiltinCode = 32
    net.codes[0].customCode = b"MyOperator"
    assert read_graph(net.build()).operators[0].name == "CUSTOM:MyOperator"


def test_free_dimensions_are_noted() -> None:
    net = small_net()
    net.tensors[0].shapeSignature = np.array([-1, 4], np.int32)
    assert read_graph(net.build()).tensors[0].free_dims == (0,)


def test_thousands_of_damaged_files_are_refused_or_taken() -> None:
    models = [digits("int8"), digits("float32"), digits("int8_float_io"), small_net().build()]
    outcomes, bad = campaign(models, count=3000)
    assert bad == -1, f"mutant with seed {bad}: see mutate_models.py"
    assert outcomes["ModelError"] > 1000
    assert outcomes["taken"] > 100, "mutants so wild that none is read prove little"
    assert peak_kib() < LIMIT_KIB


@pytest.mark.parametrize("zero_point", [1 << 31, -(1 << 31) - 1, 1 << 62])
def test_a_zero_point_beyond_32_bits_is_malformed(zero_point: int) -> None:
    net = Net()
    x, y = net.input((1, 2), INT8, 0.5, zero_point), net.output((1, 2), INT8, 0.5, 0)
    net.operator("RESHAPE", [x], [y])
    with pytest.raises(ModelError, match="a zero point beyond 32 bits"):
        read_graph(net.build())
