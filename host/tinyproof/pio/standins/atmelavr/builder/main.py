"""SCons script of the stand-in for PlatformIO's ``atmelavr`` platform.

Target ``size`` prints sizes, ``upload`` flashes with avrdude, as PlatformIO's users know them.
"""

from __future__ import annotations

import sys
from typing import Any

from SCons.Script import (
    COMMAND_LINE_TARGETS,
    AlwaysBuild,
    Builder,
    Default,
    DefaultEnvironment,
)
from serial import SerialException

env = DefaultEnvironment()
board = env.BoardConfig()


def reset_board(source: list[Any], target: list[Any], env: Any) -> None:
    """Pulse DTR and RTS, which resets a real board; a pseudo-terminal has no such lines."""
    del source, target
    if env.BoardConfig().get("upload.disable_flushing", False):
        return
    try:
        env.FlushSerialBuffer("$UPLOAD_PORT")
    except (OSError, SerialException) as error:
        sys.stderr.write(f"No reset through {env.subst('$UPLOAD_PORT')}: {error}\n")


def find_port(source: list[Any], target: list[Any], env: Any) -> None:
    """Look for the board's port, unless one was given."""
    del source, target
    env.AutodetectUploadPort()


env.Replace(
    AR="avr-gcc-ar",
    AS="avr-as",
    CC="avr-gcc",
    CXX="avr-g++",
    LINK="avr-g++",
    OBJCOPY="avr-objcopy",
    RANLIB="avr-gcc-ranlib",
    SIZETOOL="avr-size",
    ARFLAGS=["rcs"],
    PROGSUFFIX=".elf",
    # PlatformIO checks against the board's limits what these two add up to.
    SIZEPROGREGEXP=r"^(?:\.text|\.data|\.bootloader)\s+(\d+).*",
    SIZEDATAREGEXP=r"^(?:\.data|\.bss|\.noinit)\s+(\d+).*",
    SIZECHECKCMD="$SIZETOOL -A -d $SOURCES",
    SIZEPRINTCMD="$SIZETOOL -A -d $SOURCES",
)
if env.get("PROGNAME", "program") == "program":
    env.Replace(PROGNAME="firmware")

machine = ["-mmcu=$BOARD_MCU"]
env.Append(
    ASFLAGS=machine,
    ASPPFLAGS=["-x", "assembler-with-cpp"],
    CFLAGS=["-std=gnu11", "-fno-fat-lto-objects"],
    CCFLAGS=["-Os", "-Wall", "-ffunction-sections", "-fdata-sections", "-flto", *machine],
    CXXFLAGS=["-std=gnu++11", "-fpermissive", "-fno-exceptions", "-fno-threadsafe-statics"],
    CPPDEFINES=[("F_CPU", "$BOARD_F_CPU")],
    LINKFLAGS=["-Os", "-flto", "-fuse-linker-plugin", "-Wl,--gc-sections", *machine],
    LIBS=["m"],
    BUILDERS={
        "IntelHex": Builder(
            action=env.VerboseAction(
                "$OBJCOPY -O ihex -R .eeprom $SOURCES $TARGET", "Building $TARGET"
            ),
            suffix=".hex",
        )
    },
)

if "nobuild" in COMMAND_LINE_TARGETS:
    elf = "$BUILD_DIR/${PROGNAME}.elf"
    image = "$BUILD_DIR/${PROGNAME}.hex"
else:
    elf = env.BuildProgram()
    image = env.IntelHex("$BUILD_DIR/${PROGNAME}", elf)
    env.Depends(image, "checkprogsize")

env.Replace(
    UPLOADER="avrdude",
    UPLOADERFLAGS=["-p", "$BOARD_MCU", "-c", "$UPLOAD_PROTOCOL", "-b", "$UPLOAD_SPEED"],
    UPLOADCMD='$UPLOADER $UPLOADERFLAGS -P "$UPLOAD_PORT" -D -U flash:w:$SOURCE:i',
)

AlwaysBuild(env.Alias("nobuild", image))
AlwaysBuild(env.Alias("buildprog", image, image))
env.AddPlatformTarget(
    "size", elf, env.VerboseAction("$SIZEPRINTCMD", "Sizes of $SOURCE"), "Program Size"
)
env.AddPlatformTarget(
    "upload",
    image,
    [
        env.VerboseAction(find_port, "Looking for upload port..."),
        env.VerboseAction(reset_board, "Resetting the board..."),
        env.VerboseAction("$UPLOADCMD", "Uploading $SOURCE"),
    ],
    "Upload",
)
Default([elf, image])
