"""Puts a build on a board, with the uploader of its PlatformIO platform, and says why it failed."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tinyproof import platformio
from tinyproof.build import Build
from tinyproof.errors import FlashError, ToolchainError
from tinyproof.progress import Step
from tinyproof.project import Project
from tinyproof.storage import storage_errors
from tinyproof.text import printable

ATTEMPTS = 3
"""How often the uploader may try to reach a bootloader: further attempts take 6 s each."""

_STAGES = (
    (re.compile(r"Uploading |initialized and ready|Connected to"), "connected"),
    (re.compile(r"\b[Ww]riting\b"), "writing"),
    (re.compile(r"\b[Vv]erif(?:y|ying)\b"), "verifying"),
    (re.compile(r"flash verified|Hash of data verified"), "verified"),
)
_ATTEMPT = re.compile(r"attempt (\d+) of \d+")
_NOISE = re.compile(r"ioctl\(|^\*\*\* \[\w+\] Error|^=+ ")


_REPLUG = "Check the cable and the board's power, then run again: it is flashed anew."


@dataclass(frozen=True)
class _Cause:
    """One way in which uploads fail: how the tool says so, what that means, what to do next."""

    pattern: re.Pattern[str]
    sentence: str
    hint: str


_CAUSES = (
    _Cause(
        re.compile(r"(?:cannot|can't) open (?:port|device).*: (?:No such|\[Errno 2\])", re.I),
        "The port {port} vanished before the upload",
        "Check the cable and the board's power, then run again.",
    ),
    _Cause(
        re.compile(r"(?:cannot|can't|could not) open (?:port|device)|resource busy", re.I),
        "The uploader cannot open {port}",
        "End whatever else uses the port, then run again.",
    ),
    _Cause(
        re.compile(r"Input/output error|Broken pipe|Bad file descriptor|No such device", re.I),
        "The port {port} broke down in the upload, and the board holds a part of the firmware",
        _REPLUG,
    ),
    _Cause(
        re.compile(
            r"(?:expected|wrong|does not match).*signature|signature.*(?:wrong|expected)", re.I
        ),
        "The chip on {port} is not that of {title}",
        "Check what is plugged in, and give its --target.",
    ),
    _Cause(
        re.compile(r"verification (?:error|mismatch)|verification failed|first mismatch", re.I),
        "The flash of the board on {port} does not keep what was written",
        "Run again; if it fails again the chip is worn out, or its fuses protect it.",
    ),
    _Cause(
        re.compile(r"not in sync|not responding|timeout|timed out|protocol error", re.I),
        "No bootloader answers on {port} as that of {title} does",
        "Check that the board is {title} and its bootloader runs at {baud} baud (if not, set "
        "upload_speed in target.ini); press its reset button and run again.",
    ),
    _Cause(
        re.compile(r"out of range|too large|does not fit", re.I),
        "The image is too large for the board on {port}",
        "Take a smaller model, or a target with more memory.",
    ),
)


class _Watcher:
    """Follows the uploader, a line at a time."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._stage = -1

    @property
    def connected(self) -> bool:
        """Whether the uploader has begun."""
        return self._stage >= 0

    def see(self, line: str) -> None:
        """Tell how far it is.

        Raises:
            _GaveUpError: it has tried often enough.
        """
        attempt = _ATTEMPT.search(line)
        if attempt and int(attempt.group(1)) >= ATTEMPTS:
            raise _GaveUpError
        for stage, (pattern, name) in enumerate(_STAGES):
            if stage > self._stage and pattern.search(line):
                self._stage = stage
                self._step.update(stage, len(_STAGES), name)


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
    watcher = _Watcher(step)
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
                give_up=lambda: _gone(port),
            )
        except _GaveUpError:
            code = 1
    if code != 0:
        raise _vanished(port) if watcher.connected and _gone(port) else explain(log, built, port)
    log.unlink(missing_ok=True)


def _gone(port: str) -> bool:
    """Whether the device is no longer there; avrdude would wait for its answer for ever."""
    return port.startswith("/") and not Path(port).exists()


def _vanished(port: str) -> FlashError:
    return FlashError(
        f"The port {printable(port)} vanished in the upload, and the board holds a part of the "
        "firmware.",
        hint=_REPLUG,
    )


def _plain(port: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", port).strip("-")[-40:]


def explain(log: Path, built: Build, port: str) -> FlashError | ToolchainError:
    """Return the error that tells why the upload with this ``log`` failed."""
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines()]
    missing = re.search(r"(?:sh: \d+: )?(\S+): (?:command )?not found", text)
    if missing:
        return ToolchainError(
            f"The uploader {missing.group(1)} is not installed.", hint="tinyproof doctor"
        )
    words = {
        "port": printable(port),
        "title": built.target.title,
        "baud": _upload_speed(text, built),
    }
    for cause in _CAUSES:
        said = next((line for line in lines if cause.pattern.search(line)), "")
        if said:
            return FlashError(
                f"{cause.sentence.format(**words)}: {_shown(said)}.",
                hint=cause.hint.format(**words),
            )
    said = next(filter(_tells, lines), "the uploader said nothing")
    return FlashError(
        f"The upload to {words['port']} failed: {_shown(said)}.", hint=f"The complete log is {log}."
    )


def _tells(line: str) -> bool:
    return bool(re.search(r"error|fatal|fail", line, re.I)) and not _NOISE.search(line)


def _shown(line: str) -> str:
    return printable(line.rstrip(" .!"))


def _upload_speed(text: str, built: Build) -> str:
    given = built.target.options.get("upload_speed", "")
    used = re.search(r"-b ?(\d+)", text)
    return given or (used.group(1) if used else "115200")
