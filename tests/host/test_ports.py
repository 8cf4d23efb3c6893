"""``tinyproof ports``: lists boards, saves them, asks what they run; with faked USB and ptys."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from usb import BRIDGE, FIRST, PLAIN, SECOND, UNO, Attached, Usb

from native_cli import DIGITS_RUN, assert_complains, call, report_of
from tinyproof import asking, benchmap, discovery, ports
from tinyproof.asking import ask, ask_all
from tinyproof.benchmap import BenchMap
from tinyproof.project import Project
from tinyproof.targets import Target

pytestmark = pytest.mark.usefixtures("own_bench")


# -- tinyproof ports


def test_ports_lists_what_usb_tells_and_what_it_may_be(attach: Callable[..., None]) -> None:
    attach(FIRST, BRIDGE, PLAIN)
    ended = call("ports")
    assert ended.code == 0
    assert "/dev/ttyACM0  2341:0043  A1  Arduino Uno\n    target    uno\n" in ended.out
    (line,) = re.findall(
        r"/dev/ttyUSB0  1a86:7523  -  USB Serial\n    target    one of (.*)", ended.out
    )
    assert {"megaatmega2560", "uno"} <= set(line.split(", "))
    assert "/dev/ttyS0  no USB  -\n    target    unknown\n" in ended.out
    assert "--ask" in ended.out
    listed = json.loads(call("ports", "--json").out)
    assert [port["port"] for port in listed] == ["/dev/ttyACM0", "/dev/ttyS0", "/dev/ttyUSB0"]
    assert listed[0]["targets"] == ["uno"]
    assert listed[0]["firmware"] is None


def test_saving_maps_what_is_certain_and_says_what_is_not(
    attach: Callable[..., None], tmp_path: Path
) -> None:
    numbered = replace(BRIDGE, serial_number="C3")
    attach(FIRST, SECOND, numbered, replace(PLAIN, serial_number="D4"), replace(BRIDGE, device="x"))
    ended = call("ports", "--save", "bench.toml", "--as", "/dev/ttyS0=native")
    assert ended.code == 0, ended
    assert "uno-1: uno, serial number A1\nuno-2: uno, serial number B2\n" in ended.out
    assert "native-1: native, serial number D4\n" in ended.out
    assert "/dev/ttyUSB0: left out, say what it is: --as /dev/ttyUSB0=TARGET\n" in ended.out
    assert "x: left out, it has no serial number of its own." in ended.out
    assert set(benchmap.load(tmp_path / "bench.toml").entries) == {"uno-1", "uno-2", "native-1"}
    assert "/dev/ttyACM0: is uno-1 already." in call("ports", "--save", "bench.toml").out
    assert "/dev/ttyACM0  uno-1  2341:0043" in call("ports").out


def test_saving_without_a_file_writes_the_users_own(
    attach: Callable[..., None], own_bench: Path
) -> None:
    attach(FIRST)
    ended = call("ports", "--save")
    assert f"Bench map: {own_bench}" in ended.out
    assert benchmap.load(own_bench).entries["uno-1"].serial_number == "A1"


def test_where_nothing_can_be_saved_no_file_is_named(
    attach: Callable[..., None], tmp_path: Path
) -> None:
    attach(PLAIN)
    ended = call("ports", "--save", "bench.toml")
    assert_complains(ended, 4, "Nothing to save: no attached board has a serial number")
    assert "Bench map" not in ended.out
    assert not (tmp_path / "bench.toml").exists()
    attach(FIRST)
    assert "Bench map: bench.toml" in call("ports", "--save", "bench.toml").out
    ended = call("ports", "--save", "bench.toml")
    assert (ended.code, "Nothing new to save in bench.toml" in ended.out) == (0, True)


def test_a_port_is_known_by_a_link_to_it_too(attach: Callable[..., None], tmp_path: Path) -> None:
    attach(replace(BRIDGE, serial_number="C3"))
    (tmp_path / "by-id").symlink_to(BRIDGE.device)
    assert call("ports", "--save", "bench.toml", "--as", "by-id=esp32dev").code == 0
    assert benchmap.load(tmp_path / "bench.toml").entries["esp32dev-1"].serial_number == "C3"


def test_an_assignment_to_no_target_is_refused(attach: Callable[..., None]) -> None:
    attach(FIRST)
    wrong = call("ports", "--save", "bench.toml", "--as", "/dev/ttyACM9=uno")
    assert_complains(wrong, 2, "/dev/ttyACM9 is not attached", "/dev/ttyACM0")
    assert_complains(call("ports", "--as", "/dev/ttyACM0=toaster"), 2, "PORT=TARGET")


# -- what they run


def test_every_board_says_what_it_runs_and_its_own_word_is_saved(usb: Usb, tmp_path: Path) -> None:
    usb.plug("A1")
    usb.plug("B2")
    ended = call("ports", "--ask", "--save", "bench.toml")
    assert ended.out.count("firmware  TinyProof on native: aot, model ") == 2
    entries = benchmap.load(tmp_path / "bench.toml").entries
    assert {(e.name, e.target) for e in entries.values()} == {
        ("native-1", "native"),
        ("native-2", "native"),
    }
    (first, _) = json.loads(call("ports", "--ask", "--json").out)
    assert first["firmware"]["state"] == "tinyproof"
    assert len(first["firmware"]["model"]) == 64


def test_a_board_that_was_saved_is_proved_by_its_name(
    usb: Usb, shared_project: Project, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usb.plug("A1")
    port = usb.plug("B2")
    monkeypatch.setenv(benchmap.VARIABLE, str(out.parent / "bench.toml"))
    assert call("ports", "--ask", "--save", out.parent / "bench.toml").code == 0
    monkeypatch.chdir(shared_project.root)
    ended = call(*DIGITS_RUN, "--out", out, "--port", "native-2")
    assert ended.code == 0, ended
    assert report_of(out)["port"] == port
    assert_complains(call(*DIGITS_RUN, "--port", "native-2", "--target", "uno"), 2, "is a native")


def test_a_port_that_another_process_has_open_is_named_and_left_alone(
    attach: Callable[..., None], uno: Target
) -> None:
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    attach(Attached(name, "A1", *UNO))
    hold = f"import time, os; os.open({name!r}, os.O_RDWR | os.O_NOCTTY); print(1, flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{hold}; time.sleep(99)"], stdout=subprocess.PIPE
    ) as holder:
        try:
            assert holder.stdout
            holder.stdout.readline()
            (listed,) = json.loads(call("ports", "--json").out)
            assert listed["busy"] == [{"pid": holder.pid, "name": listed["busy"][0]["name"]}]
            assert f"(process {holder.pid})" in call("ports").out
            (board,) = discovery.attached([uno], BenchMap())
            reply = ask(board, {"uno": uno})
            assert reply.state == "busy"
            assert f"process {holder.pid}" in reply.text
            os.set_blocking(ours, False)
            with pytest.raises(BlockingIOError):
                os.read(ours, 1)
        finally:
            holder.kill()
            os.close(ours)
            os.close(theirs)


def test_silence_and_strangers_are_told_apart(
    attach: Callable[..., None], monkeypatch: pytest.MonkeyPatch, uno: Target
) -> None:
    monkeypatch.setattr(asking, "ASK_SECONDS", 1.0)
    terminals = [pty.openpty() for _ in range(2)]
    names = [os.ttyname(theirs) for _, theirs in terminals]
    quick = {"uno": replace(uno, boot_ms=0)}
    attach(*(Attached(name, None, *UNO) for name in [*names, "/dev/none"]))
    ended = threading.Event()

    def toast() -> None:
        while not ended.wait(0.05):
            os.write(terminals[1][0], b"Hello from a toaster\r\n")

    toaster = threading.Thread(target=toast)
    toaster.start()
    try:
        replies = ask_all(discovery.attached(quick.values(), BenchMap()), quick)
    finally:
        ended.set()
        toaster.join()
        for descriptor in [end for both in terminals for end in both]:
            os.close(descriptor)
    assert replies[names[0]].state == "silent"
    assert replies[names[1]].state == "other"
    assert "Hello from a toaster" in replies[names[1]].text
    assert replies["/dev/none"].state == "error"
    assert "does not exist" in replies["/dev/none"].text


def test_bootloader_and_firmware_may_write_a_serial_number_differently(
    attach: Callable[..., None],
) -> None:
    attach(replace(FIRST, serial_number="7C:DF:A1:00:11:22"), SECOND)
    assert ports.with_serial_number("7cdfa1001122") == "/dev/ttyACM0"
