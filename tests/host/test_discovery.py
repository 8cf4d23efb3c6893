"""Which boards are attached, which one is meant, what they run; with faked USB and real ptys."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from usb import Attached, Usb

from native_cli import DIGITS_RUN, INT8, assert_complains, call, report_of
from tinyproof import asking, benchmap, discovery, ports, recovery
from tinyproof.access import is_simulated
from tinyproof.asking import ask, ask_all
from tinyproof.benchmap import BenchMap
from tinyproof.errors import PortCause, PortError, UsageError
from tinyproof.harness import generate_model, make_firmware
from tinyproof.link import open_link
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.quarantine import Quarantine
from tinyproof.recovery import BoardPort
from tinyproof.targets import Target, find_target

UNO = (0x2341, 0x0043)
CH340 = (0x1A86, 0x7523)


@pytest.fixture(autouse=True)
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without bench maps, in an empty folder; returns where the user's own would be."""
    monkeypatch.delenv(benchmap.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return benchmap.user_file()


@pytest.fixture
def attach(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace the computer's ports."""

    def attach(*found: Attached) -> None:
        monkeypatch.setattr(ports.list_ports, "comports", lambda: list(found))

    return attach


@pytest.fixture
def uno(shared_project: Project) -> Target:
    return find_target(shared_project, "uno")


@pytest.fixture
def usb(shared_project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Usb]:
    """A computer whose boards run the digits."""
    content, quiet = INT8.read_bytes(), Progress()
    generated = generate_model(content, quiet)
    native = find_target(shared_project, "native")
    made = make_firmware(shared_project, native, content, generated, quiet)
    with ExitStack() as stack:
        usb = Usb(made.build.program, stack)
        monkeypatch.setattr(ports.list_ports, "comports", usb.comports)
        monkeypatch.setattr(recovery, "RETURN_SECONDS", 2.0)
        monkeypatch.setattr(asking, "UNKNOWN_BOOT_SECONDS", 0.0)
        yield usb


FIRST = Attached("/dev/ttyACM0", "A1", *UNO, product="Arduino Uno")
SECOND = Attached("/dev/ttyACM1", "B2", *UNO, product="Arduino Uno")
BRIDGE = Attached("/dev/ttyUSB0", None, *CH340, product="USB Serial")
PLAIN = Attached("/dev/ttyS0", None)


# -- which one is meant


def test_the_only_board_of_a_target_needs_no_port(uno: Target, attach: Callable[..., None]) -> None:
    attach(PLAIN, FIRST)
    assert discovery.resolve(uno, None) == "/dev/ttyACM0"
    assert not is_simulated(uno, None)


def test_a_number_that_says_nothing_is_not_that_of_a_port_without_one(
    attach: Callable[..., None],
) -> None:
    attach(BRIDGE, FIRST)
    assert ports.with_serial_number("---") is None
    assert ports.with_serial_number("a1") == "/dev/ttyACM0"


def test_without_a_board_a_port_is_asked_for(uno: Target, attach: Callable[..., None]) -> None:
    attach(PLAIN)
    with pytest.raises(PortError, match="needs a port"):
        is_simulated(uno, None)
    assert_complains(call("run", "--target", "uno"), 4, "port: ", "needs a port")
    assert_complains(call("run", "--target", "uno", "--quarantine"), 4, "needs a port")


def test_two_boards_are_not_chosen_between(uno: Target, attach: Callable[..., None]) -> None:
    attach(FIRST, SECOND)
    with pytest.raises(UsageError, match=r"Which one\?") as caught:
        discovery.resolve(uno, None)
    for word in ("/dev/ttyACM0 (serial number A1)", "/dev/ttyACM1 (serial number B2)"):
        assert word in caught.value.sentence
    assert "--port /dev/ttyACM0 or --port /dev/ttyACM1" in caught.value.hint


def test_two_boards_are_asked_about_by_name(
    uno: Target, attach: Callable[..., None], bench: Path
) -> None:
    attach(FIRST, SECOND)
    benchmap.save(bench, [("A1", "uno"), ("B2", "uno")])
    with pytest.raises(UsageError) as caught:
        discovery.resolve(uno, None)
    assert "uno-1 on /dev/ttyACM0 (serial number A1)" in caught.value.sentence
    assert caught.value.hint == "Run with --port uno-1 or --port uno-2."


def test_the_bench_map_outranks_the_usb_id(
    uno: Target, attach: Callable[..., None], bench: Path
) -> None:
    attach(FIRST, SECOND)
    benchmap.save(bench, [("B2", "megaatmega2560")])
    assert discovery.resolve(uno, None) == "/dev/ttyACM0"
    other = replace(uno, name="megaatmega2560", usb_ids=())
    assert discovery.resolve(other, None) == "/dev/ttyACM1"


def test_a_name_finds_its_board_wherever_it_is(
    uno: Target, attach: Callable[..., None], bench: Path
) -> None:
    benchmap.save(bench, [("B2", "uno")])
    attach(FIRST, SECOND)
    assert discovery.resolve(uno, "uno-1") == "/dev/ttyACM1"
    attach(FIRST, replace(SECOND, device="/dev/ttyACM5"))
    assert discovery.resolve(uno, "uno-1") == "/dev/ttyACM5"


def test_a_named_board_that_is_away_or_of_another_target_is_refused(
    uno: Target, attach: Callable[..., None], bench: Path
) -> None:
    benchmap.save(bench, [("B2", "uno")])
    attach(FIRST)
    with pytest.raises(PortError, match=r"uno-1 \(serial number B2\) is not attached"):
        discovery.resolve(uno, "uno-1")
    with pytest.raises(UsageError, match="is a uno, not a megaatmega2560"):
        discovery.resolve(replace(uno, name="megaatmega2560"), "uno-1")


def test_an_unknown_name_is_answered_with_the_known_ones(
    uno: Target, attach: Callable[..., None], bench: Path
) -> None:
    benchmap.save(bench, [("B2", "uno")])
    attach(FIRST)
    with pytest.raises(UsageError, match="neither a port nor a board of the name uno-9") as caught:
        discovery.resolve(uno, "uno-9")
    assert "uno-1" in caught.value.hint


def test_an_empty_port_has_a_sentence_of_its_own(uno: Target) -> None:
    for empty in ("", " "):
        with pytest.raises(UsageError, match="name is empty"):
            discovery.resolve(uno, empty)
    for port in ("", "native="):
        assert_complains(call("run", "--port", port), 2, "name is empty")
    assert_complains(call("verify", "--port", ""), 2, "name is empty")


@pytest.mark.parametrize("name", ["left-uno", "{tmp_path}/file"])
def test_only_what_may_be_a_board_is_suggested(
    name: str, attach: Callable[..., None], bench: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no port")
    name = name.format(tmp_path=tmp_path)
    attach(PLAIN)
    alone = ports.explain(name, OSError())
    assert "/dev/ttyS0" not in alone.hint
    assert "tinyproof ports" in alone.hint
    attach(PLAIN, BRIDGE)
    benchmap.save(bench, [("A1", "uno")])
    assert "Choose a board: /dev/ttyUSB0, uno-1; " in ports.explain(name, OSError()).hint


@pytest.mark.parametrize("port", ["sim", "COM3", "/dev/ttyACM9", "socket://localhost:1"])
def test_ports_and_urls_stay_as_they_are(uno: Target, port: str) -> None:
    assert discovery.resolve(uno, port) == port


def test_a_chip_of_many_boards_fits_every_target_that_has_it(
    shared_project: Project, attach: Callable[..., None], uno: Target
) -> None:
    attach(BRIDGE)
    mega = find_target(shared_project, "megaatmega2560")
    (board,) = discovery.attached([mega, uno], BenchMap())
    assert board.targets == ("megaatmega2560", "uno")
    assert board.usb_text == "1a86:7523"
    assert board.serial_number == ""


# -- the bench map


def test_what_is_in_a_bench_map_stays_and_new_boards_come_behind(tmp_path: Path) -> None:
    file = tmp_path / "bench.toml"
    mine = '# mine\n[boards.left]\nserial_number = "A1"\ntarget = "uno"  # keep'
    file.write_text(mine)
    new = benchmap.save(file, [("A1", "pico"), ('B"\\\x7f', "uno"), ("C3", "uno")])
    assert [entry.name for entry in new] == ["uno-1", "uno-2"]
    assert file.read_text().startswith(mine)
    read = benchmap.load(file).entries
    assert {entry.serial_number for entry in read.values()} == {"A1", 'B"\\\x7f', "C3"}
    assert read["left"].target == "uno"
    before = file.read_text()
    assert benchmap.save(file, [("C3", "uno")]) == []
    assert file.read_text() == before


WRONG = {
    "boards = 1": "tables",
    "[other]": "tables",
    "[boards.x]\ntarget = 'uno'": "serial_number and target",
    "[boards.x]\ntarget = 'uno'\nserial_number = 7": "no text",
    "[boards.sim]\ntarget = 'uno'\nserial_number = 'A'": "no name",
    "[boards.'a b']\ntarget = 'uno'\nserial_number = 'A'": "no name",
    "[boards": "no TOML",
    "\udcff": "cannot be read",
    "[boards.a]\ntarget='t'\nserial_number='A'\n[boards.b]\ntarget='t'\nserial_number='A'": "two",
    "#" * (2 << 20): "larger",
}


@pytest.mark.parametrize(("text", "what"), WRONG.items(), ids=WRONG.values())
def test_a_damaged_bench_map_is_refused_and_left_alone(
    tmp_path: Path, text: str, what: str
) -> None:
    file = tmp_path / "bench.toml"
    file.write_text(text, errors="surrogateescape")
    with pytest.raises(UsageError, match=what) as caught:
        benchmap.save(file, [("A1", "uno")])
    assert "bench.toml" in caught.value.sentence
    assert file.read_text(errors="surrogateescape") == text


def test_the_nearest_bench_map_is_read(
    tmp_path: Path, bench: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert benchmap.load().entries == {}
    benchmap.save(bench, [("A1", "uno")])
    assert benchmap.find_file() == bench
    here = tmp_path / "bench.toml"
    benchmap.save(here, [("B2", "uno")])
    assert benchmap.find_file() == here
    named = tmp_path / "named.toml"
    monkeypatch.setenv(benchmap.VARIABLE, str(named))
    with pytest.raises(UsageError, match=r"named\.toml, which is no file"):
        benchmap.load()
    benchmap.save(named, [("C3", "uno")])
    assert benchmap.load().of_number("C3") is not None


def test_a_pipe_is_no_bench_map(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bench.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        benchmap.load(tmp_path / "bench.toml")


def test_a_board_in_quarantine_is_told_and_released_by_its_name(bench: Path) -> None:
    benchmap.save(bench, [("A1", "uno")])
    Quarantine().add("A1", "port", "It vanished.")
    assert call("boards").out.startswith("uno-1, A1  since ")
    assert call("boards", "--release", "uno-1").code == 0
    assert Quarantine().entries() == {}


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
    attach: Callable[..., None], bench: Path
) -> None:
    attach(FIRST)
    ended = call("ports", "--save")
    assert f"Bench map: {bench}" in ended.out
    assert benchmap.load(bench).entries["uno-1"].serial_number == "A1"


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


# -- ports that come and go


def test_a_port_that_was_open_is_waited_for_under_its_new_name(usb: Usb) -> None:
    first = usb.plug("A1")
    usb.plug("B2")
    seen = []

    def opener(url: str) -> object:
        seen.append(url)
        if len(seen) == 2:
            raise PortError("not permitted yet", port=url)
        return open_link(url)

    board = BoardPort(first, opener)  # type: ignore[arg-type]
    board.open().close()
    usb.unplug("A1")
    second = usb.plug("A1")
    board.open().close()
    assert seen == [first, second, second]
    assert board.url == second


def test_a_port_that_was_never_open_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "RETURN_SECONDS", 1000.0)
    with pytest.raises(PortError, match="does not exist") as caught:
        BoardPort("/dev/none", open_link).open()
    assert caught.value.cause is PortCause.ABSENT


def test_a_port_that_was_open_and_does_not_come_back_is_its_boards_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(recovery, "RETURN_SECONDS", 0.0)
    ours, theirs = pty.openpty()
    port = tmp_path / "port"
    port.symlink_to(os.ttyname(theirs))
    try:
        board = BoardPort(str(port), open_link)
        board.open().close()
        port.unlink()
        with pytest.raises(PortError, match="does not exist") as caught:
            board.open()
    finally:
        os.close(ours)
        os.close(theirs)
    assert caught.value.cause is PortCause.BOARD


def test_bootloader_and_firmware_may_write_a_serial_number_differently(
    attach: Callable[..., None],
) -> None:
    attach(replace(FIRST, serial_number="7C:DF:A1:00:11:22"), SECOND)
    assert ports.with_serial_number("7cdfa1001122") == "/dev/ttyACM0"


@pytest.mark.parametrize("released", [True, False])
def test_dtr_and_rts_are_set_before_the_port_opens(
    released: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pyserial sets on a closed port is in force from the first moment."""
    lines = []
    import serial

    monkeypatch.setattr(serial.Serial, "open", lambda self: lines.append((self.dtr, self.rts)))
    ours, theirs = pty.openpty()
    try:
        open_link(os.ttyname(theirs), released=released)
    finally:
        os.close(ours)
        os.close(theirs)
    assert lines == [(not released, not released)]
