"""Which compiler builds for this machine, and what identifies a toolchain."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

from tinyproof.errors import ToolchainError

_PAIRS = (("gcc", "g++"), ("clang", "clang++"), ("cc", "c++"))


def host_compilers() -> dict[str, str]:
    """Return ``CC`` and ``CXX``: the environment's, else GCC's, else Clang's; empty if none."""
    named = {name: os.environ[name] for name in ("CC", "CXX") if os.environ.get(name)}
    for cc, cxx in _PAIRS:
        if shutil.which(cc) and shutil.which(cxx):
            return {"CC": cc, "CXX": cxx} | named
    return named if len(named) == 2 else {}


def check_host_compilers() -> None:
    """Check that there is a C and a C++ compiler for this machine.

    Raises:
        ToolchainError: there is none, or CC or CXX names something that is not there.
    """
    compilers = host_compilers()
    for variable, command in compilers.items():
        if shutil.which(command.split()[0]) is None:
            raise ToolchainError(
                f"{variable} names {command}, which is not installed.", hint=f"unset {variable}"
            )
    if not compilers:
        raise ToolchainError(
            "There is no C++ compiler on this machine.", hint="sudo apt-get install g++"
        )


@functools.cache
def compiler_version(command: str) -> str:
    """Return the first line of a compiler's ``--version``.

    Raises:
        ToolchainError: it does not run.
    """
    try:
        done = subprocess.run(
            [*command.split(), "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolchainError(
            f"{command} does not run: {error}.", hint="Install it again."
        ) from error
    return done.stdout.splitlines()[0] if done.stdout else command


def identity(core_versions: dict[str, dict[str, str]], platform: str) -> str:
    """Return, in one text, every version that decides what ``platform`` makes of the same sources.

    Args:
        core_versions: what is installed, see ``Core.installed``.
        platform: PlatformIO's name of the platform.

    Raises:
        ToolchainError: the compiler does not run.
    """
    version = core_versions["platforms"].get(platform, "none")
    lines = [f"platform {platform} {version}"]
    if platform == "native":
        lines += [f"{name} {compiler_version(path)}" for name, path in host_compilers().items()]
    else:
        lines += [f"{name} {version}" for name, version in core_versions["packages"].items()]
    return "\n".join(lines)
