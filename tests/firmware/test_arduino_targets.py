"""The whole firmware compiles for every board that cannot be built here, against declarations.

The cores of these boards are in PlatformIO's registry only. ``arduino_declarations`` says what the
port uses of them; the compilers are Debian's, for the same processors. Objects only: nothing links,
nothing runs.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from compiling import FIRMWARE, ROOT

from tinyproof.codegen import generate
from tinyproof.project import Project
from tinyproof.targets import Target, load_targets
from tools import require_tool

DECLARATIONS = Path(__file__).parent / "arduino_declarations"
PORT_FUNCTIONS = {
    f"tp_port_{name}"
    for name in (
        *("init", "read", "write", "flush", "ticks", "tick_hz", "memory", "poison_stack"),
        *("alive", "reset"),
    )
}
HEAP = ("malloc", "calloc", "realloc", "free", "_Znw", "_Zna", "_Zdl", "String")
OURS = load_targets(Project(ROOT, ROOT / ".tinyproof"))
BOARDS = {name: t for name, t in OURS.items() if not t.simulator}


@dataclass(frozen=True)
class Chip:
    """How PlatformIO compiles for a processor: GNU triplet, core, options, C and C++ standards."""

    triplet: str
    core: str
    options: tuple[str, ...]
    standards: tuple[str, str] = ("gnu11", "gnu++14")


def _arm(core: str, cpu: str, *options: str, cpp: str = "gnu++14") -> Chip:
    return Chip("arm-none-eabi", core, (f"-mcpu={cpu}", "-mthumb", *options), ("gnu11", cpp))


def _esp(triplet: str, *options: str) -> Chip:
    flags = ("-ffreestanding", "-isystem", str(DECLARATIONS / "libc"), "-DARDUINO_ARCH_ESP32")
    return Chip(triplet, "esp32", (*flags, *options), ("gnu99", "gnu++11"))


MBED = ("-DARDUINO_ARCH_MBED", "-funsigned-char", "-mfloat-abi=softfp")
RP2040 = _arm("mbed", "cortex-m0plus", *MBED[:2], "-DDEVICE_RESET_REASON=1")
CHIPS = {
    "esp32": _esp("xtensa-lx106-elf"),
    "esp32s3": _esp("xtensa-lx106-elf"),
    "esp32c3": _esp("riscv64-unknown-elf", "-march=rv32imc", "-mabi=ilp32"),
    "esp32c6": _esp("riscv64-unknown-elf", "-march=rv32imac", "-mabi=ilp32"),
    "nordicnrf52": _arm("mbed", "cortex-m4", *MBED, "-mfpu=fpv4-sp-d16"),
    "raspberrypi": RP2040,
    "ststm32": _arm("mbed", "cortex-m7", *MBED, "-mfpu=fpv5-d16", "-DDEVICE_RESET_REASON=1"),
    "renesas-ra": _arm(
        *("renesas", "cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
        *("-DARDUINO_ARCH_RENESAS", "-fno-builtin"),
        cpp="gnu++17",
    ),
    "teensy": _arm(
        *("teensy", "cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-d16"),
        *("-DTEENSYDUINO=162", "-D__IMXRT1062__"),
        cpp="gnu++17",
    ),
}
"""By esptool's name of the chip, or else by PlatformIO's platform. Debian's only Xtensa compiler is
the ESP8266's, whose processor lacks the ESP32's register windows; the source is the same."""
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
INCLUDES = tuple(
    f"-I{FIRMWARE / part}"
    for part in ("include", "lib/wire/include", "lib/nn/include", "lib/engine_aot/src")
)


def chip(target: Target) -> Chip:
    key = target.esp_chip or target.platform
    assert key in CHIPS, f"{target.name}: CHIPS needs a line for {key!r}."
    return CHIPS[key]


def flags_of(target: Target) -> tuple[str, ...]:
    """Return what prepare.py and target.ini give the compiler."""
    own = tuple(target.options["build_flags"].split())
    return (*own, f'-DTP_TARGET_NAME="{target.name}"', f"-DTP_BAUD={target.baud}UL")


@cache
def compiled(made_for: Chip, flags: tuple[str, ...], sources: tuple[Path, ...], to: Path) -> str:
    """Compile ``sources`` in a folder of its own below ``to``; return nm's listing of the objects.

    Boards that share processor and flags share the kernels' objects.
    """
    folder = to / str(len(list(to.iterdir())))
    folder.mkdir()
    c_std, cpp_std = made_for.standards
    for suffix, compiler, std in ((".c", "gcc", c_std), (".cpp", "g++", cpp_std)):
        files = [str(path) for path in sources if path.suffix == suffix]
        if not files:
            continue
        command = [require_tool(f"{made_for.triplet}-{compiler}"), "-c", f"-std={std}", *WARNINGS]
        command += [*made_for.options, *INCLUDES, f"-I{to}", f"-I{DECLARATIONS / made_for.core}"]
        command += [*(("-fno-exceptions", "-fno-rtti") if suffix == ".cpp" else ()), *flags]
        done = subprocess.run([*command, *files], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    objects = sorted(str(path) for path in folder.glob("*.o"))
    assert len(objects) == len(sources)
    nm = [require_tool(f"{made_for.triplet}-nm"), "--format=posix", *objects]
    return subprocess.run(nm, capture_output=True, text=True, check=True).stdout


def _symbols(listing: str) -> tuple[Counter[str], set[str]]:
    """Return how often each global symbol is defined, and which are missing somewhere."""
    rows = [line.split() for line in listing.splitlines() if not line.endswith(":")]
    defined = Counter(row[0] for row in rows if row[1] in "TDBRC")
    return defined, {row[0] for row in rows if row[1] == "U"}


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the digits' model.h, for the objects."""
    folder = tmp_path_factory.mktemp("objects")
    model = generate((ROOT / "fixtures" / "digits" / "int8.tflite").read_bytes())
    (folder / "model.h").write_text(model.header)
    return folder


@pytest.mark.parametrize("target", BOARDS.values(), ids=BOARDS)
def test_the_whole_firmware_compiles_for_each_board(target: Target, objects: Path) -> None:
    made_for = chip(target)
    kernels = tuple(sorted((FIRMWARE / "lib" / "nn" / "src").glob("*.c")))
    shared = [flag for flag in target.options["build_flags"].split() if flag[:3] in ("-O2", "-ff")]
    assert len(shared) == 2, "optimised, and without contraction"
    rest = [path for name in ("wire", "engine_aot") for path in _library(name)]
    rest += [*_library("port_arduino"), FIRMWARE / "src" / "main.cpp"]
    listing = compiled(made_for, tuple(shared), kernels, objects)
    listing += compiled(made_for, flags_of(target), tuple(rest), objects)
    defined, wanted = _symbols(listing)
    assert {name: defined[name] for name in PORT_FUNCTIONS} == dict.fromkeys(PORT_FUNCTIONS, 1)
    assert not {name for name in wanted if name.startswith("tp_")} - set(defined), "nothing missing"
    assert [name for name, count in defined.items() if count > 1] == []
    assert [name for name in wanted if name.startswith(HEAP) or "String" in name] == []


def _library(name: str) -> list[Path]:
    folder = FIRMWARE / "lib" / name / "src"
    return sorted([*folder.glob("*.c"), *folder.glob("*.cpp")])


def test_a_family_without_a_file_of_its_own_gets_the_common_one(objects: Path) -> None:
    """Any other core: micros() for a clock, and Serial's common calls."""
    cortex = _arm("renesas", "cortex-m3")
    listing = compiled(
        cortex, ("-O2", "-DTP_BAUD=9600UL"), tuple(_library("port_arduino")), objects
    )
    defined, wanted = _symbols(listing)
    assert all(defined[name] == 1 for name in PORT_FUNCTIONS)
    assert "micros" in wanted
