"""What a bug report needs, in one zip file: without user names, home folders or secrets."""

from __future__ import annotations

import getpass
import io
import json
import os
import platform
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tinyproof import doctor, surroundings
from tinyproof.doctor import Check
from tinyproof.errors import TinyProofError, UsageError
from tinyproof.pio.core import CORE_DIR_VARIABLE
from tinyproof.project import Project
from tinyproof.storage import open_given, write_atomic
from tinyproof.targets import load_targets

ENVIRONMENT = (
    "CC",
    "CI",
    "CXX",
    "LANG",
    "LC_ALL",
    "PLATFORMIO_CORE_DIR",
    "PLATFORMIO_PACKAGES_DIR",
    "PLATFORMIO_PLATFORMS_DIR",
    "TINYPROOF_BENCH",
    "TINYPROOF_CORE_DIR",
    "TINYPROOF_ENGINE",
    "TINYPROOF_REQUIRE_TOOLS",
)
"""The environment variables that are told; no other is looked at."""
_MOST_BYTES = 4 << 20  # of one file: its end tells how it ended
_SHORTEST_NAME = 3  # a user or machine called "x" cannot be told from other words
_COMMON_NAMES = ("root", "user", "localhost")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # equal content, equal bundle
_HOMES = re.compile(r"(/home|/Users|[A-Z]:\\Users)[/\\][^/\\\s\"':]+")
_CREDENTIALS = re.compile(r"(://)[^/\s:@\"']+(?::[^/\s@\"']*)?@")
_SECRET = re.compile(
    r"([\w-]*(?:passw(?:or)?d|passphrase|_pass\b|secret|token|api_?key|auth\b|psk\b|ssid\b)[\w-]*)"
    r"((?:\\?[\"'])?\s*[=:]\s*(?:\\?[\"'])*)[^\s\"'\\,;]+",
    re.IGNORECASE,
)


def write_bundle(project: Project, file: Path, checks: Iterable[Check]) -> list[tuple[str, int]]:
    """Write the bundle, whole or not at all; return name and bytes of what is in it.

    Args:
        project: whose last report and build are told.
        file: must not exist.
        checks: from ``doctor.examine``.

    Raises:
        UsageError: the file exists already.
        StorageError: it cannot be written.
    """
    if file.exists():
        raise UsageError(f"{file} exists already.", hint="Name a file that does not exist yet.")
    clean = cleaner(project)
    parts = {name: clean(text).encode() for name, text in _texts(project, checks)}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in parts.items():
            bundle.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    write_atomic(file, stream.getvalue())
    return [(name, len(content)) for name, content in parts.items()]


def cleaner(project: Project) -> Callable[[str], str]:
    """Return what takes names of people, machines and folders, and secrets, out of a text."""
    folders = _folders(project)
    names = {platform.node(): "HOST"}
    with suppress(OSError, KeyError, ImportError):
        names[getpass.getuser()] = "USER"
    known = [(n, word) for n, word in names.items() if len(n) >= _SHORTEST_NAME]
    known = [(n, word) for n, word in known if n not in _COMMON_NAMES]

    def clean(text: str) -> str:
        for folder in sorted(folders, key=len, reverse=True):
            text = re.sub(_folder_pattern(folder), folders[folder], text)
        text = _HOMES.sub("~", text)
        text = _CREDENTIALS.sub(r"\1REMOVED@", text)
        text = _SECRET.sub(r"\1\2REMOVED", text)
        for name, word in known:
            text = re.sub(rf"(?<![\w]){re.escape(name)}(?![\w])", word, text)
        return text

    return clean


def _folders(project: Project) -> dict[str, str]:
    """Return what is said instead of each folder that may tell of this machine's user."""
    import platformdirs

    known = [(Path.cwd(), "CURRENT"), (Path(tempfile.gettempdir()), "TEMP")]
    known.append((platformdirs.user_cache_path("tinyproof"), "CACHE"))
    if os.environ.get(CORE_DIR_VARIABLE):
        known.append((Path(os.environ[CORE_DIR_VARIABLE]).expanduser().absolute(), "CORES"))
    if sys.prefix != sys.base_prefix:  # of a virtual environment: /usr tells nothing
        known.append((Path(sys.prefix), "PYTHON"))
    known += [(project.state, "STATE"), (project.root, "PROJECT"), (Path.home(), "~")]
    folders = {str(path): word for path, word in known}
    folders |= {str(path.resolve()): word for path, word in known}
    return {folder: word for folder, word in folders.items() if folder != "/"}


def _folder_pattern(folder: str) -> str:
    """Match a folder; /tmp neither in /tmpfs nor in /var/tmp, but in -I/tmp."""
    before = r"(?:(?<![\w.])|(?<=-[A-Za-z]))" if folder.count("/") == 1 else ""
    return rf"{before}{re.escape(folder)}(?![\w.-])"


def _texts(project: Project, checks: Iterable[Check]) -> Iterable[tuple[str, str]]:
    yield "doctor.json", _json(as_json(checks))
    yield "versions.json", _json(surroundings.versions())
    yield "environment.json", _json({n: os.environ[n] for n in ENVIRONMENT if n in os.environ})
    yield "targets.json", _json(_targets(project))
    builds = project.state / "builds"
    for name, found in (
        ("report.json", [project.state / "report" / "report.json"]),
        ("build.log", list(builds.glob("*/build.log"))),
        ("upload.log", list(builds.glob("*/upload-*.log"))),
        ("platformio.ini", [project.platformio_ini]),
    ):
        newest = max(
            (p for p in found if p.is_file()), key=lambda p: p.stat().st_mtime, default=None
        )
        if newest:
            yield name, _end_of(newest)


def as_json(checks: Iterable[Check]) -> dict[str, Any]:
    """Return what the doctor found as JSON has it."""
    found = [asdict(check) | {"ok": check.ok, "state": check.state} for check in checks]
    return {"system": doctor.system(), "checks": found}


def _targets(project: Project) -> Any:
    try:
        targets = load_targets(project).values()
    except TinyProofError as error:
        return {"error": error.sentence}
    return {t.name: {"platform": t.platform_spec, **dict(t.options)} for t in targets}


def _end_of(path: Path) -> str:
    with open_given(path) as file:
        file.seek(max(0, path.stat().st_size - _MOST_BYTES))
        return file.read(_MOST_BYTES).decode(errors="replace")


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
