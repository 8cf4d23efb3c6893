"""Sizes from ELF files, equal to those that binutils' size prints."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tinyproof.elf import Sizes, sections, sizes
from tinyproof.errors import BuildError
from tools import require_file, require_tool

SOURCE = """
const char table[1000] = {1};
int counter[50] = {2};
char buffer[700];
__attribute__((section(".noinit"))) char kept[70];
int main(void) { buffer[0] = table[counter[0]]; kept[1] = 1; return buffer[counter[1]]; }
"""
EEPROM = """
#include <avr/eeprom.h>
unsigned char EEMEM saved[40] = {1};
"""


def compile_to(folder: Path, source: str, *command: str) -> Path:
    require_tool(command[0])
    (folder / "a.c").write_text(source)
    program = folder / "a.elf"
    subprocess.run([*command, "-O1", folder / "a.c", "-o", program], check=True)
    return program


def berkeley(tool: str, program: Path) -> Sizes:
    """Return text, data and bss as ``size`` prints them."""
    require_tool(tool)
    done = subprocess.run([tool, program], capture_output=True, text=True, check=True)
    text, data, bss = done.stdout.splitlines()[1].split()[:3]
    return Sizes(int(text), int(data), int(bss))


def test_a_host_program_has_the_sizes_that_size_prints(tmp_path: Path) -> None:
    program = compile_to(tmp_path, SOURCE, "gcc")
    found = sizes(program)
    assert found == berkeley("size", program)
    assert found.flash == found.text + found.data
    assert found.static_ram == found.data + found.bss


@pytest.mark.parametrize("mcu", ["atmega328p", "atmega2560"])
def test_an_avr_program_has_the_sizes_that_size_prints(tmp_path: Path, mcu: str) -> None:
    program = compile_to(tmp_path, SOURCE, "avr-gcc", f"-mmcu={mcu}")
    assert sizes(program) == berkeley("avr-size", program)
    assert sections(program)[".noinit"] == ("bss", 70)
    assert sections(program)[".bss"][1] >= 700


def test_an_arm_program_has_the_sizes_that_size_prints(tmp_path: Path) -> None:
    program = compile_to(tmp_path, SOURCE, "arm-none-eabi-gcc", "--specs=nosys.specs", "-mthumb")
    assert sizes(program) == berkeley("arm-none-eabi-size", program)


def test_eeprom_is_neither_flash_nor_ram(tmp_path: Path) -> None:
    require_file(Path("/usr/lib/avr/include/avr/eeprom.h"))
    without = sizes(compile_to(tmp_path, SOURCE, "avr-gcc", "-mmcu=atmega328p"))
    program = compile_to(tmp_path, SOURCE + EEPROM, "avr-gcc", "-mmcu=atmega328p")
    assert berkeley("avr-size", program).data == without.data + 40
    assert sizes(program) == without


@pytest.mark.parametrize("content", [b"", b"MZ", b"\x7fELF", b"\x7fELF\x02\x01\x01" + bytes(100)])
def test_what_is_no_elf_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "program"
    path.write_bytes(content)
    with pytest.raises(BuildError, match="not a program"):
        sections(path)


def test_a_program_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="not a program"):
        sizes(tmp_path / "absent")
