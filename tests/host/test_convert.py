"""Converting: clean graphs, the right types in every form, clear refusals, no noise."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tinyproof.convert import FORM_SPECS, ZOO_FORMS, Form, backend
from tinyproof.convert.flatbuffer import read_model, write_model
from tinyproof.convert.from_keras import convert_keras
from tinyproof.convert.measure import measure_form, measure_forms, reference_outputs
from tinyproof.convert.weights import quantize_per_channel, quantize_weights
from tinyproof.errors import ModelError, SamplesError, ToolchainError
from tinyproof.zoo import digits

DIGITS = Path(__file__).resolve().parents[2] / "fixtures" / "digits"
CORE = ["CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED"]
OPERATORS = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}


def fixture(form: Form) -> bytes:
    return (DIGITS / f"{form}.tflite").read_bytes()


@pytest.fixture(scope="module")
def model() -> Any:
    """The digits model, untrained."""
    backend.keras().utils.set_random_seed(1)
    return digits.build()


@pytest.fixture(scope="module")
def samples() -> np.ndarray[Any, np.dtype[np.float32]]:
    with np.load(DIGITS / "test.npz") as file:
        return file["x"][:32]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def converted(model: Any, samples: Any) -> dict[Form, Any]:
    return {form: read_model(convert_keras(model, form, samples)) for form in Form}


def operators(model: Any) -> list[str]:
    codes = [OPERATORS[code.builtinCode] for code in model.operatorCodes]
    return [codes[operator.opcodeIndex] for operator in model.subgraphs[0].operators]


def types(model: Any) -> tuple[int, int]:
    graph = model.subgraphs[0]
    return graph.tensors[graph.inputs[0]].type, graph.tensors[graph.outputs[0]].type


def weights(model: Any) -> list[Any]:
    graph = model.subgraphs[0]
    with_weights = [o for o in graph.operators if len(o.inputs) == 3]
    return [graph.tensors[operator.inputs[1]] for operator in with_weights]


@pytest.mark.parametrize("form", Form)
def test_the_graph_holds_no_shape_arithmetic(form: Form, converted: dict[Form, Any]) -> None:
    halves = ["DEQUANTIZE"] * 3  # a tiny bias stays float32
    outer = {Form.INT8_FLOAT_IO: (["QUANTIZE"], ["DEQUANTIZE"]), Form.FLOAT16: (halves, [])}
    before, after = outer.get(form, ([], []))
    wanted = [*before, *CORE, *after]
    assert operators(converted[form]) == wanted


@pytest.mark.parametrize("form", Form)
def test_inputs_and_outputs_have_the_types_of_the_form(
    form: Form, converted: dict[Form, Any]
) -> None:
    integers = {Form.INT8: schema.TensorType.INT8, Form.INT16X8: schema.TensorType.INT16}
    wanted = integers.get(form, schema.TensorType.FLOAT32)
    assert types(converted[form]) == (wanted, wanted)


@pytest.mark.parametrize("form", Form)
def test_weights_have_the_type_of_the_form(form: Form, converted: dict[Form, Any]) -> None:
    real = form in (Form.FLOAT32, Form.FLOAT16)  # float16 is widened before its first use
    wanted = schema.TensorType.FLOAT32 if real else schema.TensorType.INT8
    assert [tensor.type for tensor in weights(converted[form])] == [wanted, wanted]


def test_the_model_given_is_left_as_it_was(model: Any, samples: Any) -> None:
    before = [value.copy() for value in model.get_weights()]
    convert_keras(model, Form.INT8, samples)
    assert model.input_shape == (None, 8, 8, 1)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("form", [form for form in Form if FORM_SPECS[form].calibrate])
@pytest.mark.parametrize("given", [None, np.zeros((0, 8, 8, 1), np.float32)])
def test_an_int8_form_without_samples_is_refused(form: Form, given: Any, model: Any) -> None:
    with pytest.raises(SamplesError, match="needs representative samples"):
        convert_keras(model, form, given)


def test_samples_of_another_shape_are_refused(model: Any) -> None:
    with pytest.raises(SamplesError, match=r"\(64,\), wanted \(8, 8, 1\)"):
        convert_keras(model, Form.INT8, np.zeros((4, 64), np.float32))


def test_a_model_that_litert_cannot_express_is_refused() -> None:
    keras, tf = backend.keras(), backend.tensorflow()
    layer = keras.layers.Lambda(tf.linalg.inv, output_shape=(3, 3))
    odd = keras.Sequential([keras.Input((3, 3)), layer])
    with pytest.raises(ModelError, match="LiteRT has no operator for MatrixInverse"):
        convert_keras(odd, Form.FLOAT32)


def test_a_layer_that_keras_cannot_copy_is_converted() -> None:
    keras, tf = backend.keras(), backend.tensorflow()
    own = keras.layers.Lambda(tf.math.square, output_shape=(3, 4))
    odd = keras.Sequential([keras.Input((3, 4)), own, keras.layers.Flatten()])
    assert operators(read_model(convert_keras(odd, Form.FLOAT32))) == ["SQUARE", "RESHAPE"]


def test_converting_prints_nothing(model: Any, capfd: pytest.CaptureFixture[str]) -> None:
    convert_keras(model, Form.FLOAT32)
    assert capfd.readouterr() == ("", "")


def test_a_missing_package_names_the_extra_to_install() -> None:
    with pytest.raises(ToolchainError, match="no_such_package") as caught:
        backend.require("no_such_package")
    assert "pip install 'tinyproof[train]'" in caught.value.hint


def test_noise_of_python_and_c_is_discarded(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with backend.quiet():
            sys.stdout.write("python")
            os.write(2, b"C")
            raise ValueError("heard")

    with pytest.raises(ValueError, match="heard"):
        fail()
    assert capfd.readouterr() == ("", "")
    os.write(2, b"heard again")
    assert capfd.readouterr().err == "heard again"


def test_a_redirected_stream_is_given_back() -> None:
    with redirect_stdout(io.StringIO()) as stream:
        with backend.quiet():
            sys.stdout.write("lost")
        sys.stdout.write("kept")
    assert stream.getvalue() == "kept"


@pytest.mark.parametrize("form", ZOO_FORMS)
def test_rewriting_a_file_keeps_its_answers(form: Form, samples: Any) -> None:
    content = fixture(form)
    again = write_model(read_model(content))
    assert np.array_equal(reference_outputs(again, samples), reference_outputs(content, samples))
    assert write_model(read_model(again)) == again


def test_rewritten_buffers_are_aligned() -> None:
    content = quantize_weights(fixture(Form.FLOAT32))
    model = schema.Model.GetRootAs(content, 0)
    offsets = []
    for index in range(model.BuffersLength()):
        data = model.Buffers(index).DataAsNumpy()
        if isinstance(data, np.ndarray):
            whole = np.frombuffer(content, np.uint8)
            offsets.append(data.ctypes.data - whole.ctypes.data)
    assert len(offsets) >= 4
    assert all(offset % 16 == 0 for offset in offsets)


def test_quantized_weights_change_the_answers_only_a_little(samples: Any) -> None:
    exact = reference_outputs(fixture(Form.FLOAT32), samples)
    content = quantize_weights(fixture(Form.FLOAT32))
    answers = reference_outputs(content, samples)
    assert not np.array_equal(answers, exact)
    assert np.abs(answers - exact).max() < 0.02 * np.abs(exact).max()
    assert len(content) < len(fixture(Form.FLOAT32)) * 2 / 3


def test_quantizing_twice_changes_nothing() -> None:
    once = quantize_weights(fixture(Form.FLOAT32))
    assert quantize_weights(once) == once


@given(
    arrays.arrays(
        np.float32,
        arrays.array_shapes(min_dims=1, max_dims=4, max_side=5),
        elements=st.floats(-1e6, 1e6, width=32).filter(lambda v: v == 0 or abs(v) > 1e-6),
    )
)
@settings(max_examples=100)
def test_a_quantized_weight_is_within_half_a_step(values: Any) -> None:
    stored, scales = quantize_per_channel(values)
    wide = scales.reshape((-1,) + (1,) * (values.ndim - 1)).astype(np.float64)
    assert stored.dtype == np.int8
    assert stored.min() >= -127
    assert (np.abs(stored * wide - values) <= wide * 0.5001).all()


def test_a_channel_of_zeros_stays_zero() -> None:
    stored, scales = quantize_per_channel(np.zeros((2, 3), np.float32))
    assert not stored.any()
    assert (scales > 0).all()


def test_a_row_counts_right_answers(samples: Any) -> None:
    with np.load(DIGITS / "test.npz") as file:
        labels = file["y"][:32]
    content = fixture(Form.INT8)
    predicted = reference_outputs(content, samples).argmax(axis=1)
    row = measure_form(Form.INT8, content, samples, labels, runs=10)
    assert (row.correct, row.samples) == (int((predicted == labels).sum()), 32)
    assert row.accuracy == row.correct / 32
    assert (row.form, row.size_bytes, row.latency_runs) == (Form.INT8, len(content), 10)
    assert row.latency_us > 0
    wrong = measure_form(Form.INT8, content, samples, (predicted + 1) % 10, runs=1)
    assert wrong.correct == 0


def test_the_table_has_one_row_per_file(samples: Any) -> None:
    files = {form: DIGITS / f"{form}.tflite" for form in ZOO_FORMS}
    rows = measure_forms(files, samples, np.zeros(len(samples), np.int64), runs=1)
    assert [row.form for row in rows] == list(ZOO_FORMS)
