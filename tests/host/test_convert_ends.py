"""Models of several inputs or outputs, of odd names and types, through the conversion and back."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from native_cli import call, report_of
from tinyproof.codegen import generate
from tinyproof.convert import Form, backend
from tinyproof.convert.files import largest_error
from tinyproof.convert.from_graph import _frozen
from tinyproof.convert.from_keras import KerasSource, convert_keras
from tinyproof.convert.measure import reference_outputs
from tinyproof.convert.opening import Opening, open_source
from tinyproof.errors import ModelError, SamplesError
from tinyproof.project import Project
from tinyproof.tensors import plain_name


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A model of two inputs of one shape, not in the order of their names, in every format."""
    keras, tf, folder = backend.keras(), backend.tensorflow(), tmp_path_factory.mktemp("paired")
    keras.utils.set_random_seed(3)
    ends = [keras.Input((4,), name=name) for name in ("wide", "narrow")]
    both = keras.layers.Concatenate()([ends[0], keras.layers.Dense(3, "relu")(ends[1])])
    model = keras.Model(ends, keras.layers.Dense(5)(both))
    rng = np.random.default_rng(0)
    x: dict[str, Any] = {
        "narrow": rng.uniform(0, 1, (40, 4)).astype(np.float32),
        "wide": rng.uniform(-8, 9, (40, 4)).astype(np.float32),
    }
    paths = {kind: folder / f"model.{kind}" for kind in ("keras", "pb", "tflite")}
    paths["saved_model"] = folder / "saved"
    with backend.quiet():
        answers = np.asarray(model([x["wide"], x["narrow"]]))
        model.save(paths["keras"])
        model.export(paths["saved_model"])
        specs = [tf.TensorSpec([None, 4], tf.float32, name=end.name) for end in ends]
        call_with = tf.function(lambda *given: model(list(given)))
        frozen = _frozen(call_with.get_concrete_function(*specs))
    paths["pb"].write_bytes(frozen.graph.as_graph_def().SerializeToString())
    paths["tflite"].write_bytes(convert_keras(model, Form.FLOAT32))
    np.savez(folder / "s.npz", y=answers.argmax(axis=1), **x)
    return SimpleNamespace(paths=paths, answers=answers, x=x, samples=folder / "s.npz")


@pytest.mark.parametrize("kind", ["keras", "saved_model", "pb", "tflite"])
def test_a_model_of_two_inputs_is_converted_with_samples_by_name(
    kind: str, paired: SimpleNamespace
) -> None:
    names = ("wide", "narrow") if kind == "pb" else ()
    source = open_source(paired.paths[kind], Opening(inputs=names))
    assert dict(source.inputs) == {"wide": (1, 4), "narrow": (1, 4)}
    assert np.allclose(source.predict(paired.x), paired.answers, atol=1e-5)
    form = Form.FLOAT32 if kind == "tflite" else Form.INT8
    content = source.convert(form, paired.x)
    assert largest_error(source, content, paired.x) < (1e-5 if kind == "tflite" else 0.05)
    scales = {plain_name(end.name): 255 * end.scale for end in generate(content).inputs}
    if form is Form.INT8:
        assert scales == pytest.approx({"wide": 17, "narrow": 1}, rel=0.1)


def test_samples_that_leave_out_an_input_are_refused(paired: SimpleNamespace) -> None:
    source = open_source(paired.paths["tflite"], Opening())
    with pytest.raises(SamplesError, match="no array for the model's input narrow") as caught:
        source.predict({"wide": paired.x["wide"]})
    assert "one array for each input" in caught.value.hint
    with pytest.raises(SamplesError, match="differ in number: "):
        source.predict({**paired.x, "narrow": paired.x["narrow"][1:]})


def test_a_shape_for_one_of_several_inputs_cannot_be_given(paired: SimpleNamespace) -> None:
    with pytest.raises(ModelError, match="--input-shape is for models of one input"):
        open_source(paired.paths["keras"], Opening(input_shape=(1, 4)))


def test_which_of_a_frozen_graph_s_placeholders_are_inputs_is_not_guessed(
    paired: SimpleNamespace,
) -> None:
    with pytest.raises(ModelError, match="2 operations that may be inputs") as caught:
        open_source(paired.paths["pb"], Opening())
    assert "--inputs A,B; candidates: " in caught.value.hint


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models of two outputs; Keras's input has a name that TensorFlow refuses."""
    keras, folder = backend.keras(), tmp_path_factory.mktemp("forked")
    with backend.quiet():
        for name, input_name in (("model.keras", "four values"), ("saved", "x")):
            end = keras.Input((4,), name=input_name)
            model = keras.Model(end, [keras.layers.Dense(n, name=f"o{n}")(end) for n in (3, 7)])
            (model.export if name == "saved" else model.save)(folder / name)
    np.savez(folder / "s.npz", x=np.random.default_rng(1).uniform(0, 1, (30, 4)))
    return folder


@pytest.mark.parametrize("name", ["model.keras", "saved"])
def test_all_outputs_are_kept_and_inputs_may_have_any_name(
    name: str, forked: Path, tmp_path: Path
) -> None:
    given = ("--samples", forked / "s.npz", "--form", "int8", "--out", tmp_path)
    ended = call("convert", forked / name, *given)
    assert ended.code == 0, ended.err
    generated = generate((tmp_path / "int8.tflite").read_bytes())
    assert sorted(output.shape for output in generated.outputs) == [(1, 3), (1, 7)]
    assert "answers within" not in ended.err, "which output is which cannot be told"


def test_whole_numbers_are_given_to_an_input_of_whole_numbers(tmp_path: Path) -> None:
    """As they are; one that the model has no place for is an error of the samples."""
    keras = backend.keras()
    end = keras.Input((4,), dtype="int32")
    table = keras.layers.Flatten()(keras.layers.Embedding(10, 3)(end))
    source = KerasSource(keras.Model(end, keras.layers.Dense(2)(table)))
    content = source.convert(Form.FLOAT32, None)
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    assert largest_error(source, content, x) < 1e-5
    with pytest.raises(SamplesError, match="LiteRT cannot run the model on the samples"):
        reference_outputs(content, x + 10)


def test_a_model_of_two_inputs_goes_from_keras_to_a_proof(
    paired: SimpleNamespace, project: Project, out: Path
) -> None:
    """The same file calibrates, tests the forms, and tests the board."""
    given = ("--samples", paired.samples, "--form", "int8", "--out", out)
    ended = call("convert", paired.paths["keras"], *given)
    assert ended.code == 0, ended.err
    assert re.search(r"int8 +[\d.]+ % +\d+/40", ended.out)
    proved = call(
        "run", "--model", out / "int8.tflite", "--samples", paired.samples, "--out", out / "report"
    )
    assert proved.code == 0, proved.err
    assert report_of(out / "report")["verdicts"]["exact"] == 40
