"""Stand-ins for PlatformIO's packages: SCons from PyPI, tools and sources of the distribution.

A stand-in is a folder with a manifest, links to what is installed, and a ``.piopm`` that tells
PlatformIO it came from the registry, without which PlatformIO would fetch the real one. Versions
are those of what is really there; descriptions say "stand-in".
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tinyproof.errors import ToolchainError

STANDINS = Path(__file__).resolve().parent / "standins"
"""The stand-in platforms, one folder each."""
ARDUINO_AVR = Path("/usr/share/arduino/hardware/arduino/avr")
"""Where Debian's ``arduino-core-avr`` puts the Arduino core."""
AVR_LIBC = Path("/usr/lib/avr/include/avr/io.h")

_SCONS_PY = '''"""Starts the SCons of this Python; a stand-in for PlatformIO's tool-scons."""

from SCons.Script import main

main()
'''


@dataclass(frozen=True)
class Package:
    """A stand-in package to be laid out.

    Attributes:
        name: PlatformIO's name.
        version: a semantic version.
        description: one line; names what it stands in for.
        links: name in the package to what it points to.
        files: name in the package to its content.
    """

    name: str
    version: str
    description: str
    links: dict[str, Path] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """Where a stand-in package comes from.

    Attributes:
        debian: the Debian packages to install when it is missing, separated by spaces.
        probes: returns the files that must exist, None for one that does not.
        make: looks at what is installed and describes the package.
    """

    debian: str
    probes: Callable[[], list[Path | None]]
    make: Callable[[], Package]

    @property
    def present(self) -> bool:
        """Whether all it needs is installed."""
        return all(path is not None and path.exists() for path in self.probes())


def which(tool: str) -> Path | None:
    """Return the path of an executable, None if it is not installed."""
    found = shutil.which(tool)
    return Path(found) if found else None


def scons() -> Package:
    """Describe ``tool-scons``, made of the SCons beside this package.

    PlatformIO asks for one minor version; another SCons is passed off as that version with its own
    appended as build metadata, ``4.41101.0+scons.4.12.0``: what PlatformIO uses of it is stable.
    """
    from platformio.dependencies import get_core_dependencies

    real = importlib.metadata.version("scons")
    wanted = get_core_dependencies()["tool-scons"].lstrip("~^=")
    major, minor, patch = map(int, [*real.split("."), "0", "0"][:3])
    own = f"4.{major}{minor:02}{patch:02}.0"
    version = own if own == wanted else f"{wanted}+scons.{real}"
    return Package(
        "tool-scons",
        version,
        f"SCons {real} from PyPI, TinyProof stand-in",
        files={"scons.py": _SCONS_PY},
    )


def _toolchain_atmelavr() -> Package:
    compiler = which("avr-gcc")
    assert compiler is not None
    tools = {f"bin/{path.name}": path for path in sorted(compiler.parent.glob("avr-*"))}
    version = _said(str(compiler), "-dumpfullversion", "-dumpversion")
    description = f"The distribution's avr-gcc {version}, TinyProof stand-in"
    return Package("toolchain-atmelavr", _semantic(version), description, tools)


def _framework_arduino_avr() -> Package:
    text = (ARDUINO_AVR / "platform.txt").read_text()
    match = re.search(r"^version=(\S+)", text, re.MULTILINE)
    version = match.group(1) if match else "0.0.0"
    links = {name: ARDUINO_AVR / name for name in ("cores", "libraries", "variants")}
    description = f"The distribution's Arduino AVR core {version}, TinyProof stand-in"
    return Package("framework-arduino-avr", _semantic(version), description, links)


def _tool_avrdude() -> Package:
    program = which("avrdude")
    assert program is not None
    match = re.search(r"version (\d[\d.]*\d)", _said(str(program), "-?"))
    version = match.group(1) if match else "0.0.0"
    description = f"The distribution's avrdude {version}, TinyProof stand-in"
    return Package("tool-avrdude", _semantic(version), description, {"bin/avrdude": program})


SOURCES: dict[str, Source] = {
    "toolchain-atmelavr": Source(
        "gcc-avr avr-libc binutils-avr",
        lambda: [which("avr-gcc"), which("avr-g++"), which("avr-objcopy"), AVR_LIBC],
        _toolchain_atmelavr,
    ),
    "framework-arduino-avr": Source(
        "arduino-core-avr", lambda: [ARDUINO_AVR / "platform.txt"], _framework_arduino_avr
    ),
    "tool-avrdude": Source("avrdude", lambda: [which("avrdude")], _tool_avrdude),
}
"""What stands in for which of PlatformIO's tool packages."""


def _said(*command: str) -> str:
    """Return what a tool prints about itself.

    Raises:
        ToolchainError: it does not run.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolchainError(
            f"{command[0]} does not run: {error}.", hint="Install it again."
        ) from error
    return (done.stdout or done.stderr).strip()


def _semantic(version: str) -> str:
    """Return a version as PlatformIO wants it, three numbers: ``7.1`` becomes ``7.1.0``."""
    numbers = re.findall(r"\d+", version)[:3]
    return ".".join(str(int(number)) for number in (*numbers, "0", "0", "0")[:3])


def lay_out(package: Package, folder: Path) -> None:
    """Write ``package`` into ``folder``, which must not exist."""
    folder.mkdir(parents=True)
    for name, target in package.links.items():
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    manifest = {
        "name": package.name,
        "version": package.version,
        "description": package.description,
        "system": "*",
    }
    files = package.files | {
        "package.json": json.dumps(manifest, indent=2),
        ".piopm": piopm("tool", package.name, package.version),
    }
    for name, content in files.items():
        (folder / name).write_text(content)


def lay_out_platform(name: str, folder: Path) -> None:
    """Copy the stand-in platform ``name`` to ``folder``, which must not exist."""
    shutil.copytree(STANDINS / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    version = manifest_of(name)["version"]
    (folder / ".piopm").write_text(piopm("platform", name, str(version)))


def manifest_of(platform: str) -> dict[str, object]:
    """Return the ``platform.json`` of the stand-in ``platform``."""
    manifest: dict[str, object] = json.loads((STANDINS / platform / "platform.json").read_text())
    return manifest


def platforms() -> list[str]:
    """Return the names of the platforms that have a stand-in."""
    return sorted(path.parent.name for path in STANDINS.glob("*/platform.json"))


def piopm(kind: str, name: str, version: str) -> str:
    """Return a package's ``.piopm``: what PlatformIO notes of where it came from."""
    spec = {"owner": "platformio", "id": None, "name": name, "requirements": None, "uri": None}
    return json.dumps({"type": kind, "name": name, "version": version, "spec": spec})
