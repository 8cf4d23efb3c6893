"""The simulated Arduino boards: cycles, bootloader and flasher, images, links, and their ends."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from avr_clients import client, echo, wait_for
from avr_programs import build, build_sketch, to_hex

from tinyproof.errors import PortError, UsageError
from tinyproof.simulators.avr import AvrSimulator, bootloader
from tools import require_file, require_tool

pytestmark = pytest.mark.usefixtures("libsimavr")


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
    tmp_path: Path, mcu: str, wanted: dict[str, int]
) -> None:
    image = build(tmp_path, "cycles", mcu=mcu)
    for _ in range(3):
        assert measured_cycles(mcu, image) == wanted


def test_simulated_time_never_runs_faster_than_the_speed_asked_for(tmp_path: Path) -> None:
    image = build(tmp_path, "echo")
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


def test_avrdude_uploads_an_arduino_sketch_that_answers_after_each_reopening(
    tmp_path: Path,
) -> None:
    image = to_hex(build_sketch(tmp_path))
    with AvrSimulator("atmega328p", bootloader=optiboot()) as board:
        done = avrdude(board.port, image)
        assert done.returncode == 0, done.stderr
        for _ in range(2):
            with client(board.port) as link:
                assert link.read_until() == b"sketch\r\n"
                link.write(b"hello\n")
                assert link.read_until() == b"5 soon\r\n"


def test_avrdude_uploads_to_the_mega_through_stk500v2(tmp_path: Path) -> None:
    image = to_hex(build(tmp_path, "echo", mcu="atmega2560"))
    require_file(Path("/usr/share/arduino/hardware/arduino/avr/bootloaders"))
    with AvrSimulator("atmega2560", bootloader=bootloader("atmega2560")) as board:
        done = avrdude(board.port, image, mega=True)
        assert done.returncode == 0, done.stderr
        with client(board.port) as link:
            assert link.read(5) == b"echo\n"


def test_avrdude_fails_on_a_bootloader_of_another_speed(tmp_path: Path) -> None:
    image = to_hex(build(tmp_path, "echo"))
    with AvrSimulator("atmega328p", bootloader=optiboot(57_600)) as board:
        wrong = avrdude(board.port, image)
        assert wrong.returncode != 0
        assert "not in sync" in wrong.stderr
        right = avrdude(board.port, image, baud=57_600)
        assert right.returncode == 0, right.stderr


# --- side by side, and ends ---


def test_ten_boards_side_by_side_do_not_mix(tmp_path: Path) -> None:
    image = build(tmp_path, "echo")
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
def test_nothing_is_left_when_the_owner_dies(tmp_path: Path, how: int) -> None:
    image, link = build(tmp_path, "echo"), tmp_path / "board"
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
def test_a_signal_ends_the_simulator_cleanly(tmp_path: Path, how: int) -> None:
    link = tmp_path / "board"
    board = AvrSimulator("atmega328p", firmware=build(tmp_path, "echo"), link=link)
    with board:
        os.kill(board.pid, how)
        with pytest.raises(PortError, match="gone"):
            board.wait()
        assert not link.is_symlink()
        with pytest.raises(PortError, match="gone"):
            board.status()


def test_closing_ends_the_process_and_keeps_the_last_status(tmp_path: Path) -> None:
    with (
        AvrSimulator("atmega328p", firmware=build(tmp_path, "echo")) as board,
        client(board.port) as link,
    ):
        pid = board.pid
        assert echo(link, b"echo\n1234")[:5] == b"echo\n"
    assert gone(pid)
    assert board.status().rx == 9
    board.close()


# --- bad input ---


def test_images_that_cannot_be_loaded_are_refused_by_name_and_reason(tmp_path: Path) -> None:
    good = to_hex(build(tmp_path, "echo")).read_bytes()
    cases = {
        "empty.hex": (b"", "empty"),
        "text.hex": (b"hello\n", "line 1"),
        "flipped.hex": (good.replace(b"0", b"1", 1), "line 1"),
        "cut.hex": (good[: len(good) // 2].rsplit(b"\n", 1)[0], "without its last record"),
        # Four bytes at 64 KB.
        "large.hex": (b":020000021000EC\n:0400000001020304F2\n:00000001FF\n", "beyond the flash"),
        "other.elf": (Path(sys.executable).resolve().read_bytes(), "another processor"),
        "short.elf": (build(tmp_path, "echo").read_bytes()[:100], "truncated"),
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
