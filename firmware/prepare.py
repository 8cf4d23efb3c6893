"""PlatformIO pre-script of every target: links the engine, makes warnings errors where tested."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from platformio.package.manager.library import LibraryPackageManager

Import("env")  # type: ignore[name-defined]  # noqa: F821  SCons gives scripts their names this way.
env: Any = env  # type: ignore[name-defined]  # noqa: F821

WARNINGS = ("-Wall", "-Wextra", "-Werror")
FIRMWARE = Path(env.subst("$PROJECT_SRC_DIR")).parent
TARGET = env["PIOENV"]


def stop(sentence: str) -> None:
    """End the build with one sentence on stderr."""
    sys.stderr.write(f"Error: {sentence}\n")
    env.Exit(1)


def chosen_engine() -> str:
    """Return TINYPROOF_ENGINE, else the first engine of the target."""
    engines = [name.strip() for name in env.GetProjectOption("custom_tp_engines").split(",")]
    engine = os.environ.get("TINYPROOF_ENGINE") or engines[0]
    if engine not in engines:
        stop(f"{TARGET} has no engine {engine}; it has {', '.join(engines)}.")
    return engine


def baud() -> str:
    """Return TINYPROOF_BAUD, else the target's own speed of the serial port, bits per second."""
    own = env.GetProjectOption("custom_tp_baud", "115200")
    return os.environ.get("TINYPROOF_BAUD") or str(own)


def outside_libraries(engine: str) -> list[str]:
    """Install the libraries that the target names for an engine alone, and return their specs.

    lib_deps itself would have PlatformIO fetch them for every engine.
    """
    named = str(env.GetProjectOption(f"custom_tp_lib_deps_{engine}", ""))
    specs = [line.strip() for line in named.splitlines() if line.strip()]
    storage = LibraryPackageManager(env.subst("$PROJECT_LIBDEPS_DIR/$PIOENV"))
    storage.set_log_level(logging.WARNING)
    for spec in specs:
        if spec == "symlink://":
            stop(f"{TARGET} takes {engine} from a PlatformIO library; name it in TINYPROOF_TFLM.")
        storage.install(spec)
    return specs


def link_libraries(engine: str) -> None:
    """Add the engine's libraries to the target's own, and keep every other engine out."""
    config = env.GetProjectConfig()
    section = f"env:{TARGET}"
    wanted = [*config.get(section, "lib_deps", []), f"engine_{engine}"]
    for name in wanted:
        # A library that is not in the tree would be looked for in the registry.
        if not (FIRMWARE / "lib" / name / "library.json").is_file():
            stop(f"firmware/lib/{name} is missing.")
    others = {path.name for path in (FIRMWARE / "lib").glob("engine_*")} - set(wanted)
    config.set(section, "lib_deps", [*wanted, *outside_libraries(engine)])
    config.set(section, "lib_ignore", [*config.get(section, "lib_ignore", []), *sorted(others)])


def strict(env: Any, node: Any) -> Any:
    """Compile one of our own sources: warnings are errors there, and only there."""
    return env.Object(node, CCFLAGS=[*env["CCFLAGS"], *WARNINGS])


def fetch_images() -> None:
    """Copy what TINYPROOF_IMAGES holds into this build folder: to be uploaded, not built again."""
    folder = os.environ.get("TINYPROOF_IMAGES")
    place = Path(env.subst("$BUILD_DIR"))
    for path in sorted(Path(folder).iterdir()) if folder else ():
        if path.is_file() and path.name[0] != ".":
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, place)


def main() -> None:
    """Configure the environment before the platform's own script runs."""
    fetch_images()
    include = Path(env.subst("$PROJECT_INCLUDE_DIR"))
    if not (include / "model.h").is_file():
        stop(f"{include / 'model.h'} is missing. Write it: tinyproof generate MODEL.tflite")
    engine = chosen_engine()
    link_libraries(engine)
    if engine == "tflm":
        # How TFLM lays out its structs on boards; engine and library must agree.
        env.Append(CPPDEFINES=["TF_LITE_STATIC_MEMORY"])
    # TinyProof's builds bring an include folder of their own; its model.h must come first.
    env.Append(
        CPPPATH=[str(include), str(FIRMWARE / "include")],
        CPPDEFINES=[("TP_TARGET_NAME", env.StringifyMacro(TARGET)), ("TP_BAUD", f"{baud()}UL")],
    )
    # Where compilers are known: a user's newer one may warn of more, which is no fault of theirs.
    if env.GetProjectOption("custom_tp_simulator", ""):
        env.AddBuildMiddleware(strict, f"{FIRMWARE}{os.sep}*")


main()
