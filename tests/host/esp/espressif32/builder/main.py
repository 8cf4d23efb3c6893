"""SCons script of the tests' stand-in for PlatformIO's ``espressif32`` platform.

The firmware is TinyProof's own over a port that does nothing. For the C3 it is real RISC-V code at
the C3's addresses. For ESP32 and S3 it is compiled for the ESP8266's Xtensa core, the only one that
Debian has a compiler for, with C library calls left unresolved: the container, segments and
addresses are those of the chip, the code would not run on it. Images come from esptool's
elf2image. ``upload`` calls esptool with the arguments of the real platform.
"""

import os

from SCons.Script import (
    COMMAND_LINE_TARGETS,
    AlwaysBuild,
    Builder,
    Default,
    DefaultEnvironment,
)

PICOLIBC = "/usr/lib/picolibc/riscv64-unknown-elf/include"
SCRIPT = """ENTRY(main)
MEMORY {{
  drom : ORIGIN = {drom} + 0x20, LENGTH = 0x3f0000
  irom : ORIGIN = {irom} + 0x20, LENGTH = 0x3f0000
  dram : ORIGIN = {dram}, LENGTH = 0x30000
}}
SECTIONS {{
  .flash.rodata : {{ *(.rodata .rodata.* .srodata .srodata.*) }} > drom
  .flash.text {text} : {{ *(.literal .literal.* .text .text.*) }} > irom
  .dram0.data : {{ *(.data .data.* .sdata .sdata.*) }} > dram
  .dram0.bss (NOLOAD) : {{ *(.bss .bss.* .sbss .sbss.* COMMON) }} > dram
  /DISCARD/ : {{ *(.eh_frame*) *(.xtensa.info) *(.init*) *(.fini*) *(.ctors*) *(.dtors*) }}
}}
"""
MEMORY = {
    "esp32": ("0x3f400000", "0x400d0000", "0x3ffb0000"),
    "esp32s3": ("0x3c000000", "0x42000000", "0x3fc88000"),
    "esp32c3": ("0x3c000000", "0x42000000", "0x3fc80000"),
}

env = DefaultEnvironment()
board = env.BoardConfig()
mcu = board.get("build.mcu")
riscv = mcu == "esp32c3"
prefix = "riscv64-unknown-elf-" if riscv else "xtensa-lx106-elf-"
machine = ["-march=rv32imc", "-mabi=ilp32"] if riscv else ["-mlongcalls"]

script = os.path.join(env.subst("$BUILD_DIR"), "memory.ld")
os.makedirs(env.subst("$BUILD_DIR"), exist_ok=True)
drom, irom, dram = MEMORY[mcu]
# On RISC-V both windows begin at 0x42000000 and share pages: text comes 64 KiB further up.
with open(script, "w", encoding="ascii") as file:
    file.write(SCRIPT.format(drom=drom, irom=irom, dram=dram, text=f"({irom} + 0x10020)"))

env.Replace(
    AR=f"{prefix}ar",
    AS=f"{prefix}as",
    CC=f"{prefix}gcc",
    CXX=f"{prefix}g++",
    LINK=f"{prefix}g++",
    RANLIB=f"{prefix}ranlib",
    SIZETOOL=f"{prefix}size",
    ARFLAGS=["rcs"],
    PROGNAME="firmware",
    PROGSUFFIX=".elf",
)
env.Append(
    CPPPATH=[PICOLIBC],
    CCFLAGS=["-ffunction-sections", "-fdata-sections", "-ffreestanding", *machine],
    CXXFLAGS=["-fno-exceptions", "-fno-rtti"],
    LINKFLAGS=[
        *machine,
        "-nostdlib",
        "-Wl,--gc-sections",
        "-Wl,--unresolved-symbols=ignore-all",
        f"-T{script}",
    ],
    BUILDERS={
        "Image": Builder(
            action=env.VerboseAction(
                f'"$PYTHONEXE" -m esptool --chip {mcu} elf2image --flash-mode dio '
                "--flash-freq 40m --flash-size 4MB -o $TARGET $SOURCE",
                "Building $TARGET",
            ),
            suffix=".bin",
        )
    },
)

if "nobuild" in COMMAND_LINE_TARGETS:
    # As the real one: the framework's script, which names the further images, does not run.
    image = "$BUILD_DIR/firmware.bin"
else:
    image = env.Image("$BUILD_DIR/firmware", env.BuildProgram())

# PlatformIO's espressif32 6.13.0, with its tool-esptoolpy in place of the module.
env.Replace(
    UPLOADERFLAGS=[
        *("--chip", mcu, "--port", '"$UPLOAD_PORT"', "--baud", "$UPLOAD_SPEED"),
        *("--before", "default_reset", "--after", "hard_reset"),
        *("write_flash", "-z", "--flash_mode", "dio", "--flash_freq", "40m"),
        *("--flash_size", "detect"),
    ],
    UPLOADCMD='"$PYTHONEXE" -m esptool $UPLOADERFLAGS 0x10000 $SOURCE',
)
for address, path in env.get("FLASH_EXTRA_IMAGES", []):
    env.Append(UPLOADERFLAGS=[address, path])

AlwaysBuild(env.Alias("nobuild", image))
AlwaysBuild(env.Alias("buildprog", image, image))
env.AddPlatformTarget(
    "upload",
    image,
    [
        env.VerboseAction(env.AutodetectUploadPort, "Looking for upload port..."),
        env.VerboseAction("$UPLOADCMD", "Uploading $SOURCE"),
    ],
    "Upload",
)
Default([image])
