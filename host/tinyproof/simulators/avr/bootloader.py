"""The boards' own bootloaders, built from the sources that Debian's ``arduino-core-avr`` brings.

Its ready-made optiboot for the ATmega328P is broken (532 bytes linked into a section of 512: the
application ends in an endless watchdog reset), so it is built again, with flags that make it fit.
The Mega's ``stk500boot_v2_mega2560.hex`` works, and is built as well, for the choice of speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinyproof.errors import ToolchainError, UsageError
from tinyproof.simulators.avr.compiled import cached, digest, output_of, tool

SOURCES = Path("/usr/share/arduino/hardware/arduino/avr/bootloaders")
INSTALL = "sudo apt-get install gcc-avr avr-libc arduino-core-avr"
STOCK_BAUD = 115_200


@dataclass(frozen=True)
class Recipe:
    """How one bootloader is built.

    Attributes:
        source: the C file, below the bootloaders' folder.
        start: byte address at which it begins, where the chip's BOOTRST fuse points.
        size: bytes it may take.
        baud_macro: the macro that sets its speed.
        flags: for the compiler, the linker's included.
    """

    source: str
    start: int
    size: int
    baud_macro: str
    flags: tuple[str, ...]


RECIPES = {
    "atmega328p": Recipe(
        source="optiboot/optiboot.c",
        start=0x7E00,
        size=512,
        baud_macro="BAUD_RATE",
        # As in optiboot's own Makefile; with gcc 5.4 and -mrelax it takes 502 bytes.
        flags=(
            *("-Os", "-fno-split-wide-types", "-mrelax", "-fno-inline-small-functions"),
            *("-fno-tree-scev-cprop", "-fno-move-loop-invariants", "-fno-tree-ter"),
            *("-mcall-prologues", "-DLED_START_FLASHES=3", "-nostartfiles", "-nostdlib"),
            *("-Wl,--section-start=.version=0x7ffe", "-Wl,--relax"),
        ),
    ),
    "atmega2560": Recipe(
        source="stk500v2/stk500boot.c",
        start=0x3E000,
        size=8192,
        baud_macro="BAUDRATE",
        # As in stk500v2's own Makefile, target mega2560.
        flags=(
            *("-Os", "-std=gnu99", "-funsigned-char", "-funsigned-bitfields", "-fpack-struct"),
            *("-fshort-enums", "-fno-jump-tables", "-D_MEGA_BOARD_"),
        ),
    ),
}


def bootloader(mcu: str, *, clock_hz: int = 16_000_000, baud: int = STOCK_BAUD) -> Path:
    """Return the bootloader of ``mcu`` as an Intel HEX file; builds it the first time.

    Args:
        mcu: ``atmega328p`` (optiboot) or ``atmega2560`` (stk500v2).
        clock_hz: the chip's clock, Hz.
        baud: the bootloader's speed, bits per second; real boards have 115,200.

    Raises:
        UsageError: no bootloader is known for this chip.
        ToolchainError: avr-gcc or the sources are missing, or it does not compile or fit.
        StorageError: the cache is not writable.
    """
    recipe = RECIPES.get(mcu)
    if recipe is None:
        raise UsageError(
            f"There is no bootloader for {mcu}.", hint=f"Known: {', '.join(sorted(RECIPES))}."
        )
    compiler = tool("avr-gcc", install=INSTALL)
    folder = (SOURCES / recipe.source).parent
    if not (SOURCES / recipe.source).is_file():
        raise ToolchainError(
            f"The bootloader's source {SOURCES / recipe.source} is missing.",
            hint=f"Install it: {INSTALL}",
        )
    version = output_of([compiler, "--version"], doing="Running avr-gcc", install=INSTALL)
    parts = [path.read_bytes() for path in sorted(folder.glob("*.[ch]"))]
    key = digest(version, repr(recipe), mcu, str(clock_hz), str(baud), *parts)
    flags = (f"-mmcu={mcu}", f"-DF_CPU={clock_hz}UL", f"-D{recipe.baud_macro}={baud}UL")
    return cached(f"{mcu}-{baud}.hex", key, lambda draft: _build(recipe, [compiler, *flags], draft))


def _build(recipe: Recipe, compiler: list[str], draft: Path) -> None:
    image = draft.with_suffix(".elf")
    start = f"-Wl,--section-start=.text={recipe.start:#x}"
    source = str(SOURCES / recipe.source)
    command = [*compiler, "-w", *recipe.flags, start, source, "-o", str(image)]
    output_of(command, doing="Compiling the bootloader", install=INSTALL)
    copy = ["avr-objcopy", "-O", "ihex", "-R", ".eeprom", "--set-section-flags"]
    copy += [".version=alloc,load", str(image), str(draft)]
    output_of(copy, doing="Extracting the bootloader", install=INSTALL)
    _check_size(recipe, image)


def _check_size(recipe: Recipe, image: Path) -> None:
    text = output_of(["avr-size", str(image)], doing="Measuring the bootloader", install=INSTALL)
    size = sum(int(field) for field in text.split(b"\n")[1].split()[:2])
    if size > recipe.size:
        raise ToolchainError(
            f"The bootloader {recipe.source} takes {size} bytes, there is room for {recipe.size}.",
            hint="Use Debian's gcc-avr 5.4, or give a bootloader of your own as a HEX file.",
        )
