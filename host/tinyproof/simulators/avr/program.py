"""The simulator's own program, compiled on demand from the C sources in this package."""

from __future__ import annotations

from pathlib import Path

from tinyproof.simulators.avr.compiled import cached, digest, output_of, tool

SOURCES = Path(__file__).resolve().parent / "src"
INSTALL = "sudo apt-get install gcc libc6-dev libsimavr-dev"
FLAGS = (
    *("-std=c11", "-D_GNU_SOURCE", "-O2"),
    *("-Wall", "-Wextra", "-Wconversion", "-Werror"),
    # Where Debian puts libsimavr's headers; their warnings are not ours to mend.
    *("-isystem", "/usr/include/simavr"),
)


def simulator_program() -> Path:
    """Return the path of the simulator's executable; compiles it (2 s) the first time.

    The key covers the sources, the flags, the compiler and libsimavr's headers, so that an update
    of any of them compiles anew.

    Raises:
        ToolchainError: compiler or libsimavr missing, or they do not fit; says what to install.
        StorageError: the cache is not writable.
    """
    compiler = tool("cc", install=INSTALL)
    sources = sorted(SOURCES.glob("*.[ch]"))
    parts = [source.name.encode() + b"\0" + source.read_bytes() for source in sources]
    key = digest(*parts, *FLAGS, _versions(compiler))

    def make(draft: Path) -> None:
        programs = [str(source) for source in sources if source.suffix == ".c"]
        command = [compiler, *FLAGS, *programs, "-lsimavr", "-o", str(draft)]
        output_of(command, doing="Compiling the AVR simulator", install=INSTALL)

    return cached("avr-simulator", key, make)


def _versions(compiler: str) -> bytes:
    """Return text that changes with the compiler's version and with libsimavr's headers."""
    command = [compiler, *FLAGS, "-E", "-P", "-include", "sim_avr.h", "-x", "c", "/dev/null"]
    headers = output_of(command, doing="Reading libsimavr's headers", install=INSTALL)
    version = [compiler, "--version"]
    return headers + output_of(version, doing="Asking the compiler's version", install=INSTALL)
