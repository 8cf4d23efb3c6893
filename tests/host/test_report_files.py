"""The files of a report: all are written, one that fails stops no other, and made again."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from report_pages import digits_run, reported, with_everything

from native_cli import DIGITS_RUN, REPORT_FILES, assert_complains, call, report_of
from tinyproof.errors import StorageError, UsageError
from tinyproof.project import Project
from tinyproof.report import Report, load_report, schema, to_dict
from tinyproof.report import write as writing
from tinyproof.report.evidence import load_evidence
from tinyproof.report.html import render_html
from tinyproof.report.write import write_all
from tinyproof.storage import alone_in, write_atomic

FULL = StorageError("The disk is full.")


def test_all_files_are_written(tmp_path: Path) -> None:
    report, evidence = reported(with_everything(digits_run(wrong=2)))
    write_all(report, evidence, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == REPORT_FILES
    jsonschema.validate(json.loads((tmp_path / "report.json").read_bytes()), schema())
    assert (tmp_path / "report.html").read_text() == render_html(report, evidence)


@pytest.mark.parametrize("lost", ["report.html", "report.md", "junit.xml"])
def test_a_file_that_cannot_be_written_stops_no_other_and_leaves_no_earlier_one(
    lost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(*reported(digits_run()), tmp_path)
    write = write_atomic

    def failing(path: Path, content: bytes | str) -> None:
        if path.name == lost:
            raise FULL
        write(path, content)

    monkeypatch.setattr(writing, "write_atomic", failing)
    with pytest.raises(StorageError) as caught:
        write_all(*reported(digits_run(wrong=2)), tmp_path)
    assert caught.value is FULL
    assert {path.name for path in tmp_path.iterdir()} == REPORT_FILES - {lost}


def test_without_report_json_an_earlier_report_stays_whole_and_a_new_folder_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier, new = tmp_path / "earlier", tmp_path / "new"
    write_all(*reported(digits_run()), earlier)
    before = {path.name: path.read_bytes() for path in earlier.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    for folder in (earlier, new):
        with pytest.raises(StorageError):
            write_all(*reported(digits_run(wrong=2)), folder)
    assert {path.name: path.read_bytes() for path in earlier.iterdir()} == before
    assert not any(new.iterdir())


def test_two_runs_at_once_write_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_report(_: Report, folder: Path, **__: object) -> None:
        descriptor = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
        raise FULL

    monkeypatch.setattr(writing, "write_report", write_report)
    with pytest.raises(StorageError):
        write_all(*reported(digits_run()), tmp_path)


class Stopped(BaseException):
    """The process ended."""


def stop_at(step: int, patch: pytest.MonkeyPatch) -> None:
    """Let the ``step``-th removal or renaming of a file not happen."""
    steps = count()

    def counted(act: Callable[..., Any]) -> Callable[..., Any]:
        def maybe(path: Path, *given: Any, **named: Any) -> Any:
            if next(steps) == step:
                raise Stopped
            return act(path, *given, **named)

        return maybe

    patch.setattr(Path, "unlink", counted(Path.unlink))
    patch.setattr(Path, "replace", counted(Path.replace))


@pytest.mark.parametrize("step", range(9))
def test_wherever_a_run_is_stopped_no_earlier_file_is_beside_its_report(
    step: int, tmp_path: Path
) -> None:
    write_all(*reported(digits_run()), tmp_path)
    earlier = {(path.name, path.read_bytes()) for path in tmp_path.iterdir()}
    with pytest.MonkeyPatch.context() as patch:
        stop_at(step, patch)
        with pytest.raises(Stopped):
            write_all(*reported(digits_run(wrong=2)), tmp_path)
    left = {(path.name, path.read_bytes()) for path in tmp_path.iterdir()}
    assert "report.json" in {name for name, _ in left}
    assert left <= earlier or not left & earlier


def test_a_folder_in_the_way_of_a_page_costs_only_that_page(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(StorageError, match=r"report\.html is in the way"):
        write_all(*reported(digits_run()), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == REPORT_FILES


def test_pages_made_again_are_of_the_run_that_was_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(*reported(digits_run()), tmp_path)
    other = reported(digits_run(wrong=2))

    @contextmanager
    def waiting(folder: Path) -> Iterator[None]:
        write_all(*other, folder)
        with alone_in(folder):
            yield

    monkeypatch.setattr("tinyproof.storage.alone_in", waiting)
    assert call("report", tmp_path).code == 0
    assert (tmp_path / "report.html").read_text() == render_html(*other)


def test_every_field_of_the_report_follows_the_schema() -> None:
    report, _ = reported(with_everything(digits_run(wrong=2)))
    jsonschema.validate(to_dict(report), schema())


def test_a_run_leaves_all_files_and_report_makes_them_again(project: Project, out: Path) -> None:
    assert call(*DIGITS_RUN, "--out", out).code == 0
    assert {path.name for path in out.iterdir()} == REPORT_FILES
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    evidence = load_evidence(out)
    assert evidence
    assert len(evidence.ticks) == report_of(out)["samples"] == 359
    assert [f.shape for f in evidence.features[:2]] == [(1, 8, 8, 1), (1, 6, 6, 8)]
    for name in ("report.html", "report.md", "junit.xml"):
        (out / name).unlink()
    ended = call("report", out)
    assert (ended.code, ended.err) == (0, "")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first
    page = out / "elsewhere.html"
    assert call("report", out, "--html", page).code == 0
    assert page.read_bytes() == first["report.html"]
    assert call("report", out, "--markdown").out.encode() == first["report.md"]
    (out / "evidence.npz").write_bytes(b"junk")
    assert_complains(call("report", out), 2, "evidence of the report")
    (out / "evidence.npz").unlink()
    assert call("report", out).code == 0
    assert b"<img" not in (out / "report.html").read_bytes()


def test_a_folder_without_a_report_is_said_to_be_one(project: Project, tmp_path: Path) -> None:
    assert_complains(call("report", tmp_path), 2, "no report")
    (tmp_path / "report.json").write_text("[]")
    assert_complains(call("report", tmp_path), 2, "not a TinyProof report")


@pytest.mark.parametrize("text", ["{}", '{"schema": 1}', "[]", "{"])
def test_a_report_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    """A comparison reads two: which of them is meant?"""
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(UsageError, match=re.escape(str(tmp_path / "report.json"))):
        load_report(tmp_path)
