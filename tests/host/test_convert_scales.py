"""How many scales the converter gives to the weights of a layer, and who needs fewer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_cli import INT8, assert_complains, call
from tinyproof.convert import Form, backend
from tinyproof.convert.files import largest_error
from tinyproof.convert.from_keras import KerasSource
from tinyproof.convert.opening import Opening, open_source
from tinyproof.convert.source import Source
from tinyproof.graph import read_graph
from tinyproof.tflm import warning_of_old_libraries

X = np.random.default_rng(0).uniform(0, 1, (24, 6, 6, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> Any:
    keras = backend.keras()
    keras.utils.set_random_seed(5)
    layers = [keras.layers.Conv2D(3, 3, activation="relu"), keras.layers.Flatten()]
    return keras.Sequential([keras.Input(X.shape[1:]), *layers, keras.layers.Dense(4)])


@pytest.fixture(scope="module", params=["keras", "saved_model"])
def source(request: pytest.FixtureRequest, model: Any, tmp_path_factory: Any) -> Source:
    if request.param == "keras":
        return KerasSource(model)
    folder: Path = tmp_path_factory.mktemp("scales") / "saved"
    with backend.quiet():
        model.export(folder)
    return open_source(folder, Opening())


@pytest.mark.parametrize("per_tensor", [False, True])
def test_dense_layers_get_one_scale_where_that_is_asked_for(
    source: Source, per_tensor: bool
) -> None:
    source.per_tensor_dense = per_tensor
    content = source.convert(Form.INT8, dict.fromkeys(source.inputs, X))
    graph = read_graph(content)
    weights = {op.name: graph.tensors[op.inputs[1]].quantization for op in graph.operators}
    convolution, dense = weights["CONV_2D"], weights["FULLY_CONNECTED"]
    assert convolution is not None
    assert dense is not None
    assert convolution.per_channel
    assert dense.per_channel is not per_tensor
    assert bool(warning_of_old_libraries(content)) is not per_tensor
    assert 0 < largest_error(source, content, dict.fromkeys(source.inputs, X)) < 0.05


def test_the_command_asks_for_it(model: Any, tmp_path: Path) -> None:
    with backend.quiet():
        model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "s.npz", x=X)
    ended = call(
        "convert", tmp_path / "model.keras", "--samples", tmp_path / "s.npz", "--form", "int8",
        "--per-tensor-dense", "--out", tmp_path,
    )  # fmt: skip
    assert ended.code == 0
    assert not warning_of_old_libraries((tmp_path / "int8.tflite").read_bytes())


def test_the_scales_of_a_tflite_file_stay_as_they_are(tmp_path: Path) -> None:
    ended = call("convert", INT8, "--per-tensor-dense", "--out", tmp_path)
    assert_complains(ended, 2, "stay as they are", "the model it was made from")
