"""Files that are either whole or absent, locks, and claims on folders that are in use."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from tinyproof.deadline import Deadline
from tinyproof.errors import StorageError, TinyProofError

ALONE_PATIENCE_S = 30.0
"""Seconds to wait for another process in a folder: far more than any needs to write a report."""
_POLL_S = 0.02


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn every OSError inside into a StorageError that names ``path``."""
    try:
        yield
    except OSError as error:
        raise _storage_error(path, error) from error


def _storage_error(path: Path, error: OSError) -> StorageError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            f"Cannot write {path}: the disk is full.",
            hint="Free some space, or choose a folder on another disk, then run again.",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageError(
            f"Cannot write {path}: this folder is not writable.",
            hint="Choose a folder of your own, or mend its permissions, then run again.",
        )
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        blocker = next((place for place in (path, *path.parents) if place.exists()), path)
        return StorageError(
            f"Cannot write {path}: {blocker} is in the way.",
            hint="Move it aside, or choose another folder.",
        )
    reason = error.strerror or str(error)
    return StorageError(f"Cannot write {path}: {reason}.", hint="Choose another folder.")


def make_folder(path: Path) -> Path:
    """Create ``path`` and its parents where they are missing and return it.

    Raises:
        StorageError: it cannot be created.
    """
    with storage_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def open_given(path: Path) -> BinaryIO:
    """Open a file that may come from anybody, for reading.

    A pipe or a device is refused, a link to one too: it may have no end, or never begin.

    Raises:
        OSError: missing, not readable, or not a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def write_atomic(
    path: Path, content: bytes | str, *, before: Callable[[], object] | None = None
) -> None:
    """Write ``content`` (text as UTF-8); a reader sees the old file or the new, never a part.

    The parent folder is created. What an interruption leaves is at most a ``.tmp`` file.

    Args:
        path: the file.
        content: all of it.
        before: called when the new file is whole on the disk and only has to take the old one's
            place; the old one stays if it fails.

    Raises:
        StorageError: the folder is not writable, the disk is full.
    """
    data = content.encode() if isinstance(content, str) else content
    make_folder(path.parent)
    with storage_errors(path):
        draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
        try:
            with draft.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if before is not None:
                before()
            draft.replace(path)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise


@contextmanager
def lock(path: Path, *, wait_s: float = -1, busy: TinyProofError | None = None) -> Iterator[None]:
    """Hold the lock file ``path``; the system releases it when its holder dies.

    Args:
        path: the lock file; its folder is created.
        wait_s: seconds to wait for another holder, negative for as long as it takes.
        busy: raised when the wait ends in vain, instead of a StorageError.

    Raises:
        StorageError: another process still holds it, or it cannot be created.
    """
    make_folder(path.parent)
    held = FileLock(path)
    with storage_errors(path):
        try:
            held.acquire(timeout=wait_s, poll_interval=_POLL_S)
        except Timeout as error:
            raise busy or StorageError(
                f"{path} is held by another process.", hint="Wait for it to end, or end it."
            ) from error
    try:
        yield
    finally:
        held.release()


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process is in here with ``folder``; for files that belong together.

    Raises:
        StorageError: the folder cannot be made or opened, or another process stays in it.
    """
    with storage_errors(folder):
        descriptor = os.open(make_folder(folder), os.O_RDONLY | os.O_CLOEXEC)
        try:
            with suppress(OSError):  # Some file systems have no locks.
                _wait_to_be_alone(descriptor, folder)
            yield
        finally:
            os.close(descriptor)


def _wait_to_be_alone(descriptor: int, folder: Path) -> None:
    deadline = Deadline(ALONE_PATIENCE_S)
    while not _try_to_lock(descriptor):
        if deadline.expired:
            raise StorageError(
                f"Another process has been writing in {folder} for {deadline.seconds:g} s.",
                hint="Continue it if it is stopped (fg), or end it; or choose another folder.",
            )
        time.sleep(_POLL_S)


def _try_to_lock(descriptor: int) -> bool:
    """Try to lock a file for this process alone; tell whether that went well."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Claim:
    """A shared claim on a file: while one lives, in any process, ``unclaimed`` is refused it.

    It ends with ``close``, with the object, or with the process.
    """

    def __init__(self, descriptor: int) -> None:
        """Take over a descriptor that holds a shared lock; see ``claim``."""
        self._descriptor = descriptor

    def close(self) -> None:
        """End the claim; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        """End the claim with the object."""
        self.close()


def claim(path: Path) -> Claim | None:
    """Claim ``path``; None if it does not exist or is just being removed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return Claim(descriptor)


@contextmanager
def unclaimed(path: Path) -> Iterator[bool]:
    """Tell whether nobody claims ``path``, and keep it so while the block lasts."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


def check_writable(folder: Path) -> None:
    """Create ``folder`` and check that a file can be written in it, before long work begins.

    Raises:
        StorageError: it cannot.
    """
    probe = make_folder(folder) / f".{secrets.token_hex(6)}.tmp"
    with storage_errors(folder):
        try:
            probe.write_bytes(b"\0" * 4096)
        finally:
            probe.unlink(missing_ok=True)
