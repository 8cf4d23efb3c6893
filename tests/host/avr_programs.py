"""Compiles the AVR test programs of tests/firmware/avr, with and without the Arduino core."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tools import require_file, require_tool

PROGRAMS = Path(__file__).resolve().parents[1] / "firmware" / "avr"
ARDUINO = Path("/usr/share/arduino/hardware/arduino/avr")
FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
INCLUDES = ("include", "lib/wire/include", "lib/port_arduino/src")
VARIANTS = {"atmega328p": "standard", "atmega2560": "mega"}


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)


def build(folder: Path, name: str, *, mcu: str = "atmega328p", baud: int = 115_200) -> Path:
    """Return the ELF file of ``tests/firmware/avr/NAME.c`` built in ``folder``."""
    image = folder / f"{name}-{mcu}-{baud}.elf"
    flags = ["-Os", "-std=gnu11", "-Wall", "-Wextra", "-Werror", f"-mmcu={mcu}"]
    flags += ["-DF_CPU=16000000UL", f"-DBAUD={baud}UL"]
    flags += [f"-I{FIRMWARE / include}" for include in INCLUDES]
    run(require_tool("avr-gcc"), *flags, str(PROGRAMS / f"{name}.c"), "-o", str(image))
    return image


def build_sketch(folder: Path) -> Path:
    """Return the ELF file of the Arduino sketch, for the Uno."""
    core = require_file(ARDUINO / "cores" / "arduino")
    image = folder / "sketch.elf"
    flags = ["-Os", "-w", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"]
    flags += ["-mmcu=atmega328p", "-DF_CPU=16000000L", "-DARDUINO=10819", "-DARDUINO_ARCH_AVR"]
    flags += ["-DDECIMAL_DIG=__DECIMAL_DIG__", "-fno-threadsafe-statics", "-fpermissive"]
    flags += [f"-I{core}", f"-I{ARDUINO / 'variants' / 'standard'}", "-std=gnu++11"]
    parts = [
        "main",
        "HardwareSerial",
        "HardwareSerial0",
        "Print",
        "Stream",
        "WString",
        "abi",
        "new",
    ]
    sources = [str(core / f"{part}.cpp") for part in parts]
    hooks = [str(core / "wiring.c"), str(core / "hooks.c")]
    objects = []
    for source in hooks:
        objects.append(str(folder / f"{Path(source).stem}.o"))
        c_flags = [flag for flag in flags if "++" not in flag and "threadsafe" not in flag]
        c_flags.remove("-fpermissive")
        run(require_tool("avr-gcc"), "-c", *c_flags, source, "-o", objects[-1])
    sketch = str(PROGRAMS / "sketch.cpp")
    run(require_tool("avr-g++"), *flags, sketch, *sources, *objects, "-o", str(image))
    return image


def to_hex(image: Path) -> Path:
    """Return the ELF file as Intel HEX, as flashers want it."""
    path = image.with_suffix(".hex")
    run(require_tool("avr-objcopy"), "-O", "ihex", "-R", ".eeprom", str(image), str(path))
    return path
