"""How a board is reached: held for this run alone, opened, flashed if it runs something else.

Real ports and simulated boards take the same path; a simulated one is started first and is empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tinyproof.benchmap import BenchMap
from tinyproof.build import Build
from tinyproof.device import Device
from tinyproof.discovery import SIMULATED, Attached, attached, find, resolve
from tinyproof.errors import (
    BootError,
    DeviceSilentError,
    EchoError,
    FlashError,
    IdentityError,
    PortCause,
    PortError,
    ProtocolError,
    RefusedError,
    TinyProofError,
    UsageError,
)
from tinyproof.flash import upload
from tinyproof.identity import Identity
from tinyproof.link import Link, open_link
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.quarantine import Quarantine
from tinyproof.recovery import BoardPort, open_board
from tinyproof.simulators.start import SimulatedBoard, simulated_board, start_program
from tinyproof.storage import lock
from tinyproof.targets import RESETS_WITHOUT_PORT, Target
from tinyproof.text import printable

GLANCE_SECONDS = 1.0
"""How long a board that may be flashed is given to say who it is, once its bootloader is done."""
_NOT_IT = (RefusedError, BootError, DeviceSilentError, ProtocolError)


@dataclass(frozen=True)
class Access:
    """A board that is ours until this is given up; its port can be opened again and again.

    Attributes:
        port: name or URL of the port; empty for a program, which opens it when it starts.
        open: opens the link to it.
        simulator: the simulated board, None for a real one and for a program.
        guess: the board, if nobody named it and only a common USB id says what it may be.
    """

    port: str
    open: Callable[[], Link]
    simulator: SimulatedBoard | None = None
    guess: Attached | None = None


def is_simulated(target: Target, port: str | None) -> bool:
    """Whether ``port`` means the target's simulator.

    Raises:
        UsageError: several boards may be meant, or there is no simulator.
        PortError: no port is given and no board attached, or not the one of that name.
    """
    return _is_simulated(target, resolve(target, port))


def no_board(target: Target) -> PortError:
    """Return the error for a target of which no board is attached, and no port given."""
    hint = "Plug it in, or name its port with --port; tinyproof ports lists them"
    if target.simulator:
        hint += ", and --port sim starts a simulator"
    if target.serial == "usb_cdc":
        hint += "; a new board may have none before its first upload: see docs/boards.md"
    return PortError(
        f"Target {target.name} needs a port: no attached board is known to be one.",
        port="",
        cause=PortCause.ABSENT,
        hint=f"{hint}.",
    )


def _is_simulated(target: Target, port: str | None) -> bool:
    if port is None and not target.hosted:
        raise no_board(target)
    if port not in (None, SIMULATED):
        return False
    if not target.simulator:
        raise UsageError(
            f"Target {target.name} has no simulator.", hint="Name the port of a board."
        )
    return True


@contextmanager
def hold_board(
    project: Project, target: Target, built: Build, port: str | None
) -> Iterator[Access]:
    """Take a board that nobody else of this project may use meanwhile; start it if simulated.

    Raises:
        UsageError: see ``is_simulated``.
        PortError: no board is attached, another run has it, or the simulator does not start.
        ToolchainError: the simulator is not installed.
    """
    meant = find(target, port)
    port = meant.port
    if not _is_simulated(target, port):
        assert port is not None
        board_port = BoardPort(port, partial(_open, target))
        busy = PortError(
            f"Another run of this project is using the board on {port}.",
            port=port,
            cause=PortCause.BUSY,
            hint="Wait for it to end, or name another port.",
        )
        with lock(_board_lock(project, port), wait_s=0, busy=busy):
            yield Access(port, board_port.open, guess=meant.guess)
    elif target.hosted:
        yield Access("", lambda: start_program(target, built.program))
    else:
        with simulated_board(target) as board, _told_by(board):
            yield Access(board.port, lambda: open_link(board.port, target.baud), board)


def _open(target: Target, port: str) -> Link:
    """Open a real board's port, with DTR and RTS as the board wants them.

    Espressif's auto-reset circuit takes them for reset and boot mode. A port that is the chip's own
    USB sends nothing before DTR is set.
    """
    released = target.reset == "esp" and target.serial == "bridge"
    return open_board(port, target.baud, released=released)


@contextmanager
def _told_by(board: SimulatedBoard) -> Iterator[None]:
    """Add to an error what the simulated chip knows of it."""
    try:
        yield
    except (BootError, DeviceSilentError, PortError) as error:
        if trouble := board.trouble():
            error.hint = f"The simulated chip stopped: {trouble}. {error.hint}"
        raise


def _board_lock(project: Project, port: str) -> Path:
    """Return the lock of the board on ``port``, the same one for every link to the same device."""
    device = port if "://" in port else str(Path(port).resolve())
    name = hashlib.sha256(device.encode(errors="surrogateescape")).hexdigest()[:16]
    return project.state / "locks" / f"board-{name}.lock"


def greet(device: Device, target: Target, *, seconds: float | None = None) -> None:
    """Open the conversation with a board that may have been reset by opening its port.

    Args:
        device: the board.
        target: tells how long a bootloader may be listening.
        seconds: how long the firmware has to answer after that; ``HELLO_SECONDS`` if not given.

    Raises:
        BootError, DeviceSilentError, ProtocolVersionError: see ``Device.hello``.
    """
    quiet = target.boot_ms / 1000
    deadline = None if seconds is None else device.link.deadline(quiet + seconds)
    device.hello(deadline, quiet_seconds=quiet)


@contextmanager
def meet(
    project: Project,
    built: Build,
    expected: Identity,
    access: Access,
    progress: Progress,
    *,
    flash: bool,
    despite_echo: bool = False,
) -> Iterator[Device]:
    """Converse with a board that runs the expected firmware, flashed first if it does not.

    What runs after flashing is asked, not assumed.

    Args:
        project: says how to upload.
        built: the firmware.
        expected: what a board that runs it says of itself.
        access: the board.
        progress: told of each step.
        flash: whether a board that runs something else may be flashed.
        despite_echo: also where the port echoes: hardly ever is there a board.

    Raises:
        RefusedError: somebody else is met, and must not be or could not be replaced.
        BootError, DeviceSilentError, ProtocolError, PortError: nobody we know is met.
        FlashError, ToolchainError: the upload failed.
    """
    flash = flash and not built.target.hosted
    warn_of_quarantine(access, progress)
    # One that may be flashed is not waited for long; of a guess nothing but its word will do.
    patience = GLANCE_SECONDS if flash and access.guess is None else None
    port, stranger = access.port, False
    with progress.step("connect", access.port or "a program of this machine") as step:
        device = Device(access.open())
        try:
            _demand(device, built, expected, seconds=patience)
            step.result(f"build {built.id_hex[:8]} confirmed on {device.link.port}")
        except _NOT_IT as error:
            port = device.link.port
            device.close()
            if not flash or (isinstance(error, EchoError) and not despite_echo):
                raise
            _demand_word(access.guess, built.target, error)
            stranger = True
            step.result(_why_flash(error))
        except BaseException:
            device.close()
            raise
    if stranger:
        device = _flash(project, built, expected, access, port, progress)
    with device:
        yield device


def warn_of_quarantine(access: Access, progress: Progress) -> None:
    """Tell that a board is in quarantine, if it is; it is used all the same."""
    is_real = access.port and access.simulator is None
    if is_real and (warning := Quarantine().warning(access.port)):
        progress.note(warning)


def _demand_word(guess: Attached | None, target: Target, met: TinyProofError) -> None:
    """Refuse to overwrite what may be anybody's device, unless it said that it is of the target.

    Args:
        guess: the board, if its target is a guess.
        target: what it is taken for.
        met: how it answered.

    Raises:
        RefusedError: it did not answer as one.
    """
    if guess is None or (isinstance(met, IdentityError) and met.field != "target"):
        return
    port = printable(guess.port)
    name = f"; or give it a name: tinyproof ports --save bench.toml --as {port}={target.name}"
    raise RefusedError(
        f"{guess.words} may be any device with this USB chip ({guess.usb_text}) and does not "
        f"answer as {target.name}, so its port has to be named before it is flashed.",
        hint=f"If it is yours to flash: --port {port}{name if guess.serial_number else ''}",
    ) from met


def _why_flash(error: TinyProofError) -> str:
    if isinstance(error, IdentityError):
        return f"to be flashed: its {error.field} is {error.got}"
    if isinstance(error, DeviceSilentError):
        return "to be flashed: it is silent"
    return "to be flashed: it runs something else"


def _flash(
    project: Project,
    built: Build,
    expected: Identity,
    access: Access,
    port: str,
    progress: Progress,
) -> Device:
    """Flash the board on ``port`` and return the conversation with what runs on it then."""
    _demand_alone(built.target)
    with progress.step("flash", port) as step:
        upload(project, built, port, step)
        step.result(f"{built.sizes.flash:,} bytes")
    with progress.step("connect", port) as step:
        device = Device(access.open())
        try:
            _demand(device, built, expected)
        except BaseException:
            device.close()
            raise
        step.result(f"build {built.id_hex[:8]} confirmed on {device.link.port}")
    return device


def _demand_alone(target: Target) -> None:
    """Refuse an upload that could reach another board than the one that is meant.

    Raises:
        FlashError: the target's uploader takes no port, and its USB id is there more than once.
    """
    if target.reset not in RESETS_WITHOUT_PORT:
        return
    boards = [board for board in attached([target], BenchMap()) if board.targets]
    if len(boards) > 1:
        raise FlashError(
            f"The uploader of {target.title} takes no port, and {len(boards)} boards have its USB "
            f"id: {', '.join(board.words for board in boards)}.",
            hint="Unplug those that are not to be flashed, then run again.",
        )


def _demand(
    device: Device, built: Build, expected: Identity, *, seconds: float | None = None
) -> None:
    greet(device, built.target, seconds=seconds)
    demand_identity(device, built, expected)


def demand_identity(device: Device, built: Build, expected: Identity) -> None:
    """Refuse a board that runs anything but ``built``.

    Raises:
        IdentityError: names the first thing that differs from ``expected``.
    """
    try:
        device.check_identity(expected)
    except IdentityError as error:
        if built.target.hosted:
            # A program is not flashed but started.
            error.hint = f"Leave out --port, or start this program: {built.program}"
        raise
