"""Models, samples, ports and folders that cannot be used: one sentence, one step, exit code."""

from __future__ import annotations

import errno
import os
import pty
import random
import socket
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serial

from native_cli import DIGITS_RUN, INT8, SAMPLES, Command, assert_complains, call, report_of
from tinyproof.ports import holders
from tinyproof.project import Project

CONTENT = INT8.read_bytes()
X = np.load(SAMPLES)["x"]


def run(model: Path, out: Path, *more: str | Path) -> tuple[str | Path, ...]:
    return ("run", "--model", model, "--out", out, *more)


# -- models


def test_a_model_that_is_missing(project: Project, out: Path) -> None:
    ended = call(*run(Path("nowhere.tflite"), out, "--random", "5"))
    assert_complains(ended, 2, "nowhere.tflite cannot be read: No such file")
    assert not list(out.iterdir())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello, I am a text file\n", "FlatBuffer"),
        (bytes(1000), ""),
        (CONTENT[: len(CONTENT) // 2], ""),
        (CONTENT[:7], ""),
    ],
    ids=["empty", "text", "zeros", "half", "seven bytes"],
)
def test_a_model_that_is_damaged(
    content: bytes, words: str, project: Project, tmp_path: Path, out: Path
) -> None:
    model = tmp_path / "broken.tflite"
    model.write_bytes(content)
    ended = call(*run(model, out, "--random", "5"))
    assert_complains(ended, 2, words)
    assert not (out / "report.json").exists()


def test_random_bytes_for_a_model_never_end_in_a_fault_of_ours(
    project: Project, tmp_path: Path
) -> None:
    chance = random.Random(5)
    model = tmp_path / "noise.tflite"
    for size in (1, 4, 8, 20, 100, 1000, 10000):
        for head in (b"", b"\x1c\0\0\0TFL3"):
            model.write_bytes(head + chance.randbytes(size))
            assert_complains(call("generate", model), 2)


def test_a_model_with_bytes_changed_never_ends_in_a_fault_of_ours(
    project: Project, tmp_path: Path
) -> None:
    chance = random.Random(6)
    model = tmp_path / "changed.tflite"
    for _ in range(150):
        changed = bytearray(CONTENT)
        for _ in range(chance.randint(1, 8)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        model.write_bytes(changed)
        assert call("generate", model).code in (0, 2)


def test_a_model_without_samples(project: Project, out: Path) -> None:
    assert_complains(call(*run(INT8, out)), 2, "no samples for int8.tflite", "--samples")


# -- samples


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": X.reshape(-1, 64)}, "shape (359, 64), the model wants N x 8 x 8 x 1"),
        ({"x": X[0]}, "This is one sample"),
        ({"x": X[..., 0]}, "numpy.newaxis"),
        ({"x": X.astype(complex)}, "complex"),
        ({"x": X.astype("U3")}, "<U3"),
        ({"x": np.where(np.arange(359)[:, None, None, None] == 7, np.nan, X)}, "Sample 7"),
        ({"x": np.where(np.arange(359)[:, None, None, None] == 9, np.inf, X)}, "Sample 9"),
        ({"x": X[:0]}, "0 rows"),
        ({"y": np.arange(3)}, "has no array x"),
        ({"x": X, "y": np.arange(358) % 10}, "359 samples but 358 labels"),
        ({"x": X, "y": np.full(359, 10)}, "Label 10 of sample 0"),
        ({"x": X, "y": np.full(359, 0.5)}, "wanted integers"),
        ({"x": X, "y": np.zeros((359, 10), int)}, "argmax"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_samples_that_do_not_suit_the_model(
    arrays: dict[str, Any], words: str, project: Project, tmp_path: Path, out: Path
) -> None:
    samples = tmp_path / "s.npz"
    np.savez(samples, **arrays)
    ended = call(*run(INT8, out, "--samples", samples))
    assert_complains(ended, 2, words)
    assert "build" not in ended.err  # Nothing was built for nothing.
    assert not list(out.iterdir())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a zip", b"x,y\n1,2\n"])
def test_a_samples_file_that_is_none(
    content: bytes, project: Project, tmp_path: Path, out: Path
) -> None:
    samples = tmp_path / "s.npz"
    samples.write_bytes(content)
    assert_complains(call(*run(INT8, out, "--samples", samples)), 2, "s.npz")


def test_a_samples_file_that_is_missing(project: Project, out: Path) -> None:
    assert_complains(call(*run(INT8, out, "--samples", "no.npz")), 2, "no.npz")


# -- options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--target", "nothing"), "native"),
        (("--engine", "magic"), "magic"),
        (("--tolerance-lsb", "-1"), "-1"),
        (("--max-latency-us", "0"), "0"),
        (("--random", "0"), "0"),
        (("--random", "3"), "exclude each other"),
        (("--task", "guess"), "guess"),
        (("--form", "int4"), "int4"),
        (("--nonsense",), "--nonsense"),
        (("--port", "nosuch://here"), "nosuch://here"),
        (("--target", "native,native"), "native is named twice"),
        (("--model", "a.tflite,a.tflite"), "a.tflite is named twice"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_options_that_cannot_be_used(
    options: tuple[str, ...], words: str, project: Project, out: Path
) -> None:
    assert_complains(call(*DIGITS_RUN, "--out", out, *options), 2, words)
    assert not (out / "report.json").exists()


def test_a_command_that_does_not_exist() -> None:
    assert_complains(call("prove"), 2, "prove")


# -- ports


@contextmanager
def terminal() -> Iterator[tuple[int, str]]:
    """Open a pseudo-terminal; yield its master and the name of its slave."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        yield master, os.ttyname(slave)
    finally:
        os.close(master)
        os.close(slave)


@contextmanager
def chatter(master: int, text: bytes) -> Iterator[None]:
    """Answer everything that arrives with ``text``: another sketch, on the same port."""
    stop = threading.Event()

    def work() -> None:
        os.set_blocking(master, False)
        while not stop.wait(0.01):
            try:
                if os.read(master, 4096):
                    os.write(master, text)
            except BlockingIOError:
                continue

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def prove_on(port: str, out: Path) -> tuple[str | Path, ...]:
    return (*DIGITS_RUN, "--out", out, "--port", port)


def assert_nothing_proved(out: Path, failure: str) -> None:
    report = report_of(out)
    assert not report["passed"]
    assert report["failure"]["class"] == failure
    assert report["verdicts"]["missing"] == report["samples"] == 359


def test_a_port_that_does_not_exist(project: Project, out: Path) -> None:
    ended = call(*prove_on("/dev/ttyNOTHERE0", out))
    assert_complains(ended, 4, "/dev/ttyNOTHERE0 does not exist")
    assert_nothing_proved(out, "port")
    # What was not measured is not shown: no table of nothing.
    assert ended.out == f"Report: {out / 'report.html'}\n"


def test_a_port_that_is_a_file(project: Project, tmp_path: Path, out: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no port")
    assert_complains(call(*prove_on(str(file), out)), 4, "is not a serial port")


def test_a_port_that_another_program_uses(project: Project, out: Path) -> None:
    with terminal() as (_, name), closing(serial.Serial(name, exclusive=True)):
        ended = call(*prove_on(name, out))
    assert_complains(ended, 4, f"{name} is busy")
    assert_nothing_proved(out, "port")


def test_a_port_that_another_run_uses(project: Project, tmp_path: Path, out: Path) -> None:
    with terminal() as (_, name):
        first = ("run", "--model", INT8, "--random", "9", "--out", tmp_path, "--port", name)
        with Command(*first, cwd=project.root) as other:
            other.await_line("build")
            # This process holds the terminal itself.
            while len(holders(name)) < 2:
                time.sleep(0.01)
            ended = call(*prove_on(name, out))
    assert_complains(ended, 4, f"Another run of this project is using the board on {name}")
    assert_nothing_proved(out, "port")


def test_a_port_where_nobody_listens(project: Project, out: Path) -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"socket://127.0.0.1:{unused.getsockname()[1]}"
        assert_complains(call(*prove_on(url, out)), 4, url)
    assert_nothing_proved(out, "port")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait ten seconds for a board that does not come."""
    monkeypatch.setattr("tinyproof.device.HELLO_SECONDS", 0.5)


@pytest.mark.usefixtures("impatient")
def test_a_port_where_nobody_answers(project: Project, out: Path) -> None:
    with terminal() as (_, name):
        ended = call(*prove_on(name, out))
    assert_complains(ended, 4, f"No answer from {name}")
    assert_nothing_proved(out, "port")


@pytest.mark.usefixtures("impatient")
def test_a_port_with_something_else_on_it(project: Project, out: Path) -> None:
    with terminal() as (master, name), chatter(master, b"Marlin 2.1 ready\r\n\x1b[31m"):
        ended = call(*prove_on(name, out))
    assert_complains(ended, 4, "Marlin 2.1 ready", name)
    assert "\x1b" not in ended.err
    assert_nothing_proved(out, "boot")


@pytest.mark.usefixtures("impatient")
def test_a_port_that_echoes(project: Project, out: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def echo() -> None:
            connection, _ = server.accept()
            with connection:
                while data := connection.recv(4096):
                    connection.sendall(data)

        thread = threading.Thread(target=echo)
        thread.start()
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        ended = call(*prove_on(url, out))
        thread.join()
    assert_complains(ended, 4, "sends back what it receives")


# -- folders


def test_a_report_folder_that_cannot_be_made(project: Project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("keep me")
    assert_complains(call(*DIGITS_RUN, "--out", tmp_path / "file" / "report"), 4, "in the way")
    assert (tmp_path / "file").read_text() == "keep me"


def test_a_report_folder_that_is_read_only(project: Project) -> None:
    # Permissions do not bind the superuser; a kernel's own file system does.
    ended = call(*DIGITS_RUN, "--out", "/proc/report")
    assert_complains(ended, 4, "Cannot write /proc/report")
    assert "stream" not in ended.err


def test_a_disk_that_fills_up_takes_the_report_but_not_the_verdict(
    project: Project, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(*DIGITS_RUN, "--out", out)
    earlier = {file.name: file.read_bytes() for file in out.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tinyproof.storage.os.fsync", full)
    ended = call(*DIGITS_RUN, "--out", out)
    assert_complains(ended, 4, "the disk is full")
    assert "PROVED: 359 exact" in ended.out
    # The earlier report is whole, and nothing half-written lies beside it.
    assert {file.name: file.read_bytes() for file in out.iterdir()} == earlier


def test_a_temporary_folder_that_takes_nothing(
    project: Project, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/proc")
    assert_complains(call(*DIGITS_RUN, "--out", out), 4)
