"""Files whole or absent, locks, claims."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinyproof import storage
from tinyproof.errors import PortError, StorageError


def test_a_file_is_written_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "report.json"
    storage.write_atomic(path, "grün\n")
    assert path.read_bytes() == "grün\n".encode()
    storage.write_atomic(path, b"\x00new")
    assert path.read_bytes() == b"\x00new"
    assert list(path.parent.iterdir()) == [path]


def test_a_written_file_is_readable_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        storage.write_atomic(tmp_path / "f", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "not writable"),
        (errno.EACCES, "not writable"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_failed_write_leaves_the_old_file_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    path = tmp_path / "report.json"
    storage.write_atomic(path, "old")

    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(StorageError, match=words) as caught:
        storage.write_atomic(path, "new")
    assert str(path) in caught.value.sentence
    assert caught.value.hint
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_really_full_disk_is_reported_as_full() -> None:
    with (
        pytest.raises(StorageError, match="disk is full"),
        storage.storage_errors(Path("/dev/full")),
    ):
        Path("/dev/full").write_text("x")


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "builds").write_text("")
    with pytest.raises(StorageError, match="builds is in the way"):
        storage.write_atomic(tmp_path / "builds" / "x" / "model.h", "")


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        storage.write_atomic(tmp_path / "f", "x")
    assert not list(tmp_path.iterdir())


def holder(code: str, path: Path) -> subprocess.Popen[str]:
    """Start another process that holds something of ``path`` until its stdin closes."""
    script = f"import sys; from pathlib import Path; from tinyproof import storage\n{code}"
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


WAIT = "print('held', flush=True); sys.stdin.read()"


def test_a_lock_keeps_other_processes_out_and_ends_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "board.lock"
    other = holder(f"with storage.lock(Path(sys.argv[1])): {WAIT}", path)
    with (
        pytest.raises(PortError, match="Port x is in use"),
        storage.lock(path, wait_s=0.05, busy=PortError("Port x is in use.", port="x")),
    ):
        pass
    with (
        pytest.raises(StorageError, match="is held by another process"),
        storage.lock(path, wait_s=0.05),
    ):
        pass
    other.kill()
    other.communicate()
    with storage.lock(path, wait_s=10):
        pass


def test_who_stays_in_a_folder_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process holds its locks."""
    monkeypatch.setattr(storage, "ALONE_PATIENCE_S", 0.0)
    with (
        storage.alone_in(tmp_path),
        pytest.raises(StorageError, match="Another process has been writing in") as caught,
        storage.alone_in(tmp_path),
    ):
        pass
    assert str(tmp_path) in caught.value.sentence
    assert "stopped" in caught.value.hint


def test_who_leaves_a_folder_lets_the_next_one_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    monkeypatch.setattr("time.sleep", lambda _: os.close(other))
    with storage.alone_in(tmp_path):
        pass
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.close(other)


def test_what_another_process_claims_is_not_unclaimed_until_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "in-use"
    path.touch()
    other = holder(f"held = storage.claim(Path(sys.argv[1])); {WAIT}", path)
    with storage.unclaimed(path) as free:
        assert not free
    other.kill()
    other.communicate()
    with storage.unclaimed(path) as free:
        assert free
        assert storage.claim(path) is None


def test_several_may_claim_the_same(tmp_path: Path) -> None:
    path = tmp_path / "in-use"
    assert storage.claim(path) is None
    path.touch()
    one, two = storage.claim(path), storage.claim(path)
    assert one is not None
    assert two is not None
    one.close()
    one.close()
    with storage.unclaimed(path) as free:
        assert not free
    del two
    with storage.unclaimed(path) as free:
        assert free
