"""model.h as text: deterministic, complete, versioned; refusals name operator, index and reason."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nn_net import FLOAT32, INT8, Net
from tinyproof import __version__
from tinyproof.codegen import generate, xxd
from tinyproof.codegen.arithmetic import quantize_multiplier, window
from tinyproof.codegen.ctext import number
from tinyproof.codegen.operators.matvec import interleave
from tinyproof.codegen.weights import BLOCK_BYTES, collect_weights
from tinyproof.errors import UnsupportedModelError
from tinyproof.graph import TensorType
from tinyproof.graph.options import Padding
from tinyproof.protocol import MODEL_FORMAT
from tools import require_tool

DIGITS = Path(__file__).parents[2] / "fixtures/digits"


def digits(name: str = "int8") -> bytes:
    return (DIGITS / f"{name}.tflite").read_bytes()


def test_the_same_model_gives_the_same_bytes() -> None:
    assert generate(digits()) == generate(bytes(bytearray(digits())))


def test_the_header_holds_the_model_byte_for_byte() -> None:
    header = generate(digits()).header
    body = header.split("tp_model_data[]")[1].split("{", 1)[1].split("}", 1)[0]
    assert bytes(int(text, 16) for text in re.findall(r"0x[0-9a-f]{2}", body)) == digits()
    assert f'#define TP_MODEL_SHA256 "{hashlib.sha256(digits()).hexdigest()}"' in header
    assert f"#define TP_MODEL_BYTES {len(digits())}\n" in header


def test_no_line_is_wider_than_the_code_style_allows() -> None:
    lines = generate(digits("float32")).header.splitlines()
    assert max(map(len, lines)) <= 100


def test_the_interface_is_described() -> None:
    generated = generate(digits())
    (source,), (result,) = generated.inputs, generated.outputs
    assert (source.type, source.shape, source.bytes) == (TensorType.INT8, (1, 8, 8, 1), 64)
    assert (result.type, result.shape, result.bytes) == (TensorType.INT8, (1, 10), 10)
    assert source.scale == pytest.approx(1 / 255)
    assert "#define TP_MODEL_INPUT_0_SHAPE {1, 8, 8, 1}" in generated.header
    assert f"#define TP_MODEL_INPUT_0_ZERO_POINT {source.zero_point}" in generated.header


def test_the_descriptor_is_laid_out_as_the_protocol_says() -> None:
    generated = generate(digits())
    version = __version__.encode()
    wanted = MODEL_FORMAT.to_bytes(2, "little") + hashlib.sha256(digits()).digest()
    wanted += b"\x03aot" + bytes([len(version)]) + version + b"\x02\x00\x01\x01"
    for item in (*generated.inputs, *generated.outputs):
        wanted += bytes([item.type, len(item.shape)])
        wanted += np.array(item.shape, "<u4").tobytes()
        wanted += np.array(item.scale, "<f4").tobytes()
        wanted += np.array(item.zero_point, "<i4").tobytes()
    assert generated.descriptor == wanted


def test_a_fused_group_says_so() -> None:
    first, second = generate(digits()).layers
    assert first.operators == ("CONV_2D", "MAX_POOL_2D")
    assert first.operator_indices == (0, 1)
    assert (first.output, first.macs) == ((1, 3, 3, 8), 2592)
    assert (second.operators, second.macs) == (("FULLY_CONNECTED",), 720)


def test_xxd_is_what_xxd_writes_with_const_added() -> None:
    expected = (
        "const unsigned char my_model_1_tflite[] = {\n"
        "  0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x20, 0x77, 0x6f, 0x72, 0x6c, 0x64, 0x20,\n"
        "  0x31, 0x32, 0x33\n"
        "};\n"
        "const unsigned int my_model_1_tflite_len = 15;\n"
    )
    assert xxd(b"hello world 123", "my-model.1.tflite") == expected


@pytest.mark.parametrize("path", ["m.tflite", "1a-b.tflite", "./d/é.t", "a/b/C.9", "_x"])
@pytest.mark.parametrize("size", [0, 1, 11, 12, 13, 24, 257])
def test_xxd_is_what_the_installed_xxd_writes(tmp_path: Path, path: str, size: int) -> None:
    tool = require_tool("xxd")
    data = bytes(range(256)) * 2
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data[:size])
    done = subprocess.run([tool, "-i", path], cwd=tmp_path, capture_output=True, check=True)
    assert xxd(data[:size], path) == re.sub(
        "^unsigned", "const unsigned", done.stdout.decode(), flags=re.M
    )


def test_weights_have_no_padding_and_equals_are_stored_once() -> None:
    values: list[NDArray[Any]] = [
        np.arange(3, dtype=np.int8),
        np.arange(2, dtype=np.int32),
        np.ones(1, np.float32),
    ]
    weights = collect_weights(
        [("a", values[0]), ("b", values[1]), ("c", values[2]), ("d", values[0])]
    )
    assert [[member.name for member in block] for block in weights.blocks] == [["b", "c", "a"]]
    assert weights.bytes == 15
    assert weights.place(values[0]) == "&tp_weights_0.a[0]"


def test_weights_are_divided_where_avr_gcc_needs_it() -> None:
    arrays = [(f"a{index}", np.full(9000, index, np.int8)) for index in range(8)]
    weights = collect_weights(arrays)
    sizes = [weights.block_bytes(index) for index in range(len(weights.blocks))]
    assert sizes == [27000, 27000, 18000]
    assert max(sizes) <= BLOCK_BYTES


def test_weights_are_interleaved_by_four_within_each_group() -> None:
    matrix = np.arange(10).reshape(5, 2)
    assert interleave(matrix).tolist() == [0, 2, 4, 6, 1, 3, 5, 7, 8, 9]
    assert interleave(np.arange(6).reshape(6, 1), groups=2).tolist() == [0, 1, 2, 3, 4, 5]
    halves = interleave(np.arange(16).reshape(8, 2), groups=2)
    assert halves[:8].tolist() == [0, 2, 4, 6, 1, 3, 5, 7]


@pytest.mark.parametrize(
    ("real", "multiplier", "shift"),
    [
        (0.0, 0, 0),
        (1.0, 1 << 30, 1),
        (0.5, 1 << 30, 0),
        (0.75, 3 << 29, 0),
        (1 - 2**-40, 1 << 30, 1),
        (2.0**-32, 1 << 30, -31),
        (2.0**-33, 0, 0),
    ],
)
def test_multipliers_are_litert_s(real: float, multiplier: int, shift: int) -> None:
    assert quantize_multiplier(real) == (multiplier, shift)


def test_windows_slide_as_litert_s_do() -> None:
    same, valid = Padding.SAME, Padding.VALID
    assert (window(same, 8, 3, 2).size, window(same, 8, 3, 2).before) == (4, 0)
    assert (window(same, 7, 3, 2).size, window(same, 7, 3, 2).before) == (4, 1)
    assert window(valid, 8, 3, 2).size == 3
    assert window(valid, 2, 3, 1).size == 0
    assert window(valid, 8, 3, 1, dilation=3).size == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0f"),
        (-0.1, "-0.100000001f"),
        (1e-30, "1e-30f"),
        (1e38, "9.99999968e+37f"),
        (7, "7"),
    ],
)
def test_numbers_are_written_in_c(value: float, text: str) -> None:
    assert number(value) == text


def test_an_unknown_operator_is_refused_by_name_and_index() -> None:
    net = Net()
    x, middle = net.input((1, 4), INT8, 0.5, 0), net.tensor((1, 4), INT8, 0.25, 0)
    y = net.output((1, 4), INT8, 0.25, 0)
    net.operator("QUANTIZE", [x], [middle], "QuantizeOptions")
    net.operator("CEIL", [middle], [y])
    with pytest.raises(UnsupportedModelError, match=r"operator 1 \(CEIL\)") as caught:
        generate(net.build())
    assert (caught.value.operator, caught.value.index) == ("CEIL", 1)


def test_a_declared_shape_that_is_not_the_computed_one_is_refused() -> None:
    net = Net()
    x, y = net.input((1, 4), INT8, 0.5, 0), net.output((1, 400), INT8, 0.25, 0)
    net.operator("QUANTIZE", [x], [y], "QuantizeOptions")
    with pytest.raises(UnsupportedModelError, match=r"shape \[1, 400\] instead of \[1, 4\]"):
        generate(net.build())


def test_a_fully_connected_layer_with_a_scalar_output_is_refused() -> None:
    net = Net()
    x, y = net.input((1, 1), INT8, 0.5, 0), net.output((), INT8, 0.25, 0)
    weights = net.constant(np.ones((1, 1), np.int8), scale=0.5)
    net.operator("FULLY_CONNECTED", [x, weights], [y], "FullyConnectedOptions")
    with pytest.raises(UnsupportedModelError, match="scalar"):
        generate(net.build())


def test_scales_that_no_shift_can_join_are_refused() -> None:
    net = Net()
    x, y = net.input((1, 4), INT8, 1e9, 0), net.output((1, 4), INT8, 1e-9, 0)
    net.operator("QUANTIZE", [x], [y], "QuantizeOptions")
    with pytest.raises(UnsupportedModelError, match="too far apart"):
        generate(net.build())


def test_a_free_dimension_other_than_the_batch_is_refused() -> None:
    net = Net()
    x, y = net.input((1, 1), FLOAT32), net.output((1, 1), INT8, 0.25, 0)
    net.tensors[x].shapeSignature = np.array([-1, -1], np.int32)
    net.operator("QUANTIZE", [x], [y], "QuantizeOptions")
    with pytest.raises(UnsupportedModelError, match="dimension 1"):
        generate(net.build())


def test_the_flatten_of_a_free_batch_is_folded_away() -> None:
    net = Net()
    x = net.input((1, 2, 3), FLOAT32)
    net.tensors[x].shapeSignature = np.array([-1, 2, 3], np.int32)
    shape, batch, wanted = (net.tensor(size, 2) for size in ((3,), (), (2,)))
    bounds = [net.constant(np.array([value], np.int32)) for value in (0, 1, 1)]
    six = net.constant(np.array(6, np.int32))
    flat, y = net.tensor((1, 6), FLOAT32), net.output((1, 6), INT8, 0.5, 0)
    net.operator("SHAPE", [x], [shape], "ShapeOptions", outType=2)
    net.operator(
        "STRIDED_SLICE", [shape, *bounds], [batch], "StridedSliceOptions", shrinkAxisMask=1
    )
    net.operator("PACK", [batch, six], [wanted], "PackOptions", valuesCount=2)
    net.operator("RESHAPE", [x, wanted], [flat], "ReshapeOptions")
    net.operator("QUANTIZE", [flat], [y], "QuantizeOptions")
    assert [layer.operators for layer in generate(net.build()).layers] == [("QUANTIZE",)]
