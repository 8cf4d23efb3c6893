"""What boards print when they die: every entry of the table, and what the user gets to see."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from tinyproof.device import Device
from tinyproof.diagnosis import STARTS, diagnose, excerpt
from tinyproof.errors import BootError, TinyProofError
from tinyproof.messages import ErrorAnswer
from tinyproof.protocol import ErrorCode, MessageType, StartCause
from tinyproof.report import BudgetClass
from tinyproof.simulators.fake import FakeBoard, FakeCrashError, FakeFirmware

ROOT = Path(__file__).resolve().parents[2]
ROM = "ets Jun  8 2016 00:22:57\r\n\r\n"
SAID = {
    ROM + "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)": "switched on",
    ROM + "rst:0x8 (TG1WDT_SYS_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)": "watchdog expired (TG1WDT",
    ROM + "rst:0x10 (RTCWDT_RTC_RESET),boot:0x13": "watchdog expired (RTCWDT_RTC_RESET)",
    ROM + "rst:0xc (SW_CPU_RESET),boot:0x13": "software restarted it (SW_CPU_RESET)",
    "rst:0x3 (RTC_SW_SYS_RST),boot:0x8": "software restarted it",
    "rst:0xf (BROWNOUT_RST),boot:0x8": "voltage broke down",
    ROM + "rst:0xf (RTCWDT_BROWN_OUT_RESET),boot:0x13": "(RTCWDT_BROWN_OUT_RESET)",
    "rst:0x5 (DEEPSLEEP_RESET),boot:0x13": "deep sleep",
    "rst:0x15 (USB_UART_CHIP_RESET),boot:0x8": "it was reset (USB_UART_CHIP_RESET)",
    "rst:0x1 (POWERON),boot:0x3 (DOWNLOAD(USB/UART0))\r\nwaiting for download": "for an upload",
    "Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n"
    "Rebooting...\r\nrst:0xc (SW_CPU_RESET)": "crashed (LoadProhibited)",
    "***ERROR*** A stack overflow in task loopTask has been detected.": "task loopTask's stack",
    "Debug exception reason: Stack canary watchpoint triggered (main)": "task main's stack",
    "Stack smashing protect failure!": "stack was smashed",
    "CORRUPT HEAP: Bad head at 0x3ffb": "heap",
    "E (5) task_wdt: Task watchdog got triggered. The following tasks": "task watchdog",
    "Guru Meditation Error: Core  1 panic'ed (Interrupt wdt timeout on CPU1).": "Interrupt wdt",
    "Brownout detector was triggered": "voltage",
    "abort() was called at PC 0x400d1e2f on core 1": "abort() at 0x400d1e2f",
    "assert failed: xQueueSemaphoreTake queue.c:1545": "xQueueSemaphoreTake",
    "invalid header: 0xffffffff\r\n" * 3: "no firmware in its flash (0xffffffff)",
    "ets Jan  8 2013,rst cause:4, boot mode:(3,6)\r\n\r\nwdt reset": "watchdog",
    "ets Jan  8 2013,rst cause:2, boot mode:(3,6)": "it was reset",
    "Soft WDT reset\n>>>stack>>>": "software watchdog",
    "Exception (28):\nepc1=0x40201000": "exception 28",
    "++ MbedOS Fault Handler ++": "fault handler",
    "*** stack smashing detected ***: terminated": "stack was smashed",
}  # fmt: skip


@pytest.mark.parametrize("text", SAID, ids=lambda text: text[-40:].strip())
def test_what_boards_print_is_understood(text: str) -> None:
    found = diagnose(text)
    assert found is not None
    assert SAID[text] in found.what


@pytest.mark.parametrize("text", ["", "Hello", "rst", "boot: 3", "{}", "an exception to the rule"])
def test_other_text_means_nothing(text: str) -> None:
    assert diagnose(text) is None


def test_every_cause_of_a_start_has_words() -> None:
    assert set(STARTS) == set(StartCause)


def test_a_hostile_text_takes_no_time() -> None:
    text = "rst:0x1 (" * 10_000 + "Guru Meditation Error: Core" + " " * 60_000
    assert diagnose(text) is None


def test_a_board_that_dies_at_boot_is_a_boot_failure_that_says_why() -> None:
    said = ROM.encode() + b"rst:0x8 (TG1WDT_SYS_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
    board = FakeBoard(FakeFirmware(boot_text=said))
    board.firmware.take = lambda data: said  # type: ignore[method-assign]
    with pytest.raises(BootError) as caught:
        Device(board).hello()
    assert "its watchdog expired (TG1WDT_SYS_RESET)" in caught.value.sentence
    assert "feed the watchdog" in caught.value.hint
    assert "TG1WDT" in caught.value.text
    assert caught.value.failure == "boot"


PANIC = (
    b"I (312) app: hello\r\n" * 40
    + b"Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n"
    + b"\r\nCore  0 register dump:\r\n"
    + b"PC      : 0x400d1e2f  PS      : 0x00060a30  A0      : 0x800d2a4c\r\n" * 30
)


def test_of_a_long_panic_the_line_that_names_it_is_shown() -> None:
    board = FakeBoard(FakeFirmware(boot_text=PANIC))
    board.firmware.take = lambda data: b""  # type: ignore[method-assign]
    with pytest.raises(BootError) as caught:
        Device(board).hello()
    assert "it crashed (LoadProhibited); it wrote: Guru Meditation Error" in caught.value.sentence
    assert caught.value.text.startswith("Guru Meditation")
    assert "tinyproof flash" in caught.value.hint
    assert "backtrace" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("short", "short"),
        (r"first line\nsecond line\n", r"second line\n"),
        ("a line that is longer than that", "s longer than that"),
        (r"rst:0x1 (POWERON)\nhello, all\n", r"hello, all\n"),
        (r"before\nCORRUPT HEAP: Bad head", "CORRUPT HEAP: Bad "),
        ("long long long CORRUPT HEAP: Bad", "ong long CORRUPT H"),
    ],
)
def test_an_excerpt_begins_with_a_line_and_holds_what_matters(text: str, shown: str) -> None:
    assert excerpt(text, 18) == shown


def crash_at(number: int, text: bytes) -> FakeBoard:
    """Return a board that crashes at its ``number``-th inference, once, and prints ``text``."""
    left = [number]

    def model(sample: bytes) -> bytes:
        left[0] -= 1
        if left[0] == 0:
            board.firmware.boot_text = text
            raise FakeCrashError
        return sample[:10]

    board = FakeBoard(FakeFirmware(model=model))
    return board


def test_a_restart_on_the_way_is_told_with_its_cause() -> None:
    board = crash_at(5, b"Guru Meditation Error: Core  0 panic'ed (StoreProhibited).\r\n")
    device = Device(board, nonces=random.Random(1))
    device.hello()
    assert len(list(device.stream([bytes(64)] * 20))) == 20
    assert device.events.restarts == 1
    assert list(device.events.causes) == ["reset by its watchdog"]
    assert any("StoreProhibited" in text for text in device.events.texts)


def test_a_board_that_never_stops_crashing_is_a_boot_failure_that_says_why() -> None:
    def model(sample: bytes) -> bytes:
        board.firmware.boot_text = b"Guru Meditation Error: Core  0 panic'ed (IllegalInstruction)."
        raise FakeCrashError

    board = FakeBoard(FakeFirmware(model=model))
    device = Device(board)
    device.hello()
    with pytest.raises(BootError) as caught:
        list(device.stream([bytes(64)]))
    assert "again and again" in caught.value.sentence
    assert "IllegalInstruction" in caught.value.sentence + caught.value.hint


def family(kind: type[TinyProofError]) -> set[str]:
    return {kind.failure}.union(*(family(child) for child in kind.__subclasses__()))


def test_every_failure_class_is_documented_and_no_other() -> None:
    text = (ROOT / "docs" / "report.md").read_text()
    table = text.partition("\n## Failure classes\n")[2].partition("\n## ")[0]
    words = set(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE))
    assert words == family(TinyProofError) | {kind.value for kind in BudgetClass}


def test_an_arena_that_is_too_small_is_a_memory_failure() -> None:
    refusal = ErrorAnswer.of(MessageType.INFER, ErrorCode.ARENA, 900).error()
    assert (refusal.failure, refusal.detail) == ("memory", 900)
    other = ErrorAnswer.of(MessageType.INFER, ErrorCode.ENGINE, 3).error()
    assert other.failure == "protocol"
