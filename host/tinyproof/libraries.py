"""The libraries from outside the tree that a target names for one of its engines.

``custom_tp_lib_deps_ENGINE`` in ``target.ini`` lists them as PlatformIO's ``lib_deps`` does, and
``firmware/prepare.py`` links them when that engine is chosen. One that is named by an environment
variable, ``symlink://${sysenv.NAME}``, is a folder of the user's own.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tinyproof.errors import ToolchainError
from tinyproof.targets import PREFIX, Target

_NAMED = re.compile(r"^symlink://\$\{sysenv\.(\w+)\}$")


def engine_libraries(target: Target, engine: str) -> tuple[str, ...]:
    """Return the libraries that ``target`` names for ``engine``, as they stand in the file."""
    lines = target.options.get(f"{PREFIX}lib_deps_{engine}", "").splitlines()
    return tuple(line.strip() for line in lines if line.strip())


def identity(
    target: Target, engine: str, environment: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """Return what tells these libraries from others, a line each; part of a build's id.

    A library of a registry or a repository is pinned by its line; a folder of the user's is told by
    a hash of its files.

    Raises:
        ToolchainError: a variable that must name a folder does not.
    """
    return tuple(_identify(line, target, environment) for line in engine_libraries(target, engine))


def _identify(line: str, target: Target, environment: Mapping[str, str]) -> str:
    named = _NAMED.match(line)
    if named is None:
        return f"library {line}"
    folder = Path(environment.get(named[1]) or "")
    if not environment.get(named[1]) or not _is_library(folder):
        got = f"{folder} is none" if environment.get(named[1]) else "it is not set"
        raise ToolchainError(
            f"The environment variable {named[1]} must name a PlatformIO library for "
            f"{target.name}, but {got}.",
            hint="It holds library.json and, below src/, TFLM with the headers of flatbuffers and "
            "gemmlowp; TinyProof ships none. Engine aot needs none: --engine aot.",
        )
    return f"library {folder.name} {_digest(folder)}"


def _is_library(folder: Path) -> bool:
    names = ("library.json", "library.properties")
    return folder.is_absolute() and any((folder / name).is_file() for name in names)


def _digest(folder: Path) -> str:
    """Return a hash of all files in a folder, of their names and contents; 16 digits."""
    digest = hashlib.sha256()
    for path in _files(folder):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        yield from (Path(place, name) for name in sorted(names) if Path(place, name).is_file())
