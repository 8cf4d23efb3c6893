"""A failed build's log, read as one sentence and one next step."""

from __future__ import annotations

from pathlib import Path

import pytest
from mini_project import make_project

from tinyproof.errors import BuildError, StorageError, ToolchainError
from tinyproof.pio.buildlog import explain
from tinyproof.targets import Target, find_target


def make_log(tmp_path: Path, text: str) -> Path:
    (tmp_path / "build.log").write_text(text)
    return tmp_path / "build.log"


@pytest.fixture
def uno(tmp_path: Path) -> Target:
    return find_target(make_project(tmp_path / "p"), "uno")


LOGS = {
    "a.c:3:5: warning: w\na.c:4:6: error: expected ';' here\nb.c:1:1: error: later\n": (
        "a.c:4:6: expected ';' here"
    ),
    "main.cpp:2:10: fatal error: nothing.h: No such file or directory\n": "nothing.h",
    "ld: p.elf section `.text' will not fit in region `FLASH'\n"
    "ld: region `FLASH' overflowed by 1234 bytes\n": "section .text is 1,234 bytes too large",
    "ld: address 0x801104 of a.elf section `.bss' is not within region `data'\n"
    "ld: address 0x80114a of a.elf section `.noinit' is not within region `data'\n": (
        ".noinit ends 2,122 bytes behind the RAM of uno"
    ),
    "ld: address 0x8100 of a.elf section `.text' is not within region `text'\n": (
        ".text ends 768 bytes behind the flash of uno"
    ),
    "Error: The program size (32500 bytes) is greater than maximum allowed (32256 bytes)\n": (
        "32,500 bytes of flash, 244 more"
    ),
    "ld: a.o: in function `f':\na.c:(.text+0x5): undefined reference to `tp_port_init'\n": (
        "nothing defines tp_port_init"
    ),
    "b.o: multiple definition of `setup'; a.o: first defined here\n": "setup is defined twice",
    "Error: firmware/lib/port_x is missing.\n": "firmware/lib/port_x is missing",
    "dot.S: Assembler messages:\ndot.S:79: Error: no such instruction: `ldd r0,Y+0'\n": (
        "dot.S:79: no such instruction"
    ),
    "scons: weird\n=====\n": "weird",
    "": "no output",
}


@pytest.mark.parametrize(("text", "words"), LOGS.items(), ids=range(len(LOGS)))
def test_a_log_is_read_as_one_sentence(tmp_path: Path, uno: Target, text: str, words: str) -> None:
    error = explain(make_log(tmp_path, text), uno)
    assert isinstance(error, BuildError)
    assert words in error.sentence
    assert "\n" not in error.sentence
    assert error.sentence.endswith(".")
    assert not error.sentence.endswith("..")


def test_a_package_that_platformio_wants_to_fetch_is_a_toolchain_error(
    tmp_path: Path, uno: Target
) -> None:
    text = "Platform Manager: Installing atmelavr\nHTTPClientError: \n"
    error = explain(make_log(tmp_path, text), uno)
    assert isinstance(error, ToolchainError)
    assert "atmelavr" in error.sentence


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("cc1: fatal error: error closing a.s: No space left on device\n", "BUILD"),
        ("a.c:9:1: fatal error: error writing to TMP/ccAB.s: No space left on device\n", "TMP"),
        ("OSError: [Errno 28] No space left on device: 'TMP/tmpx'\n", "TMP"),
        (
            "TMP/ccAB.s: Fatal error: can't write 3 bytes to section .text of BUILD/a.o: "
            "'No space left on device'\n",
            "BUILD",
        ),
        ("ld: final link failed: No space left on device\n", "BUILD"),
    ],
)
def test_a_disk_that_fills_up_is_named(
    text: str, folder: str, tmp_path: Path, uno: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"TMP": str(tmp_path), "BUILD": str(tmp_path / "build")}
    (tmp_path / "build").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name, place in places.items():
        text = text.replace(name, place)
    error = explain(make_log(tmp_path / "build", text), uno)
    assert isinstance(error, StorageError)
    assert ("the temporary folder" in error.sentence) is (folder == "TMP")
    assert ("TMPDIR" in error.hint) is (folder == "TMP")
