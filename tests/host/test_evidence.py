"""The arrays behind a report: gathered from a run, written, read, refused when damaged."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import given, settings
from hypothesis import strategies as st
from report_pages import digits, digits_run, reported

from nn_net import FLOAT32, INT64, Net
from tinyproof.codegen import generate
from tinyproof.errors import UsageError
from tinyproof.report import make_report
from tinyproof.report.evidence import Evidence, load_evidence, write_evidence
from tinyproof.report.gather import Gathering, training_curve
from tinyproof.report.model import LISTED_SAMPLES
from tinyproof.samples import SampleSet, load_samples, prepare
from tinyproof.verdict import Task, judge
from tinyproof.zoo.trained import Epoch, TrainedModel, history_of, manifest_of

DIGITS = Path(__file__).resolve().parents[2] / "fixtures" / "digits"


def test_evidence_comes_back_as_it_was(tmp_path: Path) -> None:
    _, evidence = reported(digits_run(wrong=3))
    write_evidence(evidence, tmp_path)
    found = load_evidence(tmp_path)
    assert found
    for name in ("ticks", "differing_index", "differing_input", "differing_device"):
        assert np.array_equal(getattr(found, name), getattr(evidence, name))
    assert [f.name for f in found.features] == [f.name for f in evidence.features]
    assert [f.shape for f in found.features] == [f.shape for f in evidence.features]
    assert found.curve
    assert evidence.curve
    assert np.array_equal(found.curve.loss, evidence.curve.loss)
    assert found.curve.metric_name == "accuracy"


def test_evidence_of_nothing_comes_back_too(tmp_path: Path) -> None:
    assert load_evidence(tmp_path) is None
    write_evidence(Evidence(), tmp_path)
    found = load_evidence(tmp_path)
    assert found
    assert not found.features
    assert found.curve is None


def changed(evidence: Evidence, folder: Path, **columns: Any) -> None:
    """Write evidence with some of its arrays replaced, or removed with None."""
    path = write_evidence(evidence, folder)
    with np.load(path) as file:
        content = {**file, **columns}
    np.savez(path, **{name: value for name, value in content.items() if value is not None})


@pytest.mark.parametrize(
    "columns",
    [
        {"ticks": None},
        {"ticks": np.array(["many"])},
        {"ticks": np.array(7)},
        {"ticks": np.array([0.5])},
        {"ticks": np.array([1 << 63], np.uint64)},
        {"ticks": np.array([{}], object)},
        {"differing_index": np.arange(99)},
        {"differing_device": np.zeros((3, 4, 5))},
        {"differing_reference": np.zeros((3, 11))},
        {"features_0": np.zeros((2, 2))},
        {"features_0_name": None},
        {"features_sample": np.array([])},
        {"curve_loss": np.zeros(3)},
    ],
)
def test_evidence_of_another_form_is_refused(columns: dict[str, Any], tmp_path: Path) -> None:
    _, evidence = reported(digits_run(wrong=3))
    changed(evidence, tmp_path, **columns)
    with pytest.raises(UsageError, match="evidence of the report cannot be used"):
        load_evidence(tmp_path)


@settings(max_examples=30)
@given(st.data())
def test_damaged_evidence_is_refused_or_read(data: st.DataObject) -> None:
    _, evidence = reported(digits_run(wrong=1))
    with tempfile.TemporaryDirectory() as folder:
        path = write_evidence(evidence, Path(folder))
        content = bytearray(path.read_bytes())
        for _ in range(3):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        with contextlib.suppress(UsageError):
            load_evidence(Path(folder))


def test_only_arrays_are_read(tmp_path: Path) -> None:
    path = write_evidence(Evidence(), tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("extra.txt", "not an array")
    assert load_evidence(tmp_path)


def test_the_evidence_is_of_the_listed_samples_and_the_layers_litert_computes() -> None:
    path = DIGITS / "int8.tflite"
    model = path.read_bytes()
    generated = generate(model)
    samples = prepare(load_samples(DIGITS / "test.npz"), generated.inputs)
    golden = [row.tobytes() for row in digits()[2]]
    answers: list[bytes | None] = list(golden)
    for index in range(100, 130):
        answers[index] = bytes(reversed(golden[index]))
    answers[5] = None
    judged = judge(generated.outputs, golden, answers, task=Task.CLASSIFICATION)
    with Gathering(model, path, samples) as gathering:
        evidence = gathering.collect(generated.outputs, golden, answers, judged)
    report = make_report(digits_run(judgement=judged))
    assert evidence.differing_index.tolist() == [sample.index for sample in report.differing]
    assert len(evidence.differing_index) == LISTED_SAMPLES
    x = digits()[0].reshape(-1, 1, 8, 8, 1)[evidence.differing_index]
    assert np.abs(evidence.differing_input - x).max() < 1 / 255
    assert evidence.differing_reference.argmax(1).tolist() == [s.wanted for s in report.differing]
    assert evidence.differing_device.argmax(1).tolist() == [s.got for s in report.differing]
    names = [feature.name for feature in evidence.features]
    assert names == ["input", "CONV_2D", "RELU", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED"]
    before, after = evidence.features[1].values, evidence.features[2].values
    assert before.min() < -0.1
    assert np.abs(np.maximum(before, 0) - after).max() < 0.02, "one step of the output"
    litert = Interpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    litert.allocate_tensors()
    litert.set_tensor(litert.get_input_details()[0]["index"], samples.values(0)[0])
    litert.invoke()
    pooled = next(d for d in litert.get_tensor_details() if d["name"].endswith("MaxPool2d"))
    scale, zero = pooled["quantization"]
    wanted = (litert.get_tensor(pooled["index"])[0].astype(float) - zero) * scale
    assert np.allclose(evidence.features[3].values, wanted)


def test_a_model_whose_layers_cannot_be_drawn_has_no_feature_maps(tmp_path: Path) -> None:
    net = Net()
    values, which = net.input((1, 4), FLOAT32), net.output((1,), INT64)
    axis = net.constant(np.array(-1, np.int32))
    net.operator("ARG_MAX", [values, axis], [which], "ArgMaxOptions", 2, outputType=INT64)
    model = net.build()
    generated = generate(model)
    given = SampleSet.from_arrays(np.eye(4, dtype=np.float32))
    samples = prepare(given, generated.inputs)
    answers = [np.int64(i).tobytes() for i in range(4)]
    judged = judge(generated.outputs, answers, answers, task=Task.TENSOR)
    with Gathering(model, tmp_path / "m.tflite", samples) as gathering:
        evidence = gathering.collect(generated.outputs, answers, answers, judged)
    assert evidence.features == ()
    assert evidence.curve is None


def test_the_training_curve_is_found_beside_a_model_of_the_zoo_only(tmp_path: Path) -> None:
    history = history_of("accuracy", [Epoch(2.0, 0.1, 2.1, 0.2), Epoch(1.0, 0.9, 1.1, 0.8)])
    files = {"history.json": history, "int8.tflite": b"model"}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "model.json").write_bytes(
        manifest_of(TrainedModel(tmp_path, "digits", 0, {}, digests))
    )
    curve = training_curve(tmp_path / "int8.tflite")
    assert curve
    assert curve.metric_name == "accuracy"
    assert curve.validation_loss.tolist() == [2.1, 1.1]
    assert training_curve(tmp_path / "mine.tflite") is None
    (tmp_path / "history.json").write_bytes(b"{}")
    assert training_curve(tmp_path / "int8.tflite") is None
    assert training_curve(DIGITS / "int8.tflite") is None
