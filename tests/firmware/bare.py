"""Compiles bare AVR programs and runs them on libsimavr: no Arduino, bootloader, interrupts."""

from __future__ import annotations

import configparser
import json
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ROOT / "firmware/lib/nn"
PROGRAMS = Path(__file__).with_name("avr_bare")
ENGINE = ROOT / "firmware/lib/engine_aot/src/engine_aot.c"
INCLUDES = (
    PROGRAMS,
    PROGRAMS.parent,
    KERNELS / "include",
    KERNELS / "src",
    ROOT / "firmware/include",
    ROOT / "firmware/lib/engine_aot/src",
    ROOT / "firmware/lib/wire/include",
)
WARNINGS = ("-Wall", "-Wextra", "-Werror")
LTO = ("-flto", "-fuse-linker-plugin", "-fno-fat-lto-objects")
PLATFORM = ("-std=gnu11", "-Os", "-ffunction-sections", "-fdata-sections", *LTO)
"""What PlatformIO's platform adds."""
SECONDS = 120
JOBS = 2


def kernel_sources(*, portable: bool) -> list[Path]:
    """Return the kernels that an AVR gets, as ``lib/nn/select.py`` selects them, or all in C."""
    faster = [] if portable else sorted((KERNELS / "src/avr").glob("*.[cS]"))
    names = {path.stem for path in faster}
    sources = sorted((KERNELS / "src").glob("*.c"))
    return [*(path for path in sources if path.stem not in names), *faster]


def _flags(target: str) -> list[str]:
    """Return the build flags of ``firmware/targets/TARGET``, as PlatformIO reads them."""
    ini = configparser.ConfigParser(inline_comment_prefixes=None)
    ini.read(ROOT / f"firmware/targets/{target}/target.ini")
    return ini[f"env:{target}"]["build_flags"].split()


def _kernel_flags() -> list[str]:
    """Return the build flags that every target adds for the kernels."""
    manifest = json.loads((KERNELS / "library.json").read_text())
    flags: str = manifest["build"]["flags"]
    return flags.split()


def _call(command: Iterable[str | Path], folder: Path) -> None:
    done = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr[-4000:]


@dataclass(frozen=True)
class Ran:
    """What a program wrote, and the marks it made: (value, cycle)."""

    output: bytes
    marks: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Chip:
    """A processor as one of our targets uses it; programs are built beneath ``folder``.

    Attributes:
        target: name of the target, whose build flags hold.
        mcu: name of the processor, for compiler and simulator.
        portable: whether to leave the processor's own kernels out.
    """

    folder: Path
    target: str = "uno"
    mcu: str = "atmega328p"
    portable: bool = False

    def compile(self, sources: Sequence[Path], name: str, *flags: str | Path) -> list[Path]:
        """Compile ``sources`` into the folder ``name``; return the objects."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        command = ["avr-gcc", f"-mmcu={self.mcu}", *PLATFORM, *_flags(self.target)]
        command += [*WARNINGS, *map(str, flags), *(f"-I{path}" for path in INCLUDES), "-c"]
        shares = [share for job in range(JOBS) if (share := sources[job::JOBS])]
        with ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(lambda share: _call([*command, *map(str, share)], folder), shares))
        return [folder / f"{source.stem}.o" for source in sources]

    @cached_property
    def kernels(self) -> Path:
        """The library of all kernels."""
        sources = kernel_sources(portable=self.portable)
        objects = self.compile(sources, f"kernels-{self.mcu}", *_kernel_flags())
        library = self.folder / f"kernels-{self.mcu}" / "libnn.a"
        _call(["avr-gcc-ar", "rcs", library, *objects], self.folder)
        return library

    def link(self, objects: Sequence[Path], name: str) -> Path:
        """Link ``objects`` with the kernels that they need; return the program."""
        program = self.folder / f"{name}.elf"
        command = ["avr-gcc", f"-mmcu={self.mcu}", *PLATFORM, *_flags(self.target)]
        _call(
            [*command, "-Wl,--gc-sections", *objects, self.kernels, "-lm", "-o", program],
            self.folder,
        )
        return program

    @cached_property
    def simulator(self) -> Path:
        """The program that runs programs."""
        path = self.folder / f"run-{self.mcu}"
        _call(["gcc", "-O2", PROGRAMS / "run.c", "-lsimavr", "-lelf", "-o", path], self.folder)
        return path

    def run(self, program: Path, stdin: bytes) -> Ran:
        """Run ``program`` to its end."""
        done = subprocess.run(
            [self.simulator, self.mcu, program], input=stdin, capture_output=True, timeout=SECONDS
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
        marks = [line.split() for line in done.stderr.decode().splitlines()]
        return Ran(done.stdout, tuple((int(value), int(cycle)) for value, cycle in marks))
