"""PlatformIO core folders: the one of TinyProof's own, made of stand-ins, and the user's."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tinyproof import __version__
from tinyproof.errors import StorageError, ToolchainError
from tinyproof.pio import packages, toolchain
from tinyproof.storage import lock, make_folder, storage_errors
from tinyproof.targets import platform_name

CORE_DIR_VARIABLE = "TINYPROOF_CORE_DIR"
"""Environment variable: where TinyProof keeps its core folders, instead of the user's cache."""
_READY = "tinyproof.json"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


@dataclass(frozen=True)
class Core:
    """A core folder of PlatformIO.

    Attributes:
        path: what PLATFORMIO_CORE_DIR names.
        standin: whether it is TinyProof's own.
    """

    path: Path
    standin: bool

    def environment(self, *, plain: bool = False) -> dict[str, str]:
        """Return the environment for PlatformIO on this core; on the stand-in with no network.

        A proxy address without a host makes every request fail at once, which no setting of
        PlatformIO's does: it would try for a minute. A user's own PlatformIO works as it is, and
        may fetch what a board's environment names.

        Args:
            plain: keep the user's PLATFORMIO_* variables, which may change what is built.
        """
        folders = ("PLATFORMIO_PACKAGES_DIR", "PLATFORMIO_PLATFORMS_DIR")
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PLATFORMIO_") or plain or (name in folders and not self.standin)
        }
        if self.standin:
            for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
                environment.pop(name, None)
            environment |= dict.fromkeys(_PROXIES, "http://")
            environment |= toolchain.host_compilers() | {"PYTHONEXEPATH": sys.executable}
        if not plain:
            # Compilers' messages are read by programs here: English, ASCII quotes.
            environment |= {"LC_ALL": "C", "PYTHONUTF8": "1"}
        return environment | {
            "PLATFORMIO_CORE_DIR": str(self.path),
            "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "false",
            "PLATFORMIO_SETTING_CHECK_PRUNE_SYSTEM_THRESHOLD": "0",
            "PLATFORMIO_DISABLE_UPGRADE_CHECK": "true",
        }

    def installed(self) -> dict[str, dict[str, str]]:
        """Return versions of what is installed: ``platforms`` and ``packages``, by name."""
        found: dict[str, dict[str, str]] = {}
        for kind in ("platforms", "packages"):
            found[kind] = {}
            for note in sorted((self.path / kind).glob("*/.piopm")):
                data = json.loads(note.read_text())
                found[kind][data["name"]] = data["version"]
        return found

    def platform(self, spec: str) -> str:
        """Return the version of the installed platform that serves ``spec``, empty if none does.

        A fork has the name of what it was forked from: one that is specified by an address must
        have come from there, as PlatformIO wants it too.
        """
        for note in sorted((self.path / "platforms").glob("*/.piopm")):
            data = json.loads(note.read_text())
            name, pinned = platform_name(spec), spec.partition("@")[2].strip()
            if "://" in spec:
                serves = (data.get("spec") or {}).get("uri") == spec
            else:
                serves = data["name"] == name and pinned in ("", data["version"])
            if serves:
                return str(data["version"])
        return ""


def install_command(spec: str) -> str:
    """Return the command that installs a platform into the user's PlatformIO, in any folder."""
    return f"pio pkg install --global --platform {spec}"


def user_core() -> Core:
    """Return the user's own core folder, which may not exist."""
    path = os.environ.get("PLATFORMIO_CORE_DIR") or "~/.platformio"
    return Core(Path(path).expanduser().absolute(), standin=False)


def standin_core() -> Core:
    """Return TinyProof's own core folder, made first where it is missing or of another version.

    Its name tells everything it is made of, so that a new TinyProof, PlatformIO or compiler gets a
    new one; it appears under that name only when it is complete, whoever makes it at the same time.

    Raises:
        StorageError: it cannot be written.
    """
    base = _base()
    path = base / f"core-{_key()}"
    if not _complete(path):
        with lock(base / "lock"):
            if not _complete(path):
                _make(path)
    return Core(path, standin=True)


def _base() -> Path:
    import platformdirs

    named = os.environ.get(CORE_DIR_VARIABLE)
    base = Path(named).expanduser() if named else platformdirs.user_cache_path("tinyproof") / "pio"
    try:
        return make_folder(base.absolute())
    except StorageError as error:
        error.hint = f"Name a folder that you can write to in {CORE_DIR_VARIABLE}, then run again."
        raise


def _key() -> str:
    """Hash everything that a core folder is made of, without running any of it."""
    parts: list[object] = [__version__]
    parts += [importlib.metadata.version(name) for name in ("platformio", "scons")]
    for folder in (packages.STANDINS, Path(packages.__file__)):
        files = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
        parts += [path.read_text() for path in files if path.suffix in (".py", ".json")]
    for name, source in packages.SOURCES.items():
        parts += [name, *map(_stamp, source.probes())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _stamp(path: Path | None) -> list[object]:
    """Return what changes when a file is replaced: real path, size and time."""
    if path is None or not path.exists():
        return []
    real = path.resolve()
    stat = real.stat()
    return [str(path), str(real), stat.st_size, stat.st_mtime_ns]


def _complete(path: Path) -> bool:
    """Tell whether a core folder is there with every file it was made with."""
    try:
        names = json.loads((path / _READY).read_text())
    except (OSError, ValueError):
        return False
    return all((path / name).exists() for name in names)


def _make(path: Path) -> None:
    """Lay out a core folder beside ``path`` and move it there in one step."""
    with storage_errors(path):
        shutil.rmtree(path, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=".core-", dir=path.parent))
        try:
            fresh.chmod(0o755)
            _fill(fresh)
            fresh.replace(path)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise


def _fill(fresh: Path) -> None:
    packages.lay_out(packages.scons(), fresh / "packages" / "tool-scons")
    for name in packages.platforms():
        packages.lay_out_platform(name, fresh / "platforms" / name)
    for name, source in packages.SOURCES.items():
        if source.present:
            packages.lay_out(source.make(), fresh / "packages" / name)
    # Without this note PlatformIO greets a new user, and after an upgrade updates itself.
    version = importlib.metadata.version("platformio")
    (fresh / "appstate.json").write_text(json.dumps({"last_version": version}))
    names = [str(file.relative_to(fresh)) for file in sorted(fresh.glob("p*/*/.piopm"))]
    names += [str(file.relative_to(fresh)) for file in sorted(fresh.glob("packages/*/*"))]
    (fresh / _READY).write_text(json.dumps(names))


def check_installed(
    core: Core, platform: str, frameworks: tuple[str, ...], *, upload: bool
) -> None:
    """Check that ``core`` has all that a build needs, so that PlatformIO fetches nothing.

    Raises:
        ToolchainError: something is missing; the hint is the command that installs it.
    """
    if not core.standin:
        if platform not in core.installed()["platforms"]:
            raise ToolchainError(
                f"PlatformIO's platform {platform} is not installed in {core.path}.",
                hint=install_command(platform),
            )
        return
    if platform not in packages.platforms():
        raise ToolchainError(
            f"The platform {platform} has no stand-in; it comes from PlatformIO's registry only.",
            hint=f"{install_command(platform)}, then plain pio.",
        )
    if platform == "native":
        toolchain.check_host_compilers()
    missing = [name for name in _needed(platform, frameworks, upload) if not _has(core, name)]
    if missing:
        debian = " ".join(packages.SOURCES[name].debian for name in missing)
        raise ToolchainError(
            f"The platform {platform} needs tools that this machine lacks: {', '.join(missing)}.",
            hint=f"sudo apt-get install {debian}",
        )


def _has(core: Core, package: str) -> bool:
    return (core.path / "packages" / package / ".piopm").exists()


def _needed(platform: str, frameworks: tuple[str, ...], upload: bool) -> list[str]:
    """Return the packages that PlatformIO would insist on, as its platform.json tells."""
    manifest = json.loads((packages.STANDINS / platform / "platform.json").read_text())
    chosen = {manifest["frameworks"][name]["package"] for name in frameworks}
    return [
        name
        for name, package in manifest["packages"].items()
        if not package.get("optional")
        or name in chosen
        or (upload and package["type"] == "uploader")
    ]
