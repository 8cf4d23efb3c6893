"""The main job on models with several inputs and outputs, and on one with a free batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_cli import assert_complains, call, report_of
from nn_net import FLOAT32, INT8, INT32, INT64, Net
from tinyproof.convert import backend
from tinyproof.project import Project
from tools import require_tool

N = 12
"""Samples of each run."""


def two_inputs(kind: int, classes: int) -> bytes:
    """Return a model of the inputs ``left`` and ``right`` and three outputs, one of them a class.

    Args:
        kind: of the inputs and of the outputs ``sum`` and ``largest``.
        classes: type of the output ``class``.
    """
    net = Net()
    scales = ((0.05, 3), (0.02, -7), (0.1, 0)) if kind == INT8 else ((), (), ())
    left = net.input((1, 4, 6), kind, *scales[0])
    right = net.input((6,), kind, *scales[1])
    total, most = (net.output(None, kind, *scales[2]) for _ in range(2))
    which = net.output((1, 4), classes)
    for index, shape in ((total, (1, 4, 6)), (most, (1, 4, 6))):
        net.tensors[index].shape = np.array(shape, np.int32)
    names = {left: "left", right: "right", total: "sum", most: "largest", which: "class"}
    for index, name in names.items():
        net.tensors[index].name = name
    net.operator("ADD", [left, right], [total], "AddOptions", 2)
    net.operator("MAXIMUM", [total, total], [most], "MaximumMinimumOptions", 2)
    axis = net.constant(np.array(-1, np.int32))
    net.operator("ARG_MAX", [total, axis], [which], "ArgMaxOptions", 2, outputType=classes)
    return net.build()


def save(folder: Path, model: bytes, **arrays: Any) -> tuple[Path, Path]:
    """Write a model and its samples; return their paths."""
    path, samples = folder / "model.tflite", folder / "samples.npz"
    path.write_bytes(model)
    np.savez(samples, **arrays)
    return path, samples


def real(*shape: int) -> Any:
    return np.random.default_rng(5).normal(0, 2, (N, *shape)).astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "classes"), [(INT8, INT64), (FLOAT32, INT32)], ids=["int8", "float32"]
)
def test_two_inputs_and_three_outputs_are_proved(
    kind: int, classes: int, project: Project, out: Path, tmp_path: Path
) -> None:
    model, samples = save(
        tmp_path, two_inputs(kind, classes), right=real(6), left=real(1, 4, 6)[:, 0]
    )
    ended = call("run", "--model", model, "--samples", samples, "--out", out)
    assert ended.code == 0, ended
    assert report_of(out)["verdicts"]["exact"] == N
    random = call("run", "--model", model, "--random", "20", "--out", out)
    assert random.code == 0, random


def test_a_missing_or_unknown_input_name_is_told(
    project: Project, out: Path, tmp_path: Path
) -> None:
    model, samples = save(tmp_path, two_inputs(INT8, INT32), left=real(1, 4, 6), wrong=real(6))
    ended = call("run", "--model", model, "--samples", samples, "--out", out)
    assert_complains(ended, 2, "right")


def constants(kind: int) -> bytes:
    """Return a model that moves data and reads constants in all ways: on AVR they lie in flash."""
    net, rng = Net(), np.random.default_rng(0)

    def value(*shape: int) -> int:
        if kind == FLOAT32:
            return net.constant(rng.normal(0, 1, shape).astype(np.float32))
        integers = rng.integers(-128, 128, shape, dtype=np.int8)
        return net.constant(integers, scale=0.5, zero_point=3)

    def add(name: str, inputs: list[int], shape: tuple[int, ...], **fields: Any) -> int:
        y = net.tensor(shape, kind, *((0.5, 3) if kind == INT8 else ()))
        net.operator(name, inputs, [y], fields.pop("options", ""), 2, **fields)
        return y

    def shape(numbers: Any) -> int:
        return net.constant(np.array(numbers, np.int32))

    x = net.input((1, 3, 4, 2), kind, *((0.5, 3) if kind == INT8 else ()))
    x = add("ADD", [value(4, 2), x], (1, 3, 4, 2))
    x = add("SUB", [value(4, 2), x], (1, 3, 4, 2))
    x = add("MUL", [x, value(3, 1, 1)], (1, 3, 4, 2))
    x = add("PAD", [x, shape([[0, 0], [1, 0], [0, 1], [0, 0]])], (1, 4, 5, 2))
    parts = [x, value(1, 4, 5, 1)]
    x = add("CONCATENATION", parts, (1, 4, 5, 3), options="ConcatenationOptions", axis=3)
    x = add("TRANSPOSE", [x, shape([0, 3, 1, 2])], (1, 3, 4, 5))
    bounds = [shape([0, 2, 3, 4]), shape([1, 0, -9, -9]), shape([1, -1, -1, -2])]
    x = add("STRIDED_SLICE", [x, *bounds], (1, 2, 4, 3))
    x = add("MAXIMUM", [x, value(3)], (1, 2, 4, 3))
    x = add("RESIZE_NEAREST_NEIGHBOR", [x, shape([3, 3])], (1, 3, 3, 3))
    which = net.output((1, 3, 3), INT64)
    net.operator("ARG_MAX", [x, shape(3)], [which], "ArgMaxOptions", 2, outputType=INT64)
    net.outputs.append(x)
    return net.build()


@pytest.mark.parametrize("kind", [INT8, FLOAT32], ids=["int8", "float32"])
def test_constant_operands_are_read_from_the_flash_of_an_uno(
    kind: int, project: Project, out: Path, tmp_path: Path
) -> None:
    require_tool("avr-gcc")
    model = tmp_path / "model.tflite"
    model.write_bytes(constants(kind))
    where = ("--target", "uno", "--port", "sim")
    ended = call("run", *where, "--model", model, "--random", "10", "--out", out)
    assert ended.code == 0, ended
    assert report_of(out)["verdicts"]["exact"] == 10


def branches(*, upsampling: bool) -> Any:
    """Return an untrained Keras model of two inputs and two outputs, its batch free.

    Args:
        upsampling: as TILE and RESHAPE to a computed shape, instead of RESIZE_NEAREST_NEIGHBOR;
            LiteRT's reference kernels lack the version of TILE that converters write for int8.
    """
    keras = backend.keras()
    keras.utils.set_random_seed(3)
    layers = keras.layers
    image = keras.Input((6, 6, 2), name="image")
    hints = keras.Input((5,), name="hints")
    x = layers.ZeroPadding2D(((0, 1), (1, 0)))(image)
    x = layers.Conv2D(4, 3, activation="relu")(x)
    x = layers.Add()([x, layers.Conv2D(4, 1, padding="same")(x)])
    larger = layers.UpSampling2D(2) if upsampling else layers.Resizing(9, 7, "nearest")
    x = layers.MaxPooling2D(2)(larger(x))
    x = layers.Permute((2, 3, 1))(x)
    x = layers.Concatenate()([layers.Flatten()(x), hints])
    gate = layers.Dense(8)(x)
    gated = layers.Multiply()([layers.Dense(8, activation="relu")(x), gate])
    small = layers.Reshape((2, 4))(layers.Minimum()([gated, gate]))
    return keras.Model([image, hints], [layers.Dense(3)(gated), small])


@pytest.mark.parametrize("quantized", [False, True], ids=["float32", "int8"])
def test_a_keras_model_with_a_free_batch_is_proved(
    quantized: bool, project: Project, out: Path, tmp_path: Path
) -> None:
    tensorflow = backend.tensorflow()
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(branches(upsampling=not quantized))
    if quantized:
        rng = np.random.default_rng(1)
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            [rng.normal(0, 1, (1, *shape)).astype(np.float32) for shape in ((6, 6, 2), (5,))]
            for _ in range(20)
        )
        converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tensorflow.int8
    model = tmp_path / "branches.tflite"
    model.write_bytes(converter.convert())
    ended = call("run", "--model", model, "--random", "40", "--out", out)
    assert ended.code == 0, ended
    assert report_of(out)["verdicts"]["exact"] == 40


def halving() -> bytes:
    """Return y = x / 2, int8 within, real values outside: a regression."""
    net = Net()
    x, y = net.input((1, 1), FLOAT32), net.output((1, 1), FLOAT32)
    stored = [net.tensor((1, 1), INT8, scale, 0) for scale in (0.1, 0.05)]
    weight = net.constant(np.array([[64]], np.int8), scale=1 / 128, zero_point=0)
    net.operator("QUANTIZE", [x], stored[:1])
    options = "FullyConnectedOptions"
    net.operator("FULLY_CONNECTED", [stored[0], weight, -1], stored[1:], options, 4)
    net.operator("DEQUANTIZE", stored[1:], [y], version=2)
    return net.build()


def test_a_regression_is_told_in_real_units(project: Project, out: Path, tmp_path: Path) -> None:
    x = np.linspace(-8, 8, N, dtype=np.float32)[:, None]
    model, samples = save(tmp_path, halving(), x=x, y=x / 2 + 1)
    ended = call("run", "--model", model, "--samples", samples, "--out", out)
    assert ended.code == 0, ended
    assert "RMSE device 1" in ended.out
    found = report_of(out)["regression"]
    assert found["max_difference"] == 0
    assert found["rmse_device"] == found["rmse_reference"] == pytest.approx(1, abs=0.05)
    save(tmp_path, halving(), x=x, y=np.ones((N, 3), np.float32))
    ended = call("run", "--model", model, "--samples", samples, "--out", out)
    assert_complains(ended, 2, "wanted integers", "(1, 1)")
