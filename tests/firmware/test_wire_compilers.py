"""lib/wire compiles without a warning for every processor family, and fits the smallest."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from compiling import FIRMWARE, INCLUDES, WARNINGS, WIRE_SOURCES

from tools import require_tool

COMPILERS = {
    "avr-gcc": ("-mmcu=atmega328p", "-Os"),
    "arm-none-eabi-gcc": ("-mcpu=cortex-m0", "-mthumb", "-Os"),
    "riscv64-unknown-elf-gcc": ("-march=rv32imc", "-mabi=ilp32", "-Os", "-ffreestanding"),
    "xtensa-lx106-elf-gcc": ("-Os", "-ffreestanding"),
}
UNO = ("-DTP_MAX_FRAME=200", "-DTP_RX_WINDOW=255")
UNO_RAM = 320
"""Bytes of RAM that the conversation may take on a board with 2 KiB."""


@pytest.mark.parametrize("compiler", list(COMPILERS))
@pytest.mark.parametrize("source", WIRE_SOURCES, ids=lambda path: path.stem)
def test_it_compiles_without_a_warning(compiler: str, source: Path, tmp_path: Path) -> None:
    command = [require_tool(compiler), *COMPILERS[compiler], *WARNINGS, *UNO, *INCLUDES]
    done = subprocess.run(
        [*command, "-c", str(source), "-o", str(tmp_path / "x.o")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_main_program_is_cpp_of_2011(tmp_path: Path) -> None:
    command = [require_tool("g++"), "-std=gnu++11", "-Wall", "-Wextra", "-Werror", *INCLUDES]
    source = str(FIRMWARE / "src" / "main.cpp")
    done = subprocess.run(
        [*command, "-c", source, "-o", str(tmp_path / "x.o")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_conversation_fits_a_board_with_2_kib(tmp_path: Path) -> None:
    source = tmp_path / "size.c"
    source.write_text('#include "tp_wire.h"\ntp_wire_t wire;\n')
    flags = ("-mmcu=atmega328p", "-fno-common", "-c", *UNO, *INCLUDES)
    command = [require_tool("avr-gcc"), *flags, str(source), "-o", str(tmp_path / "size.o")]
    subprocess.run(command, check=True)
    done = subprocess.run(
        [require_tool("avr-nm"), "-S", str(tmp_path / "size.o")],
        capture_output=True,
        text=True,
        check=True,
    )
    size = next(int(line.split()[1], 16) for line in done.stdout.splitlines() if " B wire" in line)
    assert 200 < size <= UNO_RAM


ARDUINO = Path("/usr/share/arduino/hardware/arduino/avr")
"""Debian's arduino-core-avr."""
ARDUINO_PORT = sorted((FIRMWARE / "lib" / "port_arduino" / "src").glob("*.cpp"))


@pytest.mark.parametrize("mcu", ["atmega328p", "atmega2560"])
@pytest.mark.parametrize("source", ARDUINO_PORT, ids=lambda path: path.stem)
def test_the_arduino_port_compiles_without_a_warning(
    source: Path, mcu: str, tmp_path: Path
) -> None:
    variant = {"atmega328p": "standard", "atmega2560": "mega"}[mcu]
    command = [require_tool("avr-g++"), f"-mmcu={mcu}", "-Os", "-std=gnu++11", "-Wall", "-Wextra"]
    command += ["-Werror", "-DF_CPU=16000000L", "-DARDUINO=10819", "-DSERIAL_RX_BUFFER_SIZE=256"]
    command += [*INCLUDES, f"-I{ARDUINO}/cores/arduino"]
    command += [f"-I{ARDUINO}/variants/{variant}"]
    done = subprocess.run(
        [*command, "-c", str(source), "-o", str(tmp_path / "x.o")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
