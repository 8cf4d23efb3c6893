"""What quantization costs: finds the layer that was broken on purpose, and says what to try."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from nn_net import FLOAT32, INT8, Net
from tinyproof.cli import main
from tinyproof.errors import UsageError
from tinyproof.graph import read_graph
from tinyproof.quantization import Analysis, advise, analyse
from tinyproof.quantization.pairing import pair_layers
from tinyproof.samples import SampleSet, load_samples

DIGITS = Path(__file__).parents[2] / "fixtures/digits"
CONV, DENSE = "CONV_2D", "FULLY_CONNECTED"


def model(form: str) -> bytes:
    return (DIGITS / f"{form}.tflite").read_bytes()


def changed(content: bytes, change: Callable[[Any, Any], None]) -> bytes:
    """Return a model after ``change`` of its object tree; told the graph and the model."""
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    change(tree.subgraphs[0], tree)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def tensor_of(graph: Any, operator: int, *, position: int | None = None) -> Any:
    """Return the output of an operator, or the input at ``position``."""
    node = graph.operators[operator]
    return graph.tensors[node.outputs[0] if position is None else node.inputs[position]]


def rescale(tensor: Any, factor: float) -> None:
    tensor.quantization.scale = tensor.quantization.scale * np.float32(factor)


def stored(tree: Any, tensor: Any, kind: Any) -> Any:
    return np.frombuffer(bytes(tree.buffers[tensor.buffer].data), kind)


def store(tree: Any, tensor: Any, real: Any, scale: float, kind: Any) -> None:
    """Replace a constant by ``real`` values, all under one scale."""
    steps = np.round(real / scale).astype(kind)
    tree.buffers[tensor.buffer].data = np.frombuffer(steps.tobytes(), np.uint8)
    tensor.quantization.scale = np.array([scale], np.float32)
    tensor.quantization.zeroPoint = np.array([0], np.int64)


@pytest.fixture(scope="module")
def samples() -> SampleSet:
    return load_samples(DIGITS / "test.npz")


@pytest.fixture(scope="module")
def sound(samples: SampleSet) -> Analysis:
    return analyse(model("float32"), model("int8"), samples)


def test_a_sound_model_loses_little_and_nothing_is_suggested(sound: Analysis) -> None:
    assert [layer.operator for layer in sound.layers] == [
        "input", CONV, "MAX_POOL_2D", "RESHAPE", DENSE
    ]  # fmt: skip
    assert all(layer.snr_db > 40 and abs(layer.gain - 1) < 0.01 for layer in sound.layers)
    assert sound.samples == 359
    assert sound.accuracy_float is not None
    assert advise(sound, read_graph(model("int8"))) == ("No layer stands out; nothing to suggest.",)


def test_moving_values_loses_nothing(sound: Analysis) -> None:
    pool, reshape = sound.layers[2:4]
    assert (pool.lost_db, reshape.lost_db) == (0, 0)
    assert reshape.snr_db == pool.snr_db


def test_the_errors_are_those_of_the_values(sound: Analysis, samples: SampleSet) -> None:
    (x,) = samples.array("x").blocks(1000)
    layer = sound.layers[0]
    steps = np.clip(np.trunc(x / np.float32(layer.scale) + np.float32(0.5)), 0, 255)
    errors = np.abs(steps * layer.scale - x.astype(np.float64))
    assert layer.max_error == pytest.approx(errors.max(), rel=1e-4)
    assert layer.mean_error == pytest.approx(errors.mean(), rel=1e-4)
    noise = 10 * np.log10((x.astype(np.float64) ** 2).sum() / (errors**2).sum())
    assert layer.snr_db == pytest.approx(noise, rel=1e-4)


@pytest.mark.parametrize(("operator", "name"), [(0, CONV), (3, DENSE)])
def test_a_layer_whose_weights_scale_is_off_by_2_is_found(
    samples: SampleSet, operator: int, name: str
) -> None:
    def double(graph: Any, _: Any) -> None:
        rescale(tensor_of(graph, operator, position=1), 2)

    broken = changed(model("int8"), double)
    analysis = analyse(model("float32"), broken, samples)
    worst = analysis.worst()[0]
    assert (worst.operator, worst.index) == (name, operator)
    assert worst.gain > 1.5
    first = advise(analysis, read_graph(broken))[0]
    assert first.startswith(f"Operator {operator}, {name}, is ")


def test_a_layer_whose_output_scale_is_off_by_2_is_found(samples: SampleSet) -> None:
    """Half the range: what was large does not fit any more."""

    def halve(graph: Any, _: Any) -> None:
        rescale(tensor_of(graph, 3), 0.5)

    broken = changed(model("int8"), halve)
    analysis = analyse(model("float32"), broken, samples)
    assert analysis.worst()[0].operator == DENSE
    assert analysis.layers[-1].saturated_share > 0.01
    assert any("do not fit" in sentence for sentence in advise(analysis, read_graph(broken)))


def test_one_scale_for_uneven_weights_is_told(samples: SampleSet) -> None:
    def per_tensor(graph: Any, tree: Any) -> None:
        source, weights, bias = (tensor_of(graph, 0, position=n) for n in range(3))
        real = stored(tree, weights, np.int8).reshape(8, -1) * weights.quantization.scale[:, None]
        sums = stored(tree, bias, np.int32) * bias.quantization.scale
        # The same real numbers but one channel, for which all others are small.
        real[0] *= 12
        coarse = float(np.abs(real).max() / 127)
        store(tree, weights, real.reshape(-1), coarse, np.int8)
        store(tree, bias, sums, float(source.quantization.scale[0]) * coarse, np.int32)

    broken = changed(model("int8"), per_tensor)
    sentences = advise(analyse(model("float32"), broken, samples), read_graph(broken))
    assert any("per channel" in sentence for sentence in sentences)


def test_nothing_is_suggested_against_a_scale_that_is_given(sound: Analysis) -> None:
    dense = replace(sound.layers[-1], saturated=1000)
    for operator, suggestions in ((DENSE, 1), ("SOFTMAX", 0)):
        layers = (*sound.layers[:-1], replace(dense, operator=operator))
        said = advise(replace(sound, layers=layers), read_graph(model("int8")))
        assert sum("do not fit" in sentence for sentence in said) == suggestions


def test_float_io_is_compared_behind_its_quantize(samples: SampleSet, sound: Analysis) -> None:
    analysis = analyse(model("float32"), model("int8_float_io"), samples, 50)
    assert analysis.samples == 50
    assert [layer.operator for layer in analysis.layers] == [
        layer.operator for layer in sound.layers
    ]


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ("int8", "float32", "first model is quantized"),
        ("float32", "float32", "no layer that computes with integers"),
        ("float32", "dynamic_range", "no layer that computes with integers"),
    ],
)
def test_two_models_that_are_no_pair_are_refused(
    samples: SampleSet, first: str, second: str, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        analyse(model(first), model(second), samples)


def test_models_of_different_networks_are_refused(samples: SampleSet) -> None:
    other = (DIGITS.parent / "models/audio_example1.tflite").read_bytes()
    with pytest.raises(UsageError, match="no layer in common"):
        analyse(model("float32"), other, samples)


def run(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    paths = [str(DIGITS / f"{form}.tflite") for form in ("float32", "int8")]
    code = main(["quantization", *paths, *options])
    return code, capsys.readouterr().out


def test_the_command_shows_a_table_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "--samples", str(DIGITS / "test.npz"))
    assert code == 0
    assert "0 CONV_2D" in out
    assert "359 samples, 0 change their class" in out
    assert "nothing to suggest" in out


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = run(capsys, "--samples", str(DIGITS / "test.npz"), "--limit", "10", "--json")
    found = json.loads(out)
    assert found["samples"] == 10
    assert found["layers"][1]["operator"] == CONV
    assert found["advice"]


def test_inputs_are_paired_by_name_whatever_their_order() -> None:
    graphs = []
    for kind, quantization in ((FLOAT32, ()), (INT8, (0.5, 1))):
        net = Net()
        ends = [net.input((1, 4), kind, *quantization) for _ in range(2)]
        net.operator("ADD", ends, [net.output((1, 4), kind, *quantization)], "AddOptions")
        net.inputs = ends[::-1] if kind == INT8 else ends
        graphs.append(read_graph(net.build()))
    pairs = pair_layers(*graphs)
    assert [pair.real.name for pair in pairs] == [pair.quantized.name for pair in pairs]
    assert [pair.operator for pair in pairs] == ["input", "input", "ADD"]
