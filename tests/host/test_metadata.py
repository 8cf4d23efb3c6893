"""Metadata of a model: written, read, used, and harmless whatever it holds."""

from __future__ import annotations

import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reports import report
from rich.console import Console

from native_cli import FLOAT32, INT8, SAMPLES, assert_complains, call
from tinyproof.convert.annotate import annotate, pack, read_labels
from tinyproof.convert.flatbuffer import read_model, write_model
from tinyproof.convert.measure import reference_outputs
from tinyproof.errors import ModelError, UsageError
from tinyproof.graph import read_graph
from tinyproof.graph.flatbuffer import Buffer
from tinyproof.metadata import (
    Metadata,
    Normalization,
    TensorNotes,
    class_names,
    normalizations,
    read_metadata,
)
from tinyproof.report import render
from tinyproof.report.html import render_html
from tinyproof.report.markdown import render_markdown
from tinyproof.report.model import Confusion, DifferingSample
from tinyproof.verdict import Verdict

NAMES = tuple(f"digit {i}" for i in range(10))
NOTES = Metadata(
    "digits",
    "of sklearn",
    (TensorNotes("pixels", "8 x 8", Normalization((0.0,), (16.0,))),),
    (TensorNotes("logits", labels=NAMES),),
)


def digits() -> bytes:
    return annotate(INT8.read_bytes(), NOTES)


def test_what_is_written_is_read() -> None:
    assert read_metadata(digits()) == NOTES
    assert class_names(digits(), 10) == NAMES
    assert normalizations(digits(), 1) == (Normalization((0.0,), (16.0,)),)


def test_the_model_answers_as_before() -> None:
    with np.load(SAMPLES) as file:
        x = file["x"][:20]
    assert np.array_equal(reference_outputs(digits(), x), reference_outputs(INT8.read_bytes(), x))


def test_metadata_is_replaced_and_the_same_bytes_every_time() -> None:
    assert annotate(digits(), NOTES) == digits()
    other = Metadata(outputs=(TensorNotes(labels=NAMES[::-1]),))
    assert class_names(annotate(digits(), other), 10) == NAMES[::-1]
    assert len(annotate(annotate(digits(), other), NOTES)) == len(digits())


def test_the_fields_are_where_the_schema_has_them() -> None:
    """Read by the slots of metadata_schema.fbs, counted by hand, not by those of the reader."""
    content = pack(NOTES)
    assert content[4:8] == b"M001"
    root = Buffer(content).root()
    name, subgraphs, parser = root.text(0), root.tables(3), root.text(7)
    assert (name, parser) == ("digits", "1.0.0")
    source, target = subgraphs[0].tables(2)[0], subgraphs[0].tables(3)[0]
    (unit,) = source.tables(4)
    options = unit.table(1)
    assert options
    assert (unit.integer(0, "B"), options.numbers(0, "<f4")[0], options.numbers(1, "<f4")[0]) == (
        1, 0, 16,
    )  # fmt: skip
    (file,) = target.tables(6)
    assert (file.text(0), file.integer(2, "b")) == ("labels.txt", 2)
    with zipfile.ZipFile(io.BytesIO(digits())) as archive:
        assert archive.read("labels.txt").decode().split("\n") == [*NAMES, ""]


def test_a_model_without_metadata_has_none() -> None:
    plain = INT8.read_bytes()
    assert read_metadata(plain) is None
    assert class_names(plain, 10) == ()
    with pytest.raises(ModelError, match="no metadata that says") as caught:
        normalizations(plain, 1)
    assert "--mean" in caught.value.hint


def test_names_for_another_number_of_classes_are_not_used_and_not_written() -> None:
    assert class_names(digits(), 11) == ()
    with pytest.raises(ModelError, match="9 class names for an output of 10"):
        annotate(INT8.read_bytes(), Metadata(outputs=(TensorNotes(labels=NAMES[:9]),)))


def test_hostile_metadata_is_refused_or_read_but_never_crashes() -> None:
    whole = digits()
    rng = random.Random(0)
    outcomes = set()
    for _ in range(1500):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(whole) - 900, len(whole))] = rng.randrange(256)
        try:
            read_metadata(bytes(damaged))
            outcomes.add("read")
        except ModelError:
            outcomes.add("refused")
        names = class_names(bytes(damaged), 10)
        assert len(names) in (0, 10)
        assert all(name.isprintable() for name in names)
    assert outcomes == {"read", "refused"}
    for size in range(len(whole) - 700, len(whole), 7):
        try:
            read_metadata(whole[:size])
        except ModelError:
            continue


def forged(content: bytes, archive: bytes) -> bytes:
    """Return the digits with other bytes as metadata and behind the model."""
    model = read_model(digits())
    place = next(m.buffer for m in model.metadata if bytes(m.name) == b"TFLITE_METADATA")
    model.buffers[place].data = np.frombuffer(content, np.uint8)
    return write_model(model) + archive


def zipped(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "archive", "words"),
    [
        (b"\0" * 40, b"", "not of the format M001"),
        (pack(NOTES), b"", "labels.txt, which cannot be read"),
        (pack(NOTES), zipped("other.txt", b"a"), "labels.txt, which cannot be read"),
        (pack(NOTES), zipped("labels.txt", b"\n" * (2 << 20)), "more than 1048576 bytes"),
        (
            pack(Metadata(inputs=(TensorNotes(normalization=Normalization((0.0,), (0.0,))),))),
            b"",
            "mean or deviation that is 0",
        ),
    ],
)
def test_metadata_that_contradicts_itself_is_refused(
    content: bytes, archive: bytes, words: str
) -> None:
    model = forged(content, archive)
    read_graph(model)
    with pytest.raises(ModelError, match=words):
        read_metadata(model)
    assert class_names(model, 10) == ()


def test_control_characters_in_names_are_shown_not_acted_on() -> None:
    lines = "\n".join(["\x1b[2J", *NAMES[1:]])
    model = forged(pack(NOTES), zipped("labels.txt", lines.encode()))
    assert class_names(model, 10)[0] == "\\x1b[2J"


@pytest.mark.parametrize("content", [b"", b"\n\n", b"a\n\nb", b"\xff\xfe"])
def test_a_file_of_labels_that_names_no_classes_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(UsageError):
        read_labels(tmp_path / "labels.txt")


def test_a_missing_file_of_labels_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_labels(tmp_path / "none.txt")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """The digits' pixels as they are counted, 0 to 16, in whole numbers."""
    with np.load(SAMPLES) as file:
        np.savez(tmp_path / "raw.npz", x=np.round(file["x"] * 16).astype(np.uint8), y=file["y"])
    return tmp_path / "raw.npz"


def test_a_run_prepares_raw_samples_once_and_names_the_classes(raw: Path, tmp_path: Path) -> None:
    model = tmp_path / "digits.tflite"
    model.write_bytes(annotate(INT8.read_bytes(), NOTES))
    ended = call("run", "--model", model, "--samples", raw, "--raw-samples", "--out", tmp_path)
    assert ended.code == 0, ended.err
    told: dict[str, Any] = json.loads((tmp_path / "report.json").read_text())
    assert told["class_names"] == list(NAMES)
    assert told["verdicts"]["exact"] == 359
    assert round(359 * told["accuracy"]["device"]) == 341  # as with samples prepared before


def test_raw_samples_without_metadata_are_refused(raw: Path, tmp_path: Path) -> None:
    options = ("--samples", raw, "--raw-samples", "--out", tmp_path)
    assert_complains(call("run", "--model", FLOAT32, *options), 2, "no metadata", "--mean")
    assert_complains(call("run", "--model", FLOAT32, "--raw-samples"), 2, "needs --samples")


@pytest.mark.parametrize("names", [(), ("<b>cat</b>", "dog\x1b[2J")])
@pytest.mark.parametrize("width", [40, 200])
def test_reports_call_classes_by_their_names(names: tuple[str, ...], width: int) -> None:
    told = report(
        class_names=names,
        confusion=Confusion(((1, 1), (0, 0)), ((2, 0), (0, 0))),
        differing=(DifferingSample(3, Verdict.WRONG, 0, 1, 0, 9, None, 0.5),),
    )
    page, paper, screen = render_html(told, None), render_markdown(told), io.StringIO()
    render(told, Console(file=screen, width=width))
    if names:
        assert "&lt;b&gt;cat&lt;/b&gt;</th>" in page
        assert "<b>cat" not in page + paper
        assert "cat" in paper
        said = screen.getvalue()
        assert all(name in said for name in ("<b>cat</b>", "dog\\x1b[2J"))
        assert "\x1b" not in page + paper
    else:
        assert '<th scope="row">1</th>' in page
