"""Asks attached boards what they run; all at once, and none that somebody else has open.

Opening a port restarts many boards (an Uno, for one), so nobody is asked without being told to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tinyproof import diagnosis
from tinyproof.device import Device
from tinyproof.discovery import Attached
from tinyproof.errors import (
    BootError,
    DeviceSilentError,
    ProtocolVersionError,
    TinyProofError,
)
from tinyproof.hello import Hello
from tinyproof.link import DEFAULT_BAUD, open_link
from tinyproof.ports import foreign_holders
from tinyproof.targets import Target
from tinyproof.text import printable

ASK_SECONDS = 2.0
"""How long a board is given to answer, once a bootloader would be done."""
UNKNOWN_BOOT_SECONDS = 2.0
"""How long an unknown board is given for a bootloader: an AVR's takes that."""
_MOST_AT_ONCE = 32
_TEXT_SHOWN = 60
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of asking a board.

    Attributes:
        state: ``tinyproof``, ``other`` (something else lives there), ``silent``, ``busy`` or
            ``error``.
        text: in words.
        hello: what TinyProof's firmware says of itself; None if none answers.
    """

    state: str
    text: str
    hello: Hello | None = None


def ask_all(boards: Iterable[Attached], targets: Mapping[str, Target]) -> dict[str, Reply]:
    """Ask every board; port to reply. Takes as long as the slowest board."""
    asked = list(boards)
    with ThreadPoolExecutor(min(_MOST_AT_ONCE, max(1, len(asked)))) as pool:
        replies = pool.map(lambda board: ask(board, targets), asked)
        return {board.port: reply for board, reply in zip(asked, replies, strict=True)}


def ask(board: Attached, targets: Mapping[str, Target]) -> Reply:
    """Ask one board, at the speed and with the patience that the targets it may be call for."""
    held = foreign_holders(board.port)
    if held:
        names = ", ".join(f"{holder.name} (process {holder.pid})" for holder in held)
        return Reply("busy", f"busy: {names}")
    kinds = [targets[name] for name in board.targets if name in targets]
    baud = kinds[0].baud if kinds else DEFAULT_BAUD
    boot = max((kind.boot_ms / 1000 for kind in kinds), default=UNKNOWN_BOOT_SECONDS)
    released = bool(kinds) and all(k.reset == "esp" and k.serial == "bridge" for k in kinds)
    try:
        with Device(open_link(board.port, baud, released=released)) as device:
            hello = device.hello(device.link.deadline(boot + ASK_SECONDS), quiet_seconds=boot)
    except TinyProofError as error:
        return _failed(error)
    return Reply("tinyproof", _said(hello), hello)


def _failed(error: TinyProofError) -> Reply:
    if isinstance(error, DeviceSilentError):
        return Reply("silent", "silent")
    if isinstance(error, BootError):
        meaning = diagnosis.diagnose(error.text)
        what = meaning.what if meaning else "something else"
        wrote = printable(error.text.strip(), limit=_TEXT_SHOWN)
        return Reply("other", f"{what}; it wrote: {wrote}" if wrote else what)
    if isinstance(error, ProtocolVersionError):
        return Reply("other", "TinyProof's firmware of another protocol version")
    return Reply("error", error.sentence)


def _said(hello: Hello) -> str:
    model, build = hello.model, hello.build_id
    made = f"build {build.hex()[:_DIGITS]}" if any(build) else "built by hand"
    digest = model.model_sha256.hex()[:_DIGITS]
    return f"TinyProof on {printable(hello.target)}: {model.engine}, model {digest}, {made}"
