"""Writes files as one folder: whole or not at all, never over a user's work unasked."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tinyproof.errors import UsageError
from tinyproof.storage import make_folder, storage_errors, write_atomic


def check_free(folder: Path, *, force: bool) -> None:
    """Check that ``folder`` may be written.

    Raises:
        UsageError: it is a file, or holds something and ``force`` is not given.
        StorageError: it cannot be read.
    """
    with storage_errors(folder):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file.", hint="Name a folder with --out.")
        if not force and folder.is_dir() and any(folder.iterdir()):
            raise UsageError(
                f"{folder} is not an empty folder.",
                hint="Name another with --out, or replace the sketch in it with --force.",
            )


def write_folder(folder: Path, files: Mapping[str, str], *, own: str, force: bool) -> None:
    """Write ``files``, path below ``folder`` to text.

    A new or empty folder appears whole, in one step. With ``force`` each file replaces its
    namesake, whole, those in the subfolder ``own`` first; what is left over in ``own``, which
    belongs to the sketch, is removed; nothing else in the folder is touched.

    Raises:
        UsageError: see ``check_free``.
        StorageError: it cannot be written.
    """
    folder = folder.absolute()
    check_free(folder, force=force)
    if folder.is_dir() and any(folder.iterdir()):
        _replace(folder, files, own)
    else:
        _create(folder, files)


def _create(folder: Path, files: Mapping[str, str]) -> None:
    make_folder(folder.parent)
    with storage_errors(folder):
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for name, text in files.items():
                write_atomic(fresh / name, text)
            fresh.chmod(0o755)
            fresh.replace(folder)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise


def _replace(folder: Path, files: Mapping[str, str], own: str) -> None:
    for name in sorted(files, key=lambda name: not name.startswith(own)):
        write_atomic(folder / name, files[name])
    kept = {folder / name for name in files}
    with storage_errors(folder):
        for path in (folder / own).glob("*"):
            if path.is_file() and path not in kept:
                path.unlink()
