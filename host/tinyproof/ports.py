"""Which serial ports there are, who holds one, and why one does not open.

Knows Linux's ``/proc`` where there is one; elsewhere holders stay unnamed.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports

from tinyproof import benchmap
from tinyproof.errors import PortCause, PortError, TinyProofError, UsageError
from tinyproof.text import printable

_PROC = Path("/proc")
_PSEUDO_TERMINAL_MAJORS = range(136, 144)
_MEMORY_MAJOR = 1  # /dev/null and its like


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a port open.

    Attributes:
        pid: its process id.
        name: its program's name, printable.
    """

    pid: int
    name: str


def available() -> list[str]:
    """Return the device names of the serial ports that are attached, sorted."""
    return sorted(port.device for port in list_ports.comports())


def serial_number(url: str) -> str | None:
    """Return the USB serial number of the board on a port; None if it has none of its own.

    A number that two boards share tells neither of them.
    """
    if "://" in url:
        return None
    device = Path(url).resolve()
    known = [(port.device, port.serial_number) for port in list_ports.comports()]
    found = next((number for name, number in known if Path(name).resolve() == device), None)
    if not found or [number for _, number in known].count(found) > 1:
        return None
    return str(found)


def with_serial_number(number: str) -> str | None:
    """Return the port of the one board with this USB serial number, None if there is none.

    Bootloader and firmware may write it differently: ``7C:DF:A1:00:11:22``, ``7CDFA1001122``. A
    number without letters and digits is nobody's.
    """
    wanted = _bare(number)
    if not wanted:
        return None
    found = [
        port.device for port in list_ports.comports() if _bare(port.serial_number or "") == wanted
    ]
    return found[0] if len(found) == 1 else None


def _bare(number: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", number).upper()


def holders(path: str) -> list[Holder]:
    """Return the processes, ours included, that have the device open, as far as we may see."""
    device = _device_number(path)
    if device is None:
        return []
    found = [pid for pid in _processes() if _has_open(pid, device)]
    return [Holder(pid, _program_of(pid)) for pid in found]


def foreign_holders(path: str) -> list[Holder]:
    """Return the other processes that would take bytes away from us.

    The program at the other end of a pseudo-terminal may hold our end too; it is not foreign.
    """
    others = [holder for holder in holders(path) if holder.pid != os.getpid()]
    return [holder for holder in others if not _has_other_end(holder.pid, path)]


def busy(url: str, held_by: list[Holder]) -> PortError:
    """Return the error for a port that another process uses."""
    names = ", ".join(f"{holder.name} (process {holder.pid})" for holder in held_by)
    return PortError(
        f"The port {printable(url)} is busy: {names or 'another program'} has it open.",
        port=url,
        cause=PortCause.BUSY,
        hint="End that program, or choose another port.",
    )


def explain(url: str, error: OSError | ValueError) -> TinyProofError:
    """Return the error that tells why ``url`` did not open."""
    name = printable(url)
    if isinstance(error, ValueError):
        return UsageError(
            f"{name} is not a port that can be opened: {printable(str(error))}.",
            hint="Give a device such as /dev/ttyUSB0, or a URL such as socket://localhost:4000.",
        )
    if not Path(url).exists() and "://" not in url:
        return _absent(url, f"The port {name} does not exist.")
    if error.errno in (errno.EBUSY, errno.EAGAIN):
        return busy(url, holders(url))
    if error.errno in (errno.EACCES, errno.EPERM):
        return _not_permitted(url)
    if (_device_number(url) is None and "://" not in url) or "ioctl" in str(error):
        return _absent(url, f"{name} is not a serial port.")
    return PortError(
        f"The port {name} does not open: {printable(str(error))}.",
        port=url,
        cause=PortCause.ABSENT if "://" in url else PortCause.BOARD,
        hint="Check that its other end is there and takes connections.",
    )


def _absent(url: str, sentence: str) -> PortError:
    return PortError(sentence, port=url, cause=PortCause.ABSENT, hint=_suggestion())


def _suggestion() -> str:
    """Return what to name instead. A port that is not on USB, as PCs have, is no board's."""
    found = list_ports.comports()
    known = sorted(port.device for port in found if getattr(port, "vid", None) is not None)
    with suppress(UsageError):  # A damaged bench map is another trouble.
        known += benchmap.load().entries
    if known:
        return f"Choose a board: {printable(', '.join(known))}; see: tinyproof ports"
    return "No board is attached by USB: plug it in, or use --port sim; see: tinyproof ports"


def _not_permitted(url: str) -> PortError:
    return PortError(
        f"You have no permission to open the port {printable(url)}.",
        port=url,
        cause=PortCause.FORBIDDEN,
        hint=f"Run: {permission_fix(url)}.",
    )


def permission_fix(path: str) -> str:
    """Return the command after which this user may open the port."""
    try:
        group = Path(path).group()
    except (KeyError, OSError):
        group = "dialout"
    if group == "root":
        return f"sudo chmod a+rw {path}"
    return f"sudo usermod -aG {group} $USER, then log in again"


def _device_number(path: str) -> int | None:
    """Return the number of the terminal-like device at ``path``; None if there is none."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    number = status.st_rdev
    is_port = stat.S_ISCHR(status.st_mode) and os.major(number) != _MEMORY_MAJOR
    return number if is_port else None


def _processes() -> list[int]:
    try:
        return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
    except OSError:
        return []


def _open_files(pid: int) -> list[Path]:
    try:
        return list((_PROC / str(pid) / "fd").iterdir())
    except OSError:
        return []


def _has_open(pid: int, device: int) -> bool:
    return any(_device_number(str(link)) == device for link in _open_files(pid))


def is_attached(url: str) -> bool:
    """Whether a port or URL leads to a device at this machine, and surely to no program."""
    devices = _devices(url)
    return bool(devices) and not any(map(_is_pseudo_terminal, devices))


def _devices(url: str) -> list[str]:
    """Return what pyserial may open for a port or URL; empty if that is elsewhere or unknown.

    ``hwgrep://`` may fit several; its options choose, but some of them open ports to do so.
    """
    scheme, is_url, rest = url.partition("://")
    if not is_url:
        return [url]
    if scheme.lower() in ("alt", "spy"):
        return [re.split("[?#]", rest)[0]]
    if scheme == "hwgrep":
        with suppress(re.error):
            return [str(port.device) for port in list_ports.grep(rest.partition("&")[0])]
    return []


def _is_pseudo_terminal(path: str) -> bool:
    """Whether a device, or what it is a link to, ends in a program."""
    number = _device_number(path)
    return number is not None and os.major(number) in _PSEUDO_TERMINAL_MAJORS


def _has_other_end(pid: int, path: str) -> bool:
    """Return whether the process is the master of the pseudo-terminal at ``path``."""
    device = _device_number(path)
    if device is None or os.major(device) not in _PSEUDO_TERMINAL_MAJORS:
        return False
    index = 256 * (os.major(device) - _PSEUDO_TERMINAL_MAJORS[0]) + os.minor(device)
    masters = [link for link in _open_files(pid) if _target_of(link).endswith("ptmx")]
    return any(_terminal_index(link) in (index, None) for link in masters)


def _target_of(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def _terminal_index(link: Path) -> int | None:
    """Return which pseudo-terminal an open file is the master of; None if the system hides it."""
    try:
        lines = (link.parent.parent / "fdinfo" / link.name).read_text().splitlines()
    except OSError:
        return None
    numbers = [line.split()[1] for line in lines if line.startswith("tty-index:")]
    return int(numbers[0]) if numbers else None


def _program_of(pid: int) -> str:
    try:
        return printable((_PROC / str(pid) / "comm").read_text().strip())
    except OSError:
        return "a program"
