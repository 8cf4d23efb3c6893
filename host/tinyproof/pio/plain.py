"""What a plain ``pio`` command works on: TinyProof's project, or one that is PlatformIO's alone.

Options are read as PlatformIO's own parser takes them: ``-d DIR``, ``-dDIR``, ``--project-dir DIR``
and ``--project-dir=DIR``, none after ``--``.
"""

from __future__ import annotations

import configparser
from collections.abc import Sequence
from pathlib import Path

from tinyproof.pio.core import Core, check_installed
from tinyproof.project import Project, find_project, project_at
from tinyproof.targets import find_target, platform_name

_FOLDER = ("-d", "--project-dir")
_FILE = ("-c", "--project-conf")
_ENVIRONMENT = ("-e", "--environment")
_BUILDS = ("run", "test", "debug")
_MAKES_A_PROJECT = (("project", "init"), ("init",), ("ci",))


def project_of(argv: Sequence[str]) -> Project | None:
    """Return TinyProof's project that ``pio ARGV`` works on; None if it is not about one.

    A folder that is named, or the nearest upward with a ``platformio.ini``, decides; with neither
    it is the one of ``find_project``.

    Raises:
        ToolchainError: the installation carries no project, and there is no other.
    """
    if any(tuple(argv[: len(words)]) == words for words in _MAKES_A_PROJECT):
        return None
    folders = _values(argv, *_FOLDER)
    if folders:
        return project_at(Path(folders[-1]))
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "platformio.ini").is_file():
            return project_at(folder)
    return None if _values(argv, *_FILE) else find_project()


def start_folder(project: Project | None, argv: Sequence[str]) -> Path:
    """Return where to start ``pio ARGV``: paths that it names are relative to the current one."""
    if project is None or _values(argv, *_FOLDER) or _values(argv, *_FILE):
        return Path.cwd()
    return project.root


def check(core: Core, project: Project | None, argv: Sequence[str]) -> None:
    """Check that ``core`` has what ``pio ARGV`` builds with, as far as can be told beforehand.

    Raises:
        UsageError: TinyProof's project has no such environment.
        ToolchainError: something is missing; the hint is the command that installs it.
    """
    if not argv or argv[0] not in _BUILDS or _values(argv, *_FILE):
        return
    folder = Path((_values(argv, *_FOLDER) or ["."])[-1])
    config = _read((project.root if project else folder) / "platformio.ini")
    names = _values(argv, *_ENVIRONMENT) or _words(config, "platformio", "default_envs")
    for name in names:
        if project:
            target = find_target(project, name)
            platform, frameworks = target.platform, target.frameworks
        else:
            platform = _platform(config, name)
            frameworks = _words(config, f"env:{name}", "framework")
        if platform:
            check_installed(core, platform, frameworks, upload="upload" in argv)


def _platform(config: configparser.ConfigParser, name: str) -> str:
    """Return an environment's platform; empty unless it is plainly one of the registry's."""
    spec = " ".join(_words(config, f"env:{name}", "platform"))
    return "" if "$" in spec or ":" in spec.partition("@")[0] else platform_name(spec)


def _read(ini: Path) -> configparser.ConfigParser:
    """Read what can be read; PlatformIO itself tells what is wrong with the file."""
    config = configparser.ConfigParser(inline_comment_prefixes=("#", ";"), interpolation=None)
    try:
        config.read(ini, encoding="utf-8")
    except (OSError, UnicodeDecodeError, configparser.Error):
        config.clear()
    return config


def _words(config: configparser.ConfigParser, section: str, option: str) -> tuple[str, ...]:
    common = config.get("env", option, fallback="") if section.startswith("env:") else ""
    text = config.get(section, option, fallback=common)
    return tuple(word.strip() for word in text.replace("\n", ",").split(",") if word.strip())


def _values(argv: Sequence[str], short: str, long: str) -> tuple[str, ...]:
    """Return the values that an option has in ``argv``."""
    found = []
    words = iter(argv)
    for word in words:
        if word == "--":
            break
        if word in (short, long):
            found.append(next(words, ""))
        elif word.startswith(f"{long}="):
            found.append(word.partition("=")[2])
        elif word.startswith(short):
            found.append(word[len(short) :])
    return tuple(found)
