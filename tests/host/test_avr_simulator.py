"""The simulated Arduino boards: bootloader, flasher, serial line, cycles, and ends of all kinds."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial
from avr_programs import build, build_sketch, to_hex

from tinyproof.errors import PortError, ToolchainError, UsageError
from tinyproof.simulators.avr import AvrSimulator, bootloader, compiled, simulator_program
from tools import require_file, require_tool

LINE_BYTES_PER_SECOND = {115_200: 16e6 / 8 / 17 / 10, 1_000_000: 100_000.0}
"""What the chip's divider makes of the speeds: 117,647 and 1,000,000 bit/s, 10 bits a byte."""


@pytest.fixture(scope="module", autouse=True)
def libsimavr() -> None:
    require_tool("avr-gcc")
    require_file(Path("/usr/include/simavr/sim_avr.h"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("avr")


class PatientSerial(serial.Serial):
    """A serial port that, once open, does not throw away what has come already.

    On a busy machine pyserial may take longer to do so than a board without a bootloader to greet.
    """

    def _reset_input_buffer(self) -> None:
        pass


@contextmanager
def client(port: str, baud: int = 115_200, timeout: float = 20) -> Iterator[PatientSerial]:
    link = PatientSerial(port, baud, timeout=timeout)
    try:
        yield link
    finally:
        link.close()


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def echo(link: PatientSerial, data: bytes) -> bytes:
    """Write ``data`` while reading as many bytes back."""
    writer = threading.Thread(target=link.write, args=(data,))
    writer.start()
    answer = link.read(len(data))
    writer.join()
    return bytes(answer)


def avrdude(
    port: str, image: Path, *, mega: bool = False, baud: int = 115_200
) -> subprocess.CompletedProcess[str]:
    part = ["-c", "wiring", "-p", "m2560"]
    if not mega:  # it tries 10 times otherwise, 5 s each
        part = ["-c", "arduino", "-x", "attempts=1", "-p", "m328p"]
    command = [require_tool("avrdude"), *part, "-P", port, "-b", str(baud), "-D"]
    command += ["-U", f"flash:w:{image}:i"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def optiboot(baud: int = 115_200) -> Path:
    require_file(Path("/usr/share/arduino/hardware/arduino/avr/bootloaders"))
    return bootloader("atmega328p", baud=baud)


# --- the serial line ---


@pytest.mark.parametrize("mcu", ["atmega328p", "atmega2560"])
@pytest.mark.parametrize("baud", [115_200, 1_000_000])
def test_full_duplex_traffic_loses_nothing_and_runs_at_line_speed(
    folder: Path, mcu: str, baud: int
) -> None:
    image = build(folder, "echo", mcu=mcu, baud=baud)
    data = secrets.token_bytes(40_000)
    with AvrSimulator(mcu, firmware=image) as board, client(board.port, baud) as link:
        assert link.read(5) == b"echo\n"
        board.status()
        assert echo(link, data) == data
        status = board.status()
    assert (status.rx, status.lost) == (len(data), 0)
    rate = len(data) / status.exchange_seconds
    assert rate == pytest.approx(LINE_BYTES_PER_SECOND[baud], rel=0.02)
    assert rate < LINE_BYTES_PER_SECOND[baud]


@pytest.mark.parametrize("mcu", ["atmega328p", "atmega2560"])
def test_a_poisoned_stack_is_full_of_the_pattern_and_keeps_its_mark(folder: Path, mcu: str) -> None:
    image = build(folder, "stack", mcu=mcu)
    with AvrSimulator(mcu, firmware=image) as board, client(board.port) as link:
        mark = int(link.read_until())
        assert mark > 220
        told = [tuple(map(int, link.read_until().split())) for _ in range(4)]
    assert told == [(200, mark)] * 4, "one of the patterns is the paint itself"


def test_a_program_that_does_not_read_loses_what_the_chip_would_lose(folder: Path) -> None:
    with (
        AvrSimulator("atmega328p", firmware=build(folder, "overrun")) as board,
        client(board.port) as link,
    ):
        assert link.read_until() == b"ready\n"
        link.write(b"abcdefghijklmnopqrst")
        # Two receive buffers keep the first bytes, the shift register the last; '!' is DOR0.
        assert link.read_until() == b"!abt\n"
        assert board.status().overrun == 17


def test_bytes_for_a_receiver_that_is_off_are_lost(folder: Path) -> None:
    with (
        AvrSimulator("atmega328p", firmware=build(folder, "cycles")) as board,
        client(board.port) as link,
    ):
        link.write(b"xyz")
        link.read_until(b"end\n")
        status = board.status()
    assert status.rx == 3
    assert status.overrun + status.ignored <= 3


def test_a_client_at_another_speed_reads_garbage(folder: Path) -> None:
    with (
        AvrSimulator("atmega328p", firmware=build(folder, "echo")) as board,
        client(board.port, 57_600) as link,
    ):
        assert link.read(5) != b"echo\n"
        assert board.status().garbled == 5


def test_a_client_that_sets_no_speed_gets_the_boards(folder: Path) -> None:
    with AvrSimulator("atmega328p", firmware=build(folder, "echo")) as board:
        with client(board.port, 57_600):
            pass  # its speed must not outlive it
        assert wait_for(lambda: "close" in board.events)
        port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
        try:
            assert os.read(port, 5) in (b"e", b"ec", b"ech", b"echo", b"echo\n")
        finally:
            os.close(port)


def test_tcp_carries_the_same_line_and_one_client_at_a_time(folder: Path) -> None:
    image = build(folder, "echo")
    with AvrSimulator("atmega328p", firmware=image, tcp_port=0) as board:
        scheme, address = board.port.split("://")
        assert scheme == "socket"
        host, number = address.split(":")
        with (
            socket.create_connection((host, int(number)), 20) as first,
            socket.create_connection((host, int(number)), 20) as second,
            first.makefile("rb") as answers,
        ):
            assert answers.readline() == b"echo\n"
            first.sendall(b"0123456789\n")
            assert answers.readline() == b"0123456789\n"
            assert second.recv(1) == b""
            board.status()  # comes after all events so far
        assert board.events.count("open") == 1


# --- resets ---


def test_every_open_resets_the_board_even_right_after_a_close(folder: Path) -> None:
    with AvrSimulator("atmega328p", firmware=build(folder, "echo")) as board:
        for _ in range(20):
            with client(board.port) as link:
                assert link.read(5) == b"echo\n"
        assert wait_for(lambda: board.events.count("close") == 20)
        assert sum(event.startswith("reset open") for event in board.events) == 20


def test_a_second_client_on_an_open_port_does_not_reset_it(folder: Path) -> None:
    with (
        AvrSimulator("atmega328p", firmware=build(folder, "echo")) as board,
        client(board.port) as link,
    ):
        assert link.read(5) == b"echo\n"
        with client(board.port):
            assert echo(link, b"still here") == b"still here"
        assert echo(link, b"and now") == b"and now"
        assert board.status().resets == 2


def test_what_one_client_did_not_read_is_not_told_to_the_next(folder: Path) -> None:
    with AvrSimulator("atmega328p", firmware=build(folder, "echo")) as board:
        port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
        os.write(port, b"secret")
        assert wait_for(lambda: board.status().tx >= 5)
        os.close(port)
        assert wait_for(lambda: "close" in board.events)
        port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
        try:
            assert b"echo\n".startswith(os.read(port, 5))
        finally:
            os.close(port)


@pytest.mark.parametrize("command", [b"w", b"p"])
def test_a_watchdog_reset_comes_in_time_and_is_told(folder: Path, command: bytes) -> None:
    with (
        AvrSimulator("atmega328p", firmware=build(folder, "faults")) as board,
        client(board.port) as link,
    ):
        assert link.read_until() == b"ready\n"
        start = board.status().cycles
        link.write(command)
        assert link.read_until() == b"ready\n"
        board.status()  # comes after all events so far
        resets = [event.split() for event in board.events if event.startswith("reset watchdog")]
    assert len(resets) == 1
    # 2,048 cycles of its 128 kHz oscillator are 16 ms.
    assert int(resets[0][-1]) - start == pytest.approx(16e6 * 0.016, rel=0.1)


@pytest.mark.parametrize(("command", "word"), [(b"c", "crash 0x"), (b"s", "halt 0x")])
def test_a_crash_or_halt_is_told_and_a_reset_mends_it(
    folder: Path, command: bytes, word: str
) -> None:
    with (
        AvrSimulator("atmega328p", firmware=build(folder, "faults")) as board,
        client(board.port) as link,
    ):
        assert link.read_until() == b"ready\n"
        link.write(command)
        assert wait_for(lambda: any(event.startswith(word) for event in board.events))
        board.reset()
        assert link.read_until() == b"ready\n"


# --- cycles ---

AVR_CYCLES = {
    # Data sheets of the ATmega328P and ATmega2560, "Instruction Set Summary"; loading a pointer or
    # a condition for the instruction takes 1 or 2 cycles more, which are included.
    **{"nothing": 0, "nop": 1, "add": 1, "movw": 1, "adiw": 2, "mul": 2 + 1, "muls": 1 + 2 + 1},
    **{"ld_x": 2 + 2, "ld_x_plus": 2 + 2, "ldd_z": 2 + 2, "st_x_plus": 2 + 2, "std_z": 2 + 2},
    **{"lds": 2, "sts": 2, "push_pop": 2 + 2, "lpm": 2 + 3, "lpm_plus": 2 + 3, "in": 1, "out": 1},
    **{"sbi": 2, "rjmp": 2, "jmp": 3, "branch_taken": 1 + 2, "branch_not_taken": 1 + 1},
    **{"skip_none": 1 + 1 + 1, "skip_short": 1 + 2, "skip_long": 1 + 3, "loop": 2 + 40_000 - 1},
    **{"rcall_ret": 3 + 4 + 2, "call_ret": 4 + 4 + 2, "icall_ret": 2 + 3 + 4 + 2},
    # sei, four nops, cli, and between them entry (4), jmp (3) and reti (4).
    "interrupt": 6 + 4 + 3 + 4,
}
MEGA_CYCLES = AVR_CYCLES | {
    # The program counter has three bytes: calls, returns and interrupts take one cycle more.
    **{"rcall_ret": 4 + 5 + 2, "call_ret": 5 + 5 + 2, "icall_ret": 2 + 4 + 5 + 2},
    **{"elpm_plus": 2 + 3, "interrupt": 6 + 5 + 3 + 5},
}


def measured_cycles(mcu: str, image: Path) -> dict[str, int]:
    with AvrSimulator(mcu, firmware=image) as board, client(board.port) as link:
        lines = link.read_until(b"end\n").decode().splitlines()[:-1]
    return {name: int(count) for name, count in (line.split() for line in lines)}


@pytest.mark.parametrize(
    ("mcu", "wanted"), [("atmega328p", AVR_CYCLES), ("atmega2560", MEGA_CYCLES)]
)
def test_instructions_take_the_cycles_of_the_data_sheet_every_time(
    folder: Path, mcu: str, wanted: dict[str, int]
) -> None:
    image = build(folder, "cycles", mcu=mcu)
    for _ in range(3):
        assert measured_cycles(mcu, image) == wanted


def test_simulated_time_never_runs_faster_than_the_speed_asked_for(folder: Path) -> None:
    image = build(folder, "echo")
    start = time.monotonic()
    with (
        AvrSimulator("atmega328p", firmware=image, speed=0.5) as board,
        client(board.port) as link,
    ):
        link.read(5)
        assert echo(link, bytes(1000)) == bytes(1000)
        status = board.status()
    assert status.cycles <= (time.monotonic() - start) * 0.5 * status.frequency + 16_000 * 2


# --- bootloaders and flashers ---


def test_avrdude_uploads_an_arduino_sketch_that_answers_after_each_reopening(folder: Path) -> None:
    image = to_hex(build_sketch(folder))
    with AvrSimulator("atmega328p", bootloader=optiboot()) as board:
        done = avrdude(board.port, image)
        assert done.returncode == 0, done.stderr
        for _ in range(2):
            with client(board.port) as link:
                assert link.read_until() == b"sketch\r\n"
                link.write(b"hello\n")
                assert link.read_until() == b"5 soon\r\n"


def test_avrdude_uploads_to_the_mega_through_stk500v2(folder: Path) -> None:
    image = to_hex(build(folder, "echo", mcu="atmega2560"))
    require_file(Path("/usr/share/arduino/hardware/arduino/avr/bootloaders"))
    with AvrSimulator("atmega2560", bootloader=bootloader("atmega2560")) as board:
        done = avrdude(board.port, image, mega=True)
        assert done.returncode == 0, done.stderr
        with client(board.port) as link:
            assert link.read(5) == b"echo\n"


def test_avrdude_fails_on_a_bootloader_of_another_speed(folder: Path) -> None:
    image = to_hex(build(folder, "echo"))
    with AvrSimulator("atmega328p", bootloader=optiboot(57_600)) as board:
        wrong = avrdude(board.port, image)
        assert wrong.returncode != 0
        assert "not in sync" in wrong.stderr
        right = avrdude(board.port, image, baud=57_600)
        assert right.returncode == 0, right.stderr


# --- side by side, and ends ---


def test_ten_boards_side_by_side_do_not_mix(folder: Path) -> None:
    image = build(folder, "echo")
    boards = [AvrSimulator("atmega328p", firmware=image) for _ in range(10)]
    answers: list[tuple[bytes, bytes]] = []

    def talk(board: AvrSimulator) -> None:
        data = secrets.token_bytes(2_000)
        with board, client(board.port) as link:
            assert link.read(5) == b"echo\n"
            answers.append((data, echo(link, data)))

    threads = [threading.Thread(target=talk, args=(board,)) for board in boards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 10
    assert all(sent == got for sent, got in answers)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z")
    except FileNotFoundError:
        return True


OWNER = """
import sys, time
from pathlib import Path
from tinyproof.simulators.avr import AvrSimulator
board = AvrSimulator("atmega328p", firmware=Path(sys.argv[1]), link=Path(sys.argv[2])).start()
print(board.port, board.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_owner_dies(folder: Path, tmp_path: Path, how: int) -> None:
    image, link = build(folder, "echo"), tmp_path / "board"
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(image), str(link)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert owner.stdout is not None
    port, pid = owner.stdout.readline().split()
    assert link.readlink() == Path(port)
    owner.send_signal(how)
    owner.wait(20)
    owner.stdout.close()
    assert wait_for(lambda: gone(int(pid)))
    assert not link.is_symlink()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_simulator_cleanly(folder: Path, tmp_path: Path, how: int) -> None:
    link = tmp_path / "board"
    board = AvrSimulator("atmega328p", firmware=build(folder, "echo"), link=link)
    with board:
        os.kill(board.pid, how)
        with pytest.raises(PortError, match="gone"):
            board.wait()
        assert not link.is_symlink()
        with pytest.raises(PortError, match="gone"):
            board.status()


def test_closing_ends_the_process_and_keeps_the_last_status(folder: Path) -> None:
    with (
        AvrSimulator("atmega328p", firmware=build(folder, "echo")) as board,
        client(board.port) as link,
    ):
        pid = board.pid
        assert echo(link, b"echo\n1234")[:5] == b"echo\n"
    assert gone(pid)
    assert board.status().rx == 9
    board.close()


# --- bad input ---


def test_images_that_cannot_be_loaded_are_refused_by_name_and_reason(
    folder: Path, tmp_path: Path
) -> None:
    good = to_hex(build(folder, "echo")).read_bytes()
    cases = {
        "empty.hex": (b"", "empty"),
        "text.hex": (b"hello\n", "line 1"),
        "flipped.hex": (good.replace(b"0", b"1", 1), "line 1"),
        "cut.hex": (good[: len(good) // 2].rsplit(b"\n", 1)[0], "without its last record"),
        # Four bytes at 64 KB.
        "large.hex": (b":020000021000EC\n:0400000001020304F2\n:00000001FF\n", "beyond the flash"),
        "other.elf": (Path(sys.executable).resolve().read_bytes(), "another processor"),
        "short.elf": (build(folder, "echo").read_bytes()[:100], "truncated"),
    }
    for name, (content, reason) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UsageError, match=reason) as caught:
            AvrSimulator("atmega328p", firmware=path).start()
        assert name in caught.value.sentence
    with pytest.raises(UsageError, match="No such file"):
        AvrSimulator("atmega328p", bootloader=tmp_path / "absent.hex").start()


def linked(link: Path) -> AvrSimulator:
    return AvrSimulator("atmega328p", bootloader=bootloader("atmega328p"), link=link)


def test_a_link_of_a_running_board_is_neither_taken_nor_removed(tmp_path: Path) -> None:
    link = tmp_path / "ttyUNO"
    with linked(link) as first:
        with pytest.raises(UsageError, match=f"ttyUNO exists already: it leads to {first.port}"):
            linked(link).start()
        assert str(link.readlink()) == first.port
    assert not link.is_symlink()


def test_a_file_in_the_place_of_the_link_stays(tmp_path: Path) -> None:
    link = tmp_path / "ttyUNO"
    link.write_text("mine")
    with pytest.raises(UsageError, match="exists already") as caught:
        linked(link).start()
    assert "Choose another name, or end that simulator." in caught.value.hint
    assert link.read_text() == "mine"
    with pytest.raises(UsageError, match="no such folder"):
        linked(tmp_path / "absent" / "ttyUNO").start()


def test_a_link_that_leads_nowhere_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "ttyUNO"
    link.symlink_to("/dev/pts/987654")
    with linked(link) as board:
        assert str(link.readlink()) == board.port
    assert not link.is_symlink()


def test_a_link_that_is_somebody_elses_by_now_stays(tmp_path: Path) -> None:
    link = tmp_path / "ttyUNO"
    with linked(link):
        link.unlink()
        link.symlink_to(tmp_path)
    assert link.readlink() == tmp_path


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
