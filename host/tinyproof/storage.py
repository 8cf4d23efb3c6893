"""Files that are either whole or absent, locks, and claims on folders that are in use."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from tinyproof.errors import StorageError, TinyProofError


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


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write ``content`` (text as UTF-8); a reader sees the old file or the new, never a part.

    The parent folder is created. What an interruption leaves is at most a ``.tmp`` file.

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
            held.acquire(timeout=wait_s, poll_interval=0.02)
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
        StorageError: the folder cannot be made or opened.
    """
    with storage_errors(folder):
        descriptor = os.open(make_folder(folder), os.O_RDONLY | os.O_CLOEXEC)
        try:
            with suppress(OSError):  # Some file systems have no locks.
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


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
