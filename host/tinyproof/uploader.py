"""What uploaders say: how far they are, and why they failed, in a sentence and a next step. Pure.

Knows avrdude 6 to 8, esptool 4 and 5, bossac, dfu-util, picotool, PJRC's loader, and PlatformIO's
own words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ATTEMPTS = 3
"""How often avrdude may try to reach a bootloader: further attempts take 6 s each."""

_STAGES = (
    (re.compile(r"Uploading |initialized and ready|Connected to"), "connected"),
    (re.compile(r"\b[Ww]riting\b|^Erase|\bErasing\b"), "writing"),
    (re.compile(r"\b[Vv]erif(?:y|ying)\b"), "verifying"),
    (re.compile(r"flash verified|Hash of data verified|Verify successful"), "verified"),
)
_ATTEMPT = re.compile(r"attempt (\d+) of \d+")
_PERCENT = re.compile(r"Writing at 0x[0-9a-f]+\b.*?(\d{1,3})(?:\.\d+)? ?%")
_NOISE = re.compile(r"ioctl\(|^\*\*\* \[\w+\] Error|^=+ |^(?:Connecting\.*)?NOTE: |^WARNING: ")
_PREFIX = re.compile(r"^(?:ERROR: )?(?:A (?:fatal|serial exception) error occurred: )?")

_REPLUG = "Check the cable and the board's power, then run again: it is flashed anew."
_BUTTONS = {
    "esp": "Hold BOOT, press and release RESET (EN), let go, and run again; check that nothing "
    "pulls GPIO0 and that the cable carries data.",
    "touch_1200": "Press the reset button twice, quickly, so that the bootloader stays, then run "
    "again with the port that it shows.",
    "dfu": "Press the reset button twice, quickly, so that the bootloader stays; it shows no port: "
    "docs/boards.md tells how to upload to it once.",
    "teensy": "Press the button on the board and run again.",
}
_BUTTON = (
    "Check that the board is {title} and its bootloader runs at {baud} baud (if not, set "
    "upload_speed in target.ini); press its reset button and run again."
)


@dataclass(frozen=True)
class Cause:
    """One way in which uploads fail: how the tool says so, what that means, what to do next."""

    pattern: re.Pattern[str]
    sentence: str
    hint: str


def _cause(pattern: str, sentence: str, hint: str) -> Cause:
    return Cause(re.compile(pattern, re.IGNORECASE), sentence, hint)


_BROKEN = "The port {port} broke down in the upload, and the board holds a part of the firmware"
_CAUSES = (
    _cause(r"lost connection", _BROKEN, _REPLUG),
    _cause(
        r"Unable find Teensy Loader|Is the Teensy Loader application running",
        "PJRC's Teensy Loader, a program with a window, does not start",
        "Run from a desktop; or take its command line form on Linux: upload_protocol = teensy-cli "
        "in target.ini.",
    ),
    _cause(
        r"(?:cannot|can't|could not) open (?:port|device).*: (?:No such|\[Errno 2\])",
        "The port {port} vanished before the upload",
        "Check the cable and the board's power, then run again.",
    ),
    _cause(
        r"(?:cannot|can't|could not) open (?:port|device|/dev|COM)|resource busy|port is busy",
        "The uploader cannot open {port}",
        "End whatever else uses the port, then run again.",
    ),
    _cause(
        r"Input/output error|Broken pipe|Bad file descriptor|No such device|device disconnected"
        r"|serial exception error|device not configured|connection reset|socket disconnected"
        r"|could not (?:configure|exclusively lock) port",
        _BROKEN,
        _REPLUG,
    ),
    _cause(
        r"(?:expected|wrong|does not match).*signature|signature.*(?:wrong|expected)"
        r"|This chip is \S+ not |not a valid .* image for",
        "The chip on {port} is not that of {title}",
        "Check what is plugged in, and give its --target.",
    ),
    _cause(
        r"verification (?:error|mismatch)|verification failed|first mismatch|verify failed"
        r"|MD5 of file does not match|mismatch at",
        "The flash of the board on {port} does not keep what was written",
        "Run again; if it fails again the chip is worn out, or its fuses protect it.",
    ),
    _cause(
        r"Failed to (?:write|enter compressed|erase)|write to flash failed",
        "The board on {port} refused a part of the firmware, and holds the part before it",
        "Run again; if it fails again lower upload_speed in target.ini, or try another cable.",
    ),
    _cause(
        r"out of range|too large|does not fit|will not fit",
        "The image is too large for the board on {port}",
        "Take a smaller model, or a target with more memory.",
    ),
    _cause(
        r"not in sync|not responding|timeout|timed out|protocol error|Failed to connect"
        r"|stopped responding|no serial data|data stream stopped|Invalid head of packet"
        r"|find a board on the selected port|No device found on|No DFU capable|BOOTSEL",
        "No bootloader answers on {port} as that of {title} does",
        "{button}",
    ),
)


@dataclass(frozen=True)
class Board:
    """What a failure is told with.

    Attributes:
        port: printable.
        title: the target's name for people.
        reset: how it gets into its bootloader, see ``targets.RESETS``.
        baud: the upload's speed.
    """

    port: str
    title: str
    reset: str
    baud: str


def why(lines: list[str], board: Board) -> tuple[str, str, str] | None:
    """Return sentence, the uploader's own words, and next step; None if it said nothing known."""
    words = {"port": board.port, "title": board.title, "baud": board.baud}
    button = _BUTTONS.get(board.reset, _BUTTON).format(**words)
    for cause in _CAUSES:
        said = next((line for line in lines if cause.pattern.search(line)), "")
        if said:
            said = _PREFIX.sub("", said)
            return cause.sentence.format(**words), said, cause.hint.format(button=button, **words)
    return None


def complaint(lines: list[str]) -> str:
    """Return the first line that sounds like a failure; empty if none does."""
    loud = (x for x in lines if re.search(r"error|fatal|fail", x, re.I))
    return next((line for line in loud if not _NOISE.search(line)), "")


def is_last_attempt(line: str) -> bool:
    """Return whether an uploader that says this would go on in vain."""
    attempt = _ATTEMPT.search(line)
    return bool(attempt and int(attempt.group(1)) >= ATTEMPTS)


class Follower:
    """How far an uploader is.

    Attributes:
        stage: index of the last stage that it has reached; -1 before the first.
        percent: of the image it is writing, 0 to 100.
    """

    STAGES = tuple(name for _, name in _STAGES)

    def __init__(self) -> None:
        """Begin before the first stage."""
        self.stage = -1
        self.percent = 0

    def see(self, line: str) -> bool:
        """Take a line; return whether that was news."""
        before = (self.stage, self.percent)
        for stage, (pattern, _) in enumerate(_STAGES):
            if stage > self.stage and pattern.search(line):
                self.stage = stage
        percent = _PERCENT.search(line)
        if percent:
            # Several images are written one after another, and verified in between.
            self.stage = self.STAGES.index("writing")
            self.percent = int(percent.group(1))
        return (self.stage, self.percent) != before
