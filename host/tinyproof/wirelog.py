"""The wire log of a run: every byte that passed, and all that is needed to judge it again.

JSON, one object a line. The first is the header: version, what was tested on what, model and
samples. Then one line for each chunk, ``{"t": seconds, "read": base64}`` or ``"write"``, in the
order in which they passed, and at last ``{"end": ...}`` with the error that ended the run, or null.
A log without an end is a part of one. ``docs/bad-links.md`` shows how it is used.
"""

from __future__ import annotations

import base64
import binascii
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, BinaryIO

from tinyproof.budgets import HEARD, valid
from tinyproof.errors import StorageError, TinyProofError, UsageError
from tinyproof.report import Provenance
from tinyproof.storage import open_given
from tinyproof.text import printable
from tinyproof.verdict import Task

VERSION = 1
MAX_BYTES = 256 << 20
"""The largest log: nothing more is written, and nothing larger is read."""
MAX_LINE = 128 << 20
"""The longest line, which is the header's: it holds model and samples."""
_TEXT_SHOWN = 2000


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a log is of.

    Attributes:
        target: name of the target.
        engine: ``aot`` or ``tflm``.
        provenance: what ran the firmware.
        port: name or URL of the port.
        model_name: the model's file name.
        model: the ``.tflite`` file.
        samples: all records, end to end.
        samples_source: where they come from.
        labels: one for each sample; None without labels.
        build_id: of the firmware that was expected.
        task: ``classification`` or ``tensor``.
        tolerance_lsb: k of the verdicts close and tie, None if not given.
        max_latency_us: budget of the p99 latency, None if there was none; also among ``budgets``.
        budgets: limits by name, see ``tinyproof.budgets``: those that the bytes can prove kept.
    """

    target: str
    engine: str
    provenance: Provenance
    port: str
    model_name: str
    model: bytes
    samples: bytes
    samples_source: str
    labels: list[int] | None
    build_id: bytes
    task: Task
    tolerance_lsb: int | None
    max_latency_us: float | None
    budgets: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that passed.

    Attributes:
        seconds: since the log began.
        is_read: whether they came from the board.
        data: the bytes.
    """

    seconds: float
    is_read: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """How the run ended.

    Attributes:
        error: what ended it early or cast doubt on it; None if nothing did.
    """

    error: TinyProofError | None


class WireLog:
    """A log being written; give ``observe`` to the link.

    What goes wrong with the file shows when it is finished: no run ends because of its log.
    """

    def __init__(self, path: Path) -> None:
        """Begin ``path`` anew.

        Raises:
            StorageError: it cannot be written.
        """
        self.path = path
        self._began = time.monotonic()
        self._written = 0
        self._trouble: str = ""
        try:
            self._file: BinaryIO = open(path, "wb")  # noqa: SIM115 - finish() closes it
        except OSError as error:
            raise StorageError(
                f"The wire log {printable(str(path))} cannot be written: {error.strerror}.",
                hint="Name another file with --wire-log.",
            ) from error

    def begin(self, header: Header) -> None:
        """Write the header."""
        known = {"wire_log": VERSION, **asdict(header)}
        self._write({k: _text(v) if isinstance(v, bytes) else v for k, v in known.items()})

    def observe(self, direction: str, data: bytes) -> None:
        """Write a chunk; ``direction`` is ``read`` or ``write``."""
        seconds = round(time.monotonic() - self._began, 6)
        self._write({"t": seconds, direction: _text(data)})

    def finish(self, error: TinyProofError | None) -> StorageError | None:
        """Write the end and close; return why the log is not whole, None if it is."""
        end = None
        if error is not None:
            end = {"error": type(error).__name__, "sentence": error.sentence, "hint": error.hint}
        self._write({"end": end})
        try:
            self._file.close()
        except OSError as trouble:
            self._trouble = self._trouble or str(trouble.strerror)
        if not self._trouble:
            return None
        return StorageError(
            f"The wire log {printable(str(self.path))} is not whole: {self._trouble}.",
            hint="Make room, or log a shorter run.",
        )

    def _write(self, line: dict[str, Any]) -> None:
        text = json.dumps(line).encode("ascii") + b"\n"
        if self._written + len(text) > MAX_BYTES or len(text) > MAX_LINE:
            self._trouble = self._trouble or f"it would exceed {MAX_BYTES:,} bytes"
        if self._trouble:
            return
        self._written += len(text)
        try:
            self._file.write(text)
        except OSError as error:
            self._trouble = str(error.strerror)


def read_log(path: Path) -> tuple[Header, Iterator[Chunk | End]]:
    """Read a log, trusting nothing in it: the header, then what follows as it is asked for.

    Raises:
        UsageError: missing, not a log of this version, damaged; also while reading on.
        StorageError: it cannot be read.
    """
    lines = _lines(path)
    _, first = next(lines, (1, {}))
    return _header(first), (_entry(number, line) for number, line in lines)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    label = printable(str(path))
    try:
        with open_given(path) as file:
            number, read = 0, 0
            while line := file.readline(MAX_LINE + 1):
                number, read = number + 1, read + len(line)
                if read > MAX_BYTES or len(line) > MAX_LINE:
                    raise UsageError(f"The wire log {label} is larger than {MAX_BYTES:,} bytes.")
                yield number, _parse(number, line)
    except FileNotFoundError as error:
        raise UsageError(
            f"There is no wire log {label}.", hint="tinyproof run --wire-log FILE writes one."
        ) from error
    except OSError as error:
        raise StorageError(f"The wire log {label} cannot be read: {error.strerror}.") from error


def _parse(number: int, line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _damaged(number, "it is not JSON") from error
    if not isinstance(value, dict):
        raise _damaged(number, "it is not an object")
    return value


def _header(line: dict[str, Any]) -> Header:
    if line.get("wire_log") != VERSION:
        raise UsageError(
            f"This is not a wire log of version {VERSION}.",
            hint="Give a file that tinyproof run --wire-log of this version wrote.",
        )
    values: dict[str, Any] = {}
    for known in fields(Header):
        # Logs of before have no budgets but the one.
        value = line.get(known.name, {} if known.name == "budgets" else None)
        if known.type == "bytes":
            value = _bytes(1, value)
        if not _CHECKS[str(known.type)](value):
            raise _damaged(1, f"{known.name} is missing or has the wrong type")
        values[known.name] = _KEPT.get(str(known.type), _as_it_is)(value)
    return Header(**values)


def _is_number(value: Any) -> bool:
    # An integer may be too large for any float.
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _is_label(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 31


def _as_it_is(value: Any) -> Any:
    return value


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "str": lambda value: type(value) is str,
    "Provenance": lambda value: value in set(Provenance),
    "Task": lambda value: value in set(Task),
    "bytes": lambda value: type(value) is bytes,
    "int | None": lambda value: value is None or _is_label(value),
    "float | None": lambda value: value is None or (_is_number(value) and value > 0),
    "list[int] | None": lambda value: (
        value is None or (type(value) is list and all(map(_is_label, value)))
    ),
    "dict[str, float]": lambda value: (
        type(value) is dict and all(n in HEARD and valid(n, v) for n, v in value.items())
    ),
}


_KEPT: dict[str, Callable[[Any], Any]] = {
    "str": lambda value: printable(value, limit=_TEXT_SHOWN),
    "Provenance": Provenance,
    "Task": Task,
}


def _entry(number: int, line: dict[str, Any]) -> Chunk | End:
    if "end" in line:
        return End(_error(number, line["end"]))
    seconds = line.get("t")
    if not _is_number(seconds) or ("read" in line) == ("write" in line):
        raise _damaged(number, "it is neither a chunk nor the end")
    is_read = "read" in line
    return Chunk(float(seconds), is_read, _bytes(number, line["read" if is_read else "write"]))  # type: ignore[arg-type]


def _error(number: int, end: Any) -> TinyProofError | None:
    if end is None:
        return None
    keys = ("error", "sentence", "hint")
    words = [str(end.get(key)) for key in keys] if type(end) is dict else [""]
    kind = _KINDS.get(words[0])
    if kind is None or not all(type(end.get(key)) is str for key in keys):
        raise _damaged(number, "its error is unknown")
    # What an error knows beyond its words is not kept.
    error = kind.__new__(kind)
    sentence, hint = (printable(word, limit=_TEXT_SHOWN) for word in words[1:])
    TinyProofError.__init__(error, sentence, hint=hint)
    return error


def _family(kind: type[TinyProofError]) -> Iterator[type[TinyProofError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


_KINDS = {kind.__name__: kind for kind in _family(TinyProofError)}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(number: int, text: Any) -> bytes:
    if type(text) is not str:
        raise _damaged(number, "bytes are missing")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _damaged(number, "its bytes are not base64") from error


def _damaged(number: int, why: str) -> UsageError:
    return UsageError(
        f"The wire log is damaged: line {number}: {why}.",
        hint="Give the file as tinyproof run --wire-log wrote it.",
    )
