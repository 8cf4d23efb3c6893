"""Each kind of source, there and back: opened, converted, generated, answered as it answers itself.

One tiny model is saved in every format once; tensorflow is imported once.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from native_cli import DIGITS, SAMPLES, assert_complains, call
from tinyproof.codegen import generate
from tinyproof.convert import Form, backend
from tinyproof.convert.annotate import annotate
from tinyproof.convert.files import Request, convert_file, largest_error
from tinyproof.convert.from_graph import _frozen
from tinyproof.convert.from_keras import KerasSource, convert_keras
from tinyproof.convert.from_tflite import TfliteSource
from tinyproof.convert.measure import reference_outputs
from tinyproof.convert.opening import Opening, open_source
from tinyproof.errors import ModelError, SamplesError, UnsupportedModelError
from tinyproof.graph import read_graph
from tinyproof.metadata import Metadata
from tinyproof.progress import Progress

BUILD = """
import keras

def build_model():
    keras.utils.set_random_seed(5)
    return keras.Sequential([
        keras.Input((6, 6, 1)),
        keras.layers.Conv2D(3, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(4),
    ])
"""
SHAPE = (6, 6, 1)


@pytest.fixture(scope="module")
def x() -> Any:
    return np.random.default_rng(0).uniform(0, 1, (24, *SHAPE)).astype(np.float32)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, x: Any) -> SimpleNamespace:
    """The model in every format, and what it answers."""
    folder = tmp_path_factory.mktemp("sources")
    keras, tf = backend.keras(), backend.tensorflow()
    script = folder / "build.py"
    script.write_text(BUILD)
    names: dict[str, Any] = {}
    exec(BUILD, names)
    model = names["build_model"]()
    paths = {"py": script}
    for kind in ("keras", "h5"):
        paths[kind] = folder / f"model.{kind}"
    paths["saved_model"] = folder / "saved"
    paths["pb"], paths["tflite"] = folder / "frozen.pb", folder / "model.tflite"
    with backend.quiet():
        model.save(paths["keras"])
        model.save(paths["h5"])
        model.export(paths["saved_model"])
        spec = tf.TensorSpec([None, *SHAPE], tf.float32, name="pixels")
        frozen = _frozen(tf.function(model).get_concrete_function(spec))
    paths["pb"].write_bytes(frozen.graph.as_graph_def().SerializeToString())
    paths["tflite"].write_bytes(convert_keras(model, Form.FLOAT32))
    return SimpleNamespace(paths=paths, model=model, answers=np.asarray(model(x)), keras=keras)


KINDS = ("keras", "h5", "saved_model", "pb", "py", "tflite")


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_of_any_kind_answers_as_before_when_converted(
    kind: str, saved: SimpleNamespace, x: Any
) -> None:
    source = open_source(saved.paths[kind], Opening())
    assert list(source.inputs.values()) == [(1, *SHAPE)]
    assert np.allclose(source.predict(x), saved.answers, atol=1e-5)
    content = source.convert(Form.FLOAT32, None)
    assert largest_error(source, content, x) < 1e-5
    operators = [name for layer in generate(content).layers for name in layer.operators]
    assert operators == ["CONV_2D", "FULLY_CONNECTED"]


@pytest.mark.parametrize("kind", ["keras", "saved_model", "pb"])
def test_a_calibrated_form_of_any_source_is_close_to_it(
    kind: str, saved: SimpleNamespace, x: Any
) -> None:
    source = open_source(saved.paths[kind], Opening())
    content = source.convert(Form.INT8, x)
    assert 0 < largest_error(source, content, x) < 0.05
    assert generate(content).inputs[0].dtype == np.int8


def test_float16_weights_run_on_engine_aot_and_int16_is_refused_with_the_other_engine(
    saved: SimpleNamespace, x: Any
) -> None:
    source = KerasSource(saved.model)
    half = source.convert(Form.FLOAT16, None)
    full = source.convert(Form.FLOAT32, None)
    assert generate(half).weight_bytes == generate(full).weight_bytes
    assert 0 < largest_error(source, half, x) < 2e-3
    with pytest.raises(UnsupportedModelError, match=r"CONV_2D.*int16") as caught:
        generate(source.convert(Form.INT16X8, x))
    assert "tflm" in caught.value.hint


def test_smaller_weights_of_a_tflite_file_are_the_converter_s_own(
    saved: SimpleNamespace, x: Any
) -> None:
    """Our float16 layout answers bit by bit as LiteRT's converter's does."""
    source = open_source(saved.paths["tflite"], Opening())
    ours, theirs = (s.convert(Form.FLOAT16, None) for s in (source, KerasSource(saved.model)))
    assert np.array_equal(reference_outputs(ours, x), reference_outputs(theirs, x))
    assert np.float32(saved.model.get_weights()[2]).tobytes() not in ours
    assert largest_error(source, source.convert(Form.DYNAMIC_RANGE, None), x) < 0.05


@pytest.mark.parametrize("form", [Form.INT8, Form.INT8_FLOAT_IO, Form.INT16X8])
def test_a_tflite_file_cannot_be_quantized_again(
    form: Form, saved: SimpleNamespace, x: Any
) -> None:
    source = open_source(saved.paths["tflite"], Opening())
    with pytest.raises(ModelError, match="does not read its own files") as caught:
        source.convert(form, x)
    assert "Keras, SavedModel, frozen graph" in caught.value.hint


@pytest.mark.parametrize("form", ["float32", "int8", "int8_float_io", "dynamic_range"])
def test_the_form_of_a_tflite_file_is_recognized_and_copied(form: str) -> None:
    content = (DIGITS / f"{form}.tflite").read_bytes()
    source = TfliteSource(content)
    assert source.form == form
    assert source.convert(Form(form), None) == content


def test_a_hostile_tflite_file_is_rewritten_or_refused() -> None:
    """Parts that no engine reads are met when the file is written anew."""
    whole = (DIGITS / "float32.tflite").read_bytes()
    rng = np.random.default_rng(2)
    outcomes = set()
    for _ in range(250):
        damaged = np.frombuffer(whole, np.uint8).copy()
        places = rng.integers(0, len(whole), 3)
        damaged[places] = rng.choice([0, 1, 127, 128, 255], 3)
        try:
            source = TfliteSource(damaged.tobytes())
            annotate(source.convert(source.forms[-1], None), Metadata())
            outcomes.add("rewritten")
        except ModelError:
            outcomes.add("refused")
    assert outcomes == {"rewritten", "refused"}


def test_missing_representative_data_is_refused_before_anything_is_converted(
    saved: SimpleNamespace, tmp_path: Path
) -> None:
    with pytest.raises(SamplesError, match="int8 needs representative") as caught:
        convert_file(
            saved.paths["keras"], Request(forms=[Form.FLOAT32, Form.INT8]), tmp_path, Progress()
        )
    assert "--samples" in caught.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["keras", "h5", "pb", "tflite"])
def test_a_file_that_was_cut_off_is_refused(
    kind: str, saved: SimpleNamespace, tmp_path: Path
) -> None:
    whole = saved.paths[kind].read_bytes()
    part = tmp_path / saved.paths[kind].name
    part.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(ModelError) as caught:
        open_source(part, Opening())
    assert "gain" in caught.value.hint


def test_a_saved_model_without_its_weights_is_refused(
    saved: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "saved_model.pb").write_bytes(
        (saved.paths["saved_model"] / "saved_model.pb").read_bytes()
    )
    with pytest.raises(ModelError, match="cannot load the SavedModel"):
        open_source(tmp_path, Opening())


def test_a_folder_that_is_no_saved_model_and_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no SavedModel"):
        open_source(tmp_path, Opening())
    (tmp_path / "model.onnx").write_bytes(b"x")
    with pytest.raises(ModelError, match="not a model that can be converted"):
        open_source(tmp_path / "model.onnx", Opening())


@pytest.mark.parametrize(
    ("opening", "words"),
    [
        (Opening(inputs=("pixel",)), "has no operation pixel"),
        (Opening(outputs=("nowhere:0",)), "has no operation nowhere"),
        (Opening(inputs=("a", "b")), "has no operation a"),
        (Opening(input_shape=(1, 7, 6, 1)), "? x 6 x 6 x 1, not 1 x 7 x 6 x 1"),
    ],
)
def test_names_that_a_frozen_graph_lacks_are_refused_with_those_it_has(
    opening: Opening, words: str, saved: SimpleNamespace
) -> None:
    with pytest.raises(ModelError) as caught:
        open_source(saved.paths["pb"], opening)
    assert words in caught.value.sentence
    assert "pixels" in caught.value.hint or opening.outputs or opening.input_shape


def test_a_frozen_graph_with_variables_is_refused(saved: SimpleNamespace, tmp_path: Path) -> None:
    tf = backend.tensorflow()
    graph = tf.compat.v1.GraphDef()
    graph.node.add(name="x", op="Placeholder")
    graph.node.add(name="w", op="VarHandleOp")
    (tmp_path / "g.pb").write_bytes(graph.SerializeToString())
    with pytest.raises(ModelError, match="not frozen: w is a variable") as caught:
        open_source(tmp_path / "g.pb", Opening())
    assert "Freeze it" in caught.value.hint


def test_a_free_size_is_refused_until_it_is_given(saved: SimpleNamespace) -> None:
    keras = saved.keras
    layers = [keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D()]
    free = keras.Sequential([keras.Input((None, None, 1)), *layers])
    with pytest.raises(ModelError, match=r"\? x \? x \? x 1") as caught:
        KerasSource(free)
    assert "--input-shape 1,32,32,1" in caught.value.hint
    fixed = KerasSource(free, (1, 8, 9, 1))
    graph = read_graph(fixed.convert(Form.FLOAT32, None))
    assert graph.tensors[graph.inputs[0]].shape == (1, 8, 9, 1)


@pytest.mark.parametrize("kind", ["keras", "h5"])
def test_code_inside_a_model_file_is_never_run(
    kind: str, saved: SimpleNamespace, tmp_path: Path
) -> None:
    keras = saved.keras
    odd = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda v: v * 2)])
    with backend.quiet():
        odd.save(tmp_path / f"odd.{kind}")
    with pytest.raises(ModelError) as caught:
        open_source(tmp_path / f"odd.{kind}", Opening())
    assert "build_model()" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", "build_model() that returns a keras.Model, but it is not there"),
        ("def build_model(): return 3", "but it returns int"),
        ("\ndef build_model():\n    return 1 / 0\n", "failed in line 3: ZeroDivisionError"),
        ("def build_model():\n    raise SystemExit(0)\n", "failed in line 2: SystemExit: 0"),
        ("def build_model(:", "SyntaxError"),
    ],
)
def test_a_python_file_that_builds_no_model_is_refused(
    text: str, words: str, tmp_path: Path
) -> None:
    script = tmp_path / "build.py"
    script.write_text(text)
    with pytest.raises(ModelError) as caught:
        open_source(script, Opening())
    assert words in caught.value.sentence


def test_an_operator_of_tensorflow_s_own_is_refused(saved: SimpleNamespace) -> None:
    keras, tf = saved.keras, backend.tensorflow()
    layer = keras.layers.Lambda(tf.linalg.inv, output_shape=(3, 3))
    odd = keras.Sequential([keras.Input((3, 3)), layer])
    with pytest.raises(ModelError, match=r"MatrixInverse.*SELECT_TF_OPS") as caught:
        convert_keras(odd, Form.FLOAT32)
    assert "before or after the inference" in caught.value.hint


def test_the_command_converts_and_shows_a_table(tmp_path: Path) -> None:
    """A .tflite source needs no tensorflow."""
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"digit {i}" for i in range(10)))
    out = tmp_path / "out"
    ended = call(
        "convert", DIGITS / "float32.tflite", "--samples", SAMPLES, "--out", out,
        "--labels", names, "--mean", "0", "--std", "16",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert sorted(path.stem for path in out.iterdir()) == ["dynamic_range", "float16", "float32"]
    assert ended.out.count("341/359") == 3
    assert re.search(r"all \d+ targets", ended.out)
    assert "hybrid" in ended.out  # why the weights-only form fits nowhere


def test_a_recurrence_is_converted_and_its_subgraphs_are_told_of(tmp_path: Path) -> None:
    """LiteRT runs it, engine aot does not: the table says so, and what to do."""
    (tmp_path / "rnn.py").write_text(BUILD.replace("""        keras.Input((6, 6, 1)),
        keras.layers.Conv2D(3, 3, activation="relu"),
        keras.layers.Flatten(),
""", """        keras.Input((5, 3)),
        keras.layers.LSTM(2),
"""))  # fmt: skip
    model = tmp_path / "rnn.py"
    ended = call("convert", model, "--form", "float32", "--out", tmp_path)
    assert ended.code == 0, ended.err
    assert "subgraphs" in " ".join(ended.out.split())
    told = call("check", tmp_path / "float32.tflite")
    assert told.code == 1
    assert "unroll=True" in told.out


def test_samples_of_another_range_are_not_measured(tmp_path: Path) -> None:
    with np.load(SAMPLES) as file:
        np.savez(tmp_path / "wide.npz", x=file["x"] * 255, y=file["y"])
        np.savez(tmp_path / "narrow.npz", x=file["x"] / 255, y=file["y"])
    given = ("convert", DIGITS / "int8.tflite", "--out", tmp_path, "--test")
    assert_complains(call(*given, tmp_path / "wide.npz"), 2, "would saturate")
    assert "of its steps only" in call(*given, tmp_path / "narrow.npz").out.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--form", "int8"), "does not read its own files"),
        (("--scale", "1/0"), "no scale"),
        (("--input-shape", "1,x"), "no shape"),
        (("--input-shape", "1,9,9,1"), "1 x 8 x 8 x 1, not 1 x 9 x 9 x 1"),
        (("--std", "0"), "cannot be divided"),
        (("--scale", "2", "--mean", "1"), "give one of them"),
    ],
)
def test_what_cannot_be_is_a_wrong_usage(arguments: tuple[str, ...], words: str) -> None:
    assert_complains(call("convert", DIGITS / "float32.tflite", *arguments), 2, words)


def test_a_form_that_cannot_be_made_does_not_hide_the_others(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    forms = ("--form", "int8", "--form", "float32")
    ended = call("convert", DIGITS / "float32.tflite", *forms, "--samples", SAMPLES, "--out", out)
    assert_complains(ended, 2, "int8 cannot be made")
    assert f"Wrote {out / 'float32.tflite'}." in ended.out
    assert "341/359" in ended.out
    refused = call("convert", DIGITS / "float32.tflite", "--form", "int8", "--out", tmp_path / "no")
    assert_complains(refused, 2, "int8 cannot be made")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep"]


def test_a_damaged_keras_file_is_not_called_missing(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(b"PK\3\4 and no more")
    with pytest.raises(ModelError, match="is damaged"):
        open_source(tmp_path / "model.keras", Opening())


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((0, 8, 8, 1), np.float32), "holds no samples"),
        (np.zeros((3, 8, 8), np.float32), "have shape (3, 8, 8), wanted N x 8 x 8 x 1"),
    ],
)
def test_samples_that_calibrate_nothing_are_refused(x: Any, words: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=x)
    given = ("--samples", tmp_path / "x.npz", "--out", tmp_path)
    assert_complains(call("convert", DIGITS / "float32.tflite", *given), 2, words)


@pytest.mark.parametrize(("scale", "is_told"), [(255, True), (1, False), (2.5, False)])
def test_samples_that_look_like_bytes_are_told_of(
    scale: float, is_told: bool, tmp_path: Path
) -> None:
    values = np.random.default_rng(0).integers(0, 2, (4, 8, 8, 1)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=values * np.float32(scale))
    given = ("--samples", tmp_path / "x.npz", "--out", tmp_path, "--form", "float32")
    ended = call("convert", DIGITS / "float32.tflite", *given)
    assert ended.code == 0, ended.err
    assert ("look raw" in ended.err) is is_told
