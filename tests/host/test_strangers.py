"""Bytes of strangers on their way to the host: each entry, and what hostile ones come to.

docs/bad-links.md lists the entries. Damaged models are in test_hostile.py, archives of samples in
test_samples_refused.py, wire logs in test_replay.py; here is what they have in common, and more.
"""

from __future__ import annotations

import io
import os
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from runs import full_result
from wire_examples import HELLO

from nn_net import FLOAT32, Net
from tinyproof.cli.console import ConsoleProgress
from tinyproof.codegen import generate
from tinyproof.deadline import Deadline
from tinyproof.device import Device
from tinyproof.errors import (
    ModelError,
    ProtocolError,
    SamplesError,
    StorageError,
    TinyProofError,
    UsageError,
)
from tinyproof.frame import encode
from tinyproof.hello import Hello
from tinyproof.link import Link
from tinyproof.protocol import ANSWER, PART, MessageType
from tinyproof.quarantine import Quarantine
from tinyproof.report import html, junit, make_report, markdown, render
from tinyproof.report.evidence import load_evidence
from tinyproof.report.files import from_dict, load_report, to_dict
from tinyproof.samples import load_samples
from tinyproof.subject import read_model
from tinyproof.wirelog import read_log

EVIL = '\x1b]0;x\x07\x9b2J\u202e*/"\\\n#include "/etc/passwd"\n??/<script>alert(1)</script>'


def read_all_of_log(path: Path) -> None:
    _, entries = read_log(path)
    list(entries)


def read_quarantine(path: Path) -> None:
    Quarantine(path).entries()


READERS: list[tuple[Callable[[Path], Any], type[TinyProofError]]] = [
    (read_model, ModelError),
    (load_samples, SamplesError),
    (read_all_of_log, StorageError),
    (load_report, StorageError),
    (read_quarantine, UsageError),
]
NAMES = ["model", "samples", "wire log", "report", "quarantine"]


def test_evidence_without_an_end_is_never_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "evidence.npz")
    with pytest.raises(UsageError):
        load_evidence(tmp_path)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("read", "refusal"), READERS, ids=NAMES)
@pytest.mark.parametrize("kind", ["pipe", "device", "link to a device", "loop of links"])
def test_what_has_no_end_is_never_read(
    kind: str, read: Callable[[Path], Any], refusal: type[TinyProofError], tmp_path: Path
) -> None:
    path = tmp_path / "given"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    else:
        path.symlink_to("/dev/zero" if kind == "link to a device" else path)
    with pytest.raises(refusal) as caught:
        read(path)
    assert caught.value.hint or "wire log" in caught.value.sentence


@pytest.mark.parametrize(("read", "refusal"), READERS[2:], ids=NAMES[2:])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"schema": 1' + b"0" * 5000 + b"}",
        b'{"board": {"since": []}}',
    ],
    ids=lambda content: content[:12].decode("latin-1"),
)
def test_hostile_json_is_refused_in_a_sentence(
    content: bytes, read: Callable[[Path], Any], refusal: type[TinyProofError], tmp_path: Path
) -> None:
    if read is read_quarantine and content == b"[]":
        content = b"[1]"
    path = tmp_path / "given"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert caught.value.exit_code == 2


# -- reports


def places(value: Any, *path: Any) -> list[tuple[Any, ...]]:
    """Return the paths to all leaves of JSON."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return [place for key, item in pairs for place in places(item, *path, key)]
    return [path]


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return JSON with one leaf replaced."""
    if not path:
        return value
    copy = data.copy()
    copy[path[0]] = changed(data[path[0]], path[1:], value)
    return copy


def refusal(data: Any) -> str:
    """Return why JSON is no report; nothing if it is one."""
    try:
        from_dict(data)
    except UsageError as error:
        return error.sentence
    return ""


@pytest.fixture(scope="module")
def golden() -> Any:
    """A report in which little is unknown."""
    return to_dict(make_report(full_result()))


@pytest.mark.parametrize(
    "value",
    [EVIL, 1e999, float("nan"), 10**400, [[]], {"a": {}}],
    ids=["words", "inf", "nan", "huge", "list", "object"],
)
def test_every_field_of_a_report_is_read_or_refused(value: Any, golden: Any) -> None:
    said = [refusal(changed(golden, place, value)) for place in places(golden)]
    assert all(
        len(sentence) < 500 and (not sentence or sentence.isprintable()) for sentence in said
    )
    if isinstance(value, float):
        assert all(said), "no figure is without a value"


def test_words_of_a_report_reach_no_reader_as_they_are(golden: Any) -> None:
    data = golden
    for place in places(golden):
        evil = changed(data, place, EVIL)
        data = data if refusal(evil) else evil
    report = from_dict(data)
    shown = io.StringIO()
    render(report, Console(file=shown, width=100))
    page = html.render_html(report, None)
    text = markdown.render_markdown(report)
    for told in (shown.getvalue(), page, text, junit.junit_xml(report).decode()):
        assert not set("\x1b\x07\x9b\u202e") & set(told)
        assert "alert" in told
    assert "<script>alert" not in page + text


# -- models


def test_names_in_a_model_do_not_reach_the_compiler() -> None:
    net = Net()
    x, y = net.input((1, 4), FLOAT32), net.output((1, 4), FLOAT32)
    net.operator("RELU", [x], [y])
    for tensor in net.tensors:
        tensor.name = EVIL
    header = generate(net.build()).header
    plain = header.split("tp_model_flatbuffer", 1)[0]
    assert "passwd" not in plain
    assert "<script" not in header
    assert all(c.isprintable() or c == "\n" for c in header)


# -- boards


@pytest.mark.parametrize(
    "change",
    [
        {"window": 2**32 - 1},
        {"largest_frame": 65535},
        {"arena_used": 2**32 - 1, "arena_reserved": 2**32 - 1, "free_ram": 2**32 - 1},
        {"tick_rate": 2**32 - 1},
        {"target": "a" * 255},
    ],
    ids=str,
)
def test_large_figures_of_a_board_are_only_figures(change: dict[str, Any]) -> None:
    hello = replace(HELLO, **change)
    assert Hello.parse(hello.pack()) == hello


class Flood(Link):
    """A port that never stops talking, 1 KiB each millisecond of its own time."""

    def __init__(self, data: bytes) -> None:
        super().__init__("flood")
        self.now = 0.0
        self.data = data * (1024 // len(data))

    def clock(self) -> float:
        return self.now

    def _read(self, deadline: Deadline) -> bytes:
        self.now += 0.001
        return self.data

    def _write(self, data: bytes, deadline: Deadline) -> None:
        pass

    def _close(self) -> None:
        pass


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        b"U",
        b"\x1b[2J\r\n",
        b"\xff\x01\x00",
        encode(ANSWER | MessageType.STARTED, 0, b"\x03\x1b[31m", 0),
        encode(ANSWER | MessageType.ERROR, 1, b"\x01\x01\0\0\0\0\x1b[31m", 0),
        encode(ANSWER | PART | MessageType.HELLO, 1, b"\x00\x00\xff\xff" + bytes(200), 0),
    ],
    ids=["zeros", "one letter", "escapes", "pieces", "starts", "errors", "parts"],
)
def test_a_board_that_never_stops_talking_is_given_up_in_time_and_memory(data: bytes) -> None:
    link = Flood(data)
    tracemalloc.start()
    try:
        with pytest.raises(TinyProofError) as caught:
            Device(link).hello(link.deadline(0.2))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert link.now < 0.5
    assert peak < 8 << 20
    assert caught.value.sentence.isprintable()
    assert len(caught.value.sentence) < 1000


def test_what_a_step_is_called_does_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for live in (False, True):
        monkeypatch.setattr("sys.stderr.isatty", lambda live=live: live)
        with ConsoleProgress().step("build", EVIL + "[bold]") as step:
            step.update(1, 2, EVIL)
            step.result(EVIL)
    told = capsys.readouterr().err
    assert "[bold]" in told
    for character in "\x07\x9b\u202e":
        assert character not in told
    assert "\x1b]0" not in told


@pytest.mark.parametrize("cut", range(0, 120, 7))
def test_a_hello_that_counts_more_than_it_holds_is_refused(cut: int) -> None:
    payload = HELLO.pack()
    if cut >= len(payload):
        payload, cut = payload + bytes(3), len(payload)
    with pytest.raises(ProtocolError):
        Hello.parse(payload[:cut] + (b"\xff" * 40 if cut > 50 else b""))
