"""Why a build failed: PlatformIO's log, read as one sentence and one next step."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from tinyproof.errors import BuildError, InfrastructureError, StorageError, ToolchainError
from tinyproof.pio.core import install_command
from tinyproof.targets import Target

_COMPILER = re.compile(
    r"^(?P<where>\S[^:\n]*:\d+(?::\d+)?): (?:fatal )?[Ee]rror: (?P<what>.+)$", re.M
)
_OVERFLOW = re.compile(r"region `?(?P<region>\w+)'? overflowed by (?P<bytes>\d+) bytes")
_SECTION = re.compile(r"section `?(?P<section>[.\w]+)'? will not fit in region `?(?P<region>\w+)'?")
_OUTSIDE = re.compile(
    r"address (?P<end>0x[0-9a-f]+) of \S+ section `?(?P<section>[.\w]+)'? is not within "
    r"region `?(?P<region>\w+)'?"
)
_PROGRAM = re.compile(
    r"program size \((?P<used>\d+) bytes\).*?maximum allowed \((?P<room>\d+) bytes\)"
)
_UNDEFINED = re.compile(r"undefined reference to [`'](?P<symbol>[^']+)'")
_MULTIPLE = re.compile(r"multiple definition of [`'](?P<symbol>[^']+)'")
_ERROR = re.compile(r"^(?:\*\*\* )?[Ee]rror:? +(?P<what>.+)$", re.M)
_OFFLINE = re.compile(
    r"HTTPClientError|InternetConnectionError|Manager: Installing (?P<package>\S+)"
)

_FULL = re.compile(r"(?:(?P<before>\S+): '?)?No space left on device(?:: '(?P<after>[^'\n]+)')?")

_MEMORIES = {"text": "flash", "data": "RAM", "FLASH": "flash"}
"""What linker scripts call their regions, where people say otherwise."""


def explain(log: Path, target: Target) -> InfrastructureError:
    """Return the error that tells why the build of ``target`` with this ``log`` failed."""
    text = log.read_text(encoding="utf-8", errors="replace")
    if full := _FULL.search(text):
        return _no_space(Path(full["after"] or full["before"] or ""), log.parent, target)
    if _OFFLINE.search(text):
        return _not_installed(text, target)
    sentence = next(filter(None, (read(text, target) for read in _READERS)), "")
    if not sentence:
        last = next(
            (line for line in reversed(text.splitlines()) if line.strip(" =-")), "no output"
        )
        sentence = f"PlatformIO ended with: {last.strip()}"
    return BuildError(
        f"The firmware for {target.name} did not build: {sentence.rstrip('.')}.",
        hint=f"The complete log is {log}.",
        log=str(log),
    )


def _no_space(path: Path, folder: Path, target: Target) -> StorageError:
    """Return the error for a disk without room for ``path``: compilers write beside the build, too.

    Args:
        path: what could not be written, as far as the log says.
        folder: of the build.
        target: what was built.
    """
    temporary = tempfile.gettempdir()
    if path.is_relative_to(temporary) and not path.is_relative_to(folder):
        return StorageError(
            f"Cannot build {target.name}: the temporary folder {temporary} is full.",
            hint="Make room there, or name another folder in the environment variable TMPDIR.",
        )
    return StorageError(
        f"Cannot build {target.name} in {folder}: the disk is full.",
        hint="Free some space, then run again.",
    )


def _not_installed(text: str, target: Target) -> ToolchainError:
    names = [match.group("package") for match in _OFFLINE.finditer(text) if match.group("package")]
    what = names[-1] if names else "a package"
    return ToolchainError(
        f"PlatformIO lacks {what} to build {target.name}, and TinyProof fetches nothing.",
        hint=install_command(target.platform_spec),
    )


def _too_large(text: str, target: Target) -> str:
    section = _SECTION.search(text)
    overflow = _OVERFLOW.search(text)
    if overflow:
        name = section.group("section") if section else overflow.group("region")
        memory = _MEMORIES.get(overflow.group("region"), overflow.group("region"))
        return f"section {name} is {int(overflow.group('bytes')):,} bytes too large for {memory}"
    outside = max(
        _OUTSIDE.finditer(text), key=lambda match: int(match.group("end"), 16), default=None
    )
    if outside:
        return _outside(outside, target)
    program = _PROGRAM.search(text)
    if program:
        used, room = int(program.group("used")), int(program.group("room"))
        return f"the image takes {used:,} bytes of flash, {used - room:,} more than there are"
    return ""


def _outside(match: re.Match[str], target: Target) -> str:
    """Read avr-ld's message: it tells where a section ends, not by how much that is too far."""
    section, region = match.group("section"), match.group("region")
    memory = _MEMORIES.get(region, region)
    ram_end = target.ram_address + target.ram_bytes if target.ram_address else 0
    end = {"RAM": ram_end, "flash": target.flash_bytes}.get(memory, 0)
    excess = int(match.group("end"), 16) - end
    if not end or excess <= 0:
        return f"section {section} does not fit into {memory}"
    return f"section {section} ends {excess:,} bytes behind the {memory} of {target.name}"


def _compiler_error(text: str, _: Target) -> str:
    match = _COMPILER.search(text)
    return f"{match.group('where')}: {match.group('what')}" if match else ""


def _linker_error(text: str, _: Target) -> str:
    undefined, multiple = _UNDEFINED.search(text), _MULTIPLE.search(text)
    if undefined:
        return f"nothing defines {undefined.group('symbol')}"
    return f"{multiple.group('symbol')} is defined twice" if multiple else ""


def _any_error(text: str, _: Target) -> str:
    match = _ERROR.search(text)
    return match.group("what") if match else ""


_READERS: tuple[Callable[[str, Target], str], ...] = (
    _compiler_error,
    _too_large,
    _linker_error,
    _any_error,
)
