"""Builds firmware for one model, target and engine, in a folder of its own, if it is not there yet.

A build is found by its id, a hash of everything it is made of; the same id is compiled into the
firmware, so that a board can tell which build it runs. The folder ``<state>/builds/<id>`` holds

- ``include/``: ``model.h`` and ``tp_build.h``,
- ``pio/``: PlatformIO's workspace, the program in it,
- ``build.log``: all that PlatformIO said,
- ``build.json``: written last; without it the folder is a part of a build and is never used,
- ``in-use``: claimed by everyone who uses the build, so that it is not pruned.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinyproof import libraries, platformio
from tinyproof.elf import Sizes, sections, sizes
from tinyproof.errors import BuildError, StorageError
from tinyproof.pio import toolchain
from tinyproof.pio.buildlog import explain
from tinyproof.platformio import Core
from tinyproof.progress import Step
from tinyproof.project import Project
from tinyproof.protocol import BUILD_ID_BYTES
from tinyproof.storage import (
    Claim,
    claim,
    lock,
    make_folder,
    storage_errors,
    unclaimed,
    write_atomic,
)
from tinyproof.targets import Target

KEPT = 20
"""How many of the most recently used builds of a project are kept."""
_PROGRAMS = ("firmware.elf", "program")
_RECORD = "build.json"


@dataclass(frozen=True)
class Build:
    """Firmware, built and ready to run or flash.

    Attributes:
        id: BUILD_ID_BYTES bytes, also compiled into the firmware.
        folder: all that belongs to this build.
        program: the ELF file.
        target: what it was built for.
        engine: what it was built with.
        core: PlatformIO's core folder it was built with.
        toolchain: versions of platform and compilers, one a line.
        sizes: of the program, bytes.
        fresh: whether it was built just now, not found.
    """

    id: bytes
    folder: Path
    program: Path
    target: Target
    engine: str
    core: Core
    toolchain: str
    sizes: Sizes
    fresh: bool
    _claim: Claim = field(repr=False, compare=False)

    @property
    def id_hex(self) -> str:
        """The id as hexadecimal digits."""
        return self.id.hex()

    @property
    def log(self) -> Path:
        """What PlatformIO said while building."""
        return self.folder / "build.log"

    @property
    def flags(self) -> str:
        """The target's own compiler flags, in one line."""
        return " ".join(self.target.options.get("build_flags", "").split())

    @property
    def settings(self) -> dict[str, str]:
        """Environment variables that make PlatformIO work on this build: to flash it, say."""
        return _settings(self.folder, self.target, self.engine)


def build_id(project: Project, target: Target, engine: str, header: str, tools: str) -> bytes:
    """Return the id of a build: SHA-256 over all it is made of, the first BUILD_ID_BYTES bytes.

    Args:
        project: whose firmware and PlatformIO configuration to hash, file by file.
        target: what is built for, and the serial port's speed.
        engine: what is built with.
        header: the content of ``model.h``.
        tools: what identifies the toolchain.
    """
    digest = hashlib.sha256()
    for name, content in _ingredients(project):
        _add(digest, name.encode(), content)
    _add(digest, target.name.encode(), engine.encode(), header.encode(), tools.encode())
    _add(digest, str(target.baud).encode())
    return digest.digest()[:BUILD_ID_BYTES]


def _add(digest: Any, *parts: bytes) -> None:
    """Hash each part with its length, so that no two lists of parts look alike."""
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)


def _ingredients(project: Project) -> Iterable[tuple[str, bytes]]:
    """Yield name and content of every file that PlatformIO may read, in order of name.

    All of ``firmware`` counts, what its links lead to as well, since a target may refer to the
    options of another; only the ``model.h`` of a manual build does not.
    """
    yield "platformio.ini", project.platformio_ini.read_bytes()
    manual = project.firmware / "include" / "model.h"
    for path in _files(project.firmware, frozenset()):
        if path != manual:
            yield path.relative_to(project.root).as_posix(), path.read_bytes()


def _files(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Yield a folder's files, then those of its folders; no link leads back to those above."""
    here = folder.resolve()
    if here in above:
        return
    entries = sorted(e for e in folder.iterdir() if e.name[0] != "." and e.name != "__pycache__")
    yield from (entry for entry in entries if entry.is_file())
    for entry in entries:
        if entry.is_dir():
            yield from _files(entry, above | {here})


def build(
    project: Project,
    target: Target,
    engine: str,
    header: str,
    *,
    simulated: bool = True,
    step: Step | None = None,
) -> Build:
    """Build ``target``'s firmware with ``engine`` for the model in ``header``, or find it built.

    Builds of the same id wait for each other; others do not.

    Args:
        project: where the firmware is.
        target: what to build for.
        engine: one of the target's engines.
        header: the content of ``model.h``.
        simulated: whether it will run in a simulator; see ``platformio.core_for``.
        step: told of each file compiled.

    Raises:
        UsageError: the target has no such engine.
        ToolchainError: a tool is missing.
        BuildError: it does not compile, link or fit.
        StorageError: the project's state cannot be written.
    """
    engine = target.engine(engine)
    core = platformio.core_for(target, simulated=simulated)
    outside = libraries.identity(target, engine)
    tools = "\n".join((toolchain.identity(core.installed(), target.platform), *outside))
    number = build_id(project, target, engine, header, tools)
    job = _Job(project, target, engine, core, tools, number)
    found = job.find(fresh=False)
    if found is not None:
        return found
    with lock(_lock_file(project, number.hex())):
        # Another process may have built it while this one waited.
        found = job.find(fresh=False)
        if found is not None:
            return found
        job.make(header, step or Step())
        found = job.find(fresh=True)
    if found is None:
        raise BuildError(
            f"The build {number.hex()} vanished as soon as it was made.",
            hint="Leave .tinyproof alone while TinyProof runs, and run again.",
        )
    prune(project)
    return found


@dataclass(frozen=True)
class _Job:
    """One build to be found or made."""

    project: Project
    target: Target
    engine: str
    core: Core
    tools: str
    id: bytes

    @property
    def folder(self) -> Path:
        return self.project.state / "builds" / self.id.hex()

    def find(self, *, fresh: bool) -> Build | None:
        """Return the build if it is there, whole and unchanged, and note that it is used."""
        held = claim(self.folder / "in-use")
        if held is None:
            return None
        record = self.folder / _RECORD
        try:
            data = json.loads(record.read_text())
            program = self.folder / data["program"]
            whole = _images(program) == data["images"]
            size = Sizes(**data["sizes"])
        except (OSError, ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            held.close()
            return None
        with suppress(OSError):
            os.utime(record)
        return Build(
            id=self.id,
            folder=self.folder,
            program=program,
            target=self.target,
            engine=self.engine,
            core=self.core,
            toolchain=self.tools,
            sizes=size,
            fresh=fresh,
            _claim=held,
        )

    def make(self, header: str, step: Step) -> None:
        """Build from an empty folder; the record that makes the build valid comes last."""
        with storage_errors(self.folder):
            shutil.rmtree(self.folder, ignore_errors=True)
            make_folder(self.folder)
        write_atomic(self.folder / "include" / "model.h", header)
        write_atomic(self.folder / "include" / "tp_build.h", build_header(self.id))
        self._compile(step)
        program = self._program()
        check_fit(program, self.target)
        if build_id(self.project, self.target, self.engine, header, self.tools) != self.id:
            raise BuildError(
                f"The sources in {self.project.firmware} changed while they were compiled.",
                hint="Run again: what was built is part old, part new, and is not used.",
            )
        record = {
            "program": program.relative_to(self.folder).as_posix(),
            "images": _images(program),
            "sizes": sizes(program).as_dict(),
            "target": self.target.name,
            "engine": self.engine,
            "toolchain": self.tools.splitlines(),
        }
        write_atomic(self.folder / "in-use", "")
        write_atomic(self.folder / _RECORD, json.dumps(record, indent=2) + "\n")

    def _compile(self, step: Step) -> None:
        log = self.folder / "build.log"
        count = 0

        def on_line(line: str) -> None:
            nonlocal count
            if line.startswith(("Compiling ", "Archiving ", "Linking ")):
                count += 1
                step.update(count, 0, line.rpartition("/")[2])

        code = platformio.run(
            self.project,
            self.core,
            ["run", "--environment", self.target.name],
            log=log,
            settings=_settings(self.folder, self.target, self.engine),
            on_line=on_line,
        )
        if code != 0:
            raise explain(log, self.target)

    def _program(self) -> Path:
        place = self.folder / "pio" / "build" / self.target.name
        for name in _PROGRAMS:
            if (place / name).is_file():
                return place / name
        raise BuildError(
            f"PlatformIO built {self.target.name}, but left no program in {place}.",
            hint=f"See {self.folder / 'build.log'}.",
            log=str(self.folder / "build.log"),
        )


def _images(program: Path) -> dict[str, str]:
    """Return the SHA-256 of the program and of all beside it: of what is run, and uploaded."""
    files = (path for path in sorted(program.parent.iterdir()) if path.name[0] != ".")
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()
    }


def _settings(folder: Path, target: Target, engine: str) -> dict[str, str]:
    settings = {
        "PLATFORMIO_WORKSPACE_DIR": str(folder / "pio"),
        "PLATFORMIO_INCLUDE_DIR": str(folder / "include"),
        "TINYPROOF_ENGINE": engine,
        "TINYPROOF_BAUD": str(target.baud),
    }
    if engine != "aot" and not target.hosted:
        # What is fetched for one build serves all.
        settings["PLATFORMIO_LIBDEPS_DIR"] = str(folder.parents[1] / "libdeps" / engine)
    return settings


def build_header(number: bytes) -> str:
    """Return ``tp_build.h``: the build's id, for the firmware's ``hello``."""
    values = ", ".join(f"0x{byte:02x}" for byte in number)
    return (
        "/* Names this build to the host. */\n"
        "#ifndef TP_BUILD_H\n#define TP_BUILD_H\n"
        f"#define TP_BUILD_ID {{{values}}}\n"
        "#endif\n"
    )


def check_fit(program: Path, target: Target) -> None:
    """Check that the image fits the target's flash and RAM; PlatformIO only warns about RAM.

    Raises:
        BuildError: it does not; names the memory, the largest section in it, and the excess.
    """
    size = sizes(program)
    parts = sections(program)
    for memory, used, room, kinds in (
        ("flash", size.flash, target.flash_bytes, ("text", "data")),
        ("RAM", size.static_ram, target.ram_bytes, ("data", "bss")),
    ):
        if room and used > room:
            inside = {name: count for name, (kind, count) in parts.items() if kind in kinds}
            largest = max(inside, key=lambda name: inside[name])
            raise BuildError(
                f"The image is too large for the {memory} of {target.name}: {used:,} bytes of "
                f"{room:,}, {used - room:,} too many; section {largest} takes {inside[largest]:,}.",
                hint="Take a smaller model, or a target with more memory.",
            )


def prune(project: Project, *, kept: int = KEPT) -> None:
    """Remove all but the ``kept`` most recently used builds, failed ones too; never one in use.

    What cannot be removed is left for the next time.
    """
    builds = project.state / "builds"
    for trash in builds.glob(".*.trash"):
        shutil.rmtree(trash, ignore_errors=True)
    for folder in sorted(builds.glob("[!.]*"), key=_last_used, reverse=True)[kept:]:
        # Not in the making, and not claimed by a run.
        with (
            suppress(OSError, StorageError),
            lock(_lock_file(project, folder.name), wait_s=0),
            unclaimed(folder / "in-use") as free,
        ):
            if free:
                trash = folder.with_name(f".{folder.name}.trash")
                folder.replace(trash)
                shutil.rmtree(trash)


def _lock_file(project: Project, id_hex: str) -> Path:
    return project.state / "locks" / f"build-{id_hex}.lock"


def _last_used(folder: Path) -> float:
    """Return the time of a build's last use, of a failed one's making; seconds since the epoch."""
    for path in (folder / _RECORD, folder):
        with suppress(OSError):
            return path.stat().st_mtime
    return 0.0
