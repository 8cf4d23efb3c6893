"""Puts a build on a board, with the uploader of its PlatformIO platform, and says why it failed."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tinyproof import platformio, uploader
from tinyproof.build import Build
from tinyproof.deadline import Deadline
from tinyproof.errors import FlashError, TinyProofError, ToolchainError
from tinyproof.progress import Step
from tinyproof.project import Project
from tinyproof.storage import storage_errors
from tinyproof.text import printable

UPLOAD_SECONDS = 600.0
"""How long one upload may take, all in all: 1.3 MB at 57,600 baud takes four minutes."""
_REPLUG = "Check the cable and the board's power, then run again: it is flashed anew."


class _Watcher:
    """Follows the uploader, a line at a time."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._follower = uploader.Follower()

    @property
    def connected(self) -> bool:
        """Whether the uploader has begun."""
        return self._follower.stage >= 0

    def see(self, line: str) -> None:
        """Tell how far it is.

        Raises:
            _GaveUpError: it has tried often enough.
        """
        if uploader.is_last_attempt(line):
            raise _GaveUpError
        if not self._follower.see(line):
            return
        stage, percent = self._follower.stage, self._follower.percent
        if percent:
            self._step.update(percent, 100, self._follower.STAGES[stage])
        else:
            self._step.update(stage, len(self._follower.STAGES), self._follower.STAGES[stage])


class _GaveUpError(Exception):
    """The uploader was stopped because it would go on in vain."""


def upload(project: Project, built: Build, port: str, step: Step) -> None:
    """Flash ``built``, which is not built again, through the bootloader on ``port``.

    The port must be closed. What was written is read back by the uploader; that the board runs it
    is for the caller to ask.

    Args:
        project: whose PlatformIO configuration says how to upload.
        built: what to flash.
        port: a device name, or whatever else the platform's uploader takes.
        step: told of each stage.

    Raises:
        FlashError: it failed; carries what the uploader said.
        ToolchainError: PlatformIO or the uploader cannot be started.
        StorageError: the log cannot be written.
    """
    log = built.folder / f"upload-{_plain(port)}.log"
    arguments = ["run", "--environment", built.target.name, "--target", "nobuild"]
    arguments += ["--target", "upload", "--upload-port", port]
    watcher, patience = _Watcher(step), _Patience(built, port)
    # PlatformIO keeps notes in its workspace while it uploads: uploads of one build to several
    # boards at once would fall over each other's, so each has its own and gets the images there.
    with (
        storage_errors(built.folder),
        tempfile.TemporaryDirectory(dir=built.folder, prefix="upload-") as workspace,
    ):
        own = {
            "PLATFORMIO_WORKSPACE_DIR": workspace,
            "TINYPROOF_IMAGES": str(built.program.parent),
        }
        try:
            code = platformio.run(
                project,
                built.core,
                arguments,
                log=log,
                settings=built.settings | own,
                on_line=watcher.see,
                give_up=patience.is_out,
            )
        except _GaveUpError:
            code = 1
    if code != 0:
        raise _failed(log, built, port, watcher, patience)
    log.unlink(missing_ok=True)


class _Patience:
    """How long an uploader is let go on."""

    def __init__(self, built: Build, port: str) -> None:
        # A port that is the chip's own USB goes away when its bootloader starts.
        self._may_vanish = built.target.serial == "usb_cdc"
        self._port = port
        self._deadline = Deadline(UPLOAD_SECONDS)
        self.was_late = False

    @property
    def is_gone(self) -> bool:
        """Whether the port is no longer there; avrdude would wait for its answer for ever."""
        is_device = self._port.startswith("/") and not self._may_vanish
        return is_device and not Path(self._port).exists()

    def is_out(self) -> bool:
        """Whether the uploader goes on in vain."""
        self.was_late = self.was_late or self._deadline.expired
        return self.was_late or self.is_gone


def _failed(
    log: Path, built: Build, port: str, watcher: _Watcher, patience: _Patience
) -> TinyProofError:
    """Return why the upload did not succeed."""
    if patience.was_late:
        return FlashError(
            f"The upload to {printable(port)} did not end within {UPLOAD_SECONDS:g} s.",
            hint=f"Replug the board and run again; what the uploader said is in {log}.",
        )
    if watcher.connected and patience.is_gone:
        return _broken(printable(port), "vanished")
    return explain(log, built, port, begun=watcher.connected)


def _broken(port: str, what: str) -> FlashError:
    return FlashError(
        f"The port {port} {what} in the upload, and the board holds a part of the firmware.",
        hint=_REPLUG,
    )


def _plain(port: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", port).strip("-")[-40:]


def explain(
    log: Path, built: Build, port: str, *, begun: bool = False
) -> FlashError | ToolchainError:
    """Return the error that tells why the upload with this ``log`` failed.

    Args:
        log: what PlatformIO and the uploader said.
        built: what was to be flashed.
        port: where to.
        begun: whether the uploader had spoken with a bootloader.
    """
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines()]
    missing = re.search(r"(?:sh: \d+: )?(\S+): (?:command )?not found", text)
    if missing:
        return ToolchainError(
            f"The uploader {missing.group(1)} is not installed.", hint="tinyproof doctor"
        )
    board = uploader.Board(
        printable(port), built.target.title, built.target.reset, _upload_speed(text, built)
    )
    known = uploader.why(lines, board)
    if known:
        sentence, said, hint = known
        return FlashError(f"{sentence}: {_shown(said)}.", hint=hint)
    said = uploader.complaint(lines)
    if begun and not said:
        return _broken(board.port, "vanished or broke down")
    said = _shown(said or "the uploader said nothing")
    return FlashError(
        f"The upload to {board.port} failed: {said}.", hint=f"The complete log is {log}."
    )


def _shown(line: str) -> str:
    return printable(line.rstrip(" .!?"))


def _upload_speed(text: str, built: Build) -> str:
    given = built.target.options.get("upload_speed", "")
    used = re.search(r"(?:-b ?|--baud )(\d+)", text)
    return given or (used.group(1) if used else "115200")
