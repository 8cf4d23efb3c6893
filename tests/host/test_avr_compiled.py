"""The simulator and the bootloaders are compiled at need: once, and with a way out if it fails."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tinyproof.errors import ToolchainError, UsageError
from tinyproof.simulators.avr import AvrSimulator, bootloader, compiled, simulator_program

pytestmark = pytest.mark.usefixtures("libsimavr")


def test_an_unknown_chip_is_refused() -> None:
    with pytest.raises(ToolchainError, match="does not know this chip"):
        AvrSimulator("attiny1").start()
    with pytest.raises(UsageError, match="no bootloader"):
        bootloader("attiny85")


def test_missing_tools_are_named_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="cc is missing") as caught:
        simulator_program()
    assert "apt-get install gcc" in caught.value.hint
    with pytest.raises(ToolchainError, match="avr-gcc is missing") as caught:
        bootloader("atmega328p")
    assert "gcc-avr" in caught.value.hint


def test_a_failing_compilation_quotes_its_first_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "main.c").write_text("int main(void) { return oops; }\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tinyproof.simulators.avr.program.SOURCES", tmp_path)
    with pytest.raises(ToolchainError, match="oops"):
        simulator_program()
    assert not list((tmp_path / "cache").rglob("avr-simulator"))


def test_a_missing_libsimavr_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ("-std=c11", "-isystem", "/nonexistent")
    monkeypatch.setattr("tinyproof.simulators.avr.program.FLAGS", flags)
    with pytest.raises(ToolchainError, match=r"sim_avr\.h") as caught:
        simulator_program()
    assert "libsimavr-dev" in caught.value.hint


def test_a_program_is_made_once_however_many_want_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made: list[Path] = []

    def make(draft: Path) -> None:
        made.append(draft)
        draft.write_text("done")

    threads = [
        threading.Thread(target=compiled.cached, args=("program", "key", make)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert compiled.cached("program", "key", make).read_text() == "done"
