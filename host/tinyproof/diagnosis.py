"""What boards print when they start or die, and what it means: a table; what to show of it. Pure.

ESP32's words are those of its ROM and of ESP-IDF's panic handler, ESP8266's of its ROM and Arduino
core, AVR's cause of reset comes as a number in the ``started`` event.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tinyproof.protocol import StartCause


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a board's text means.

    Attributes:
        what: a clause such as ``its watchdog expired (TG1WDT_SYS_RESET)``.
        advice: the next step, one sentence; empty if nothing is wrong.
    """

    what: str
    advice: str = ""


_WATCHDOG = "Something blocks for too long: one inference, or the loop; feed the watchdog."
_POWER = "Give the board more current: another cable, another port, a powered hub."
_CRASH = "Decode the backtrace with the firmware's ELF file; suspect the stack and the arena."
_STACK = "Give the task a larger stack."
_FLASH = "Flash the board: tinyproof flash; check the flash size and the board in platformio.ini."
_BOOT_PIN = "Release the boot button (GPIO0 high) and reset the board."

_PATTERNS: tuple[tuple[str, str, str], ...] = (
    # The words of a crash come before those of the reset that follows it.
    (r"Guru Meditation Error: Core +\d+ panic'ed \(([^)]{1,60})\)", "it crashed ({})", _CRASH),
    (r"\*\*\*ERROR\*\*\* A stack overflow in task (\w{1,20})",
     "task {}'s stack overflowed", _STACK),
    (r"Stack smashing protect failure", "its stack was smashed", _STACK),
    (r"Debug exception reason: Stack canary watchpoint triggered \(([^)]{1,20})\)",
     "task {}'s stack overflowed", _STACK),
    (r"CORRUPT HEAP", "its heap was overwritten", _CRASH),
    (r"Task watchdog got triggered", "its task watchdog expired", _WATCHDOG),
    (r"Interrupt wdt timeout on CPU ?\d", "its interrupt watchdog expired", _WATCHDOG),
    (r"Brownout detector was triggered", "its supply voltage broke down", _POWER),
    (r"abort\(\) was called at PC (0x[0-9a-f]{1,8})", "it called abort() at {}", _CRASH),
    (r"assert failed: ([^\n]{1,80})", "an assertion failed: {}", _CRASH),
    (r"Soft WDT reset", "its software watchdog expired", _WATCHDOG),
    (r"Exception \((\d{1,2})\)", "it crashed (exception {})", _CRASH),
    (r"invalid header: (0x[0-9a-f]{8})", "there is no firmware in its flash ({})", _FLASH),
    (r"No bootable app partitions|flash read err|ets_main\.c \d+", "it finds no firmware", _FLASH),
    (r"waiting for download|DOWNLOAD(?:_BOOT|\()", "it waits for an upload", _BOOT_PIN),
    (r"MbedOS Fault Handler|HardFault|ZEPHYR FATAL ERROR", "it crashed (fault handler)", _CRASH),
    (r"\*\*\* stack smashing detected \*\*\*", "its stack was smashed", _STACK),
    # ESP32's reset reasons: rst:0x8 (TG1WDT_SYS_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)
    (r"rst:0x[0-9a-f]{1,2} \((\w*WDT\w*|\w*WATCHDOG\w*)\)", "its watchdog expired ({})", _WATCHDOG),
    (r"rst:0x[0-9a-f]{1,2} \((\w*BROWN_?OUT\w*)\)", "its supply voltage broke down ({})", _POWER),
    (r"rst:0x[0-9a-f]{1,2} \((POWERON_RESET|POWERON)\)", "it was switched on or reset ({})", ""),
    (r"rst:0x[0-9a-f]{1,2} \((\w*DEEPSLEEP\w*)\)", "it woke from deep sleep ({})", ""),
    (r"rst:0x[0-9a-f]{1,2} \((SW_\w*|RTC_SW\w*|SW)\)", "its software restarted it ({})", ""),
    (r"rst:0x[0-9a-f]{1,2} \((\w{1,40})\)", "it was reset ({})", ""),
    # ESP8266's: ets Jan  8 2013,rst cause:4, boot mode:(3,6)
    (r"rst cause:4", "its watchdog expired", _WATCHDOG),
    (r"rst cause:1\b", "it was switched on", ""),
    (r"rst cause:2", "it was reset", ""),
)  # fmt: skip
_TABLE = tuple((re.compile(pattern), what, advice) for pattern, what, advice in _PATTERNS)

_LINE_END = r"\n"  # as printable text shows it

STARTS: dict[StartCause, Diagnosis] = {
    StartCause.UNKNOWN: Diagnosis("started"),
    StartCause.POWER_ON: Diagnosis("switched on"),
    StartCause.EXTERNAL: Diagnosis("reset by its pin"),
    StartCause.WATCHDOG: Diagnosis("reset by its watchdog", _WATCHDOG),
    StartCause.BROWN_OUT: Diagnosis("reset by low voltage", _POWER),
    StartCause.SOFTWARE: Diagnosis("restarted by its software"),
    StartCause.PANIC: Diagnosis("restarted after a crash", _CRASH),
}
"""What the cause in a ``started`` event means; AVR's from MCUSR, ESP32's from its reset reason."""


def diagnose(text: str) -> Diagnosis | None:
    """Return what a board's text means, of several things the gravest; None if it says nothing."""
    for pattern, what, advice in _TABLE:
        found = pattern.search(text)
        if found:
            return Diagnosis(what.format(*found.groups()), advice)
    return None


def excerpt(text: str, size: int) -> str:
    """Return at most ``size`` characters of a board's printable text, from a line's beginning.

    They begin where it tells what is wrong; where it does not, they are the last ones.
    """
    at = _trouble_at(text)
    if at is None:
        start = max(0, len(text) - size)
        line = text.find(_LINE_END, start - len(_LINE_END)) if start > 0 else -1
        shown = text[line + len(_LINE_END) :] if line >= 0 else ""
        return shown or text[start:]
    line = text.rfind(_LINE_END, max(0, at - size // 2), at)
    start = line + len(_LINE_END) if line >= 0 else max(0, at - size // 2)
    return text[start : start + size]


def _trouble_at(text: str) -> int | None:
    """Return where the words begin that ``diagnose`` has an advice for; None if there are none."""
    found = next(((m, advice) for p, _, advice in _TABLE if (m := p.search(text))), None)
    return found[0].start() if found and found[1] else None


def is_legible(raw: bytes, zeros: int) -> bool:
    """Whether what a board sent, and ``zeros`` zero bytes beside it, can have been meant as text.

    A line read at a wrong speed gives mostly zeros and bytes with the high bit set.
    """
    letters = sum(c.isprintable() or c.isspace() for c in raw.decode("utf-8", "surrogateescape"))
    return 2 * letters > len(raw) + zeros
