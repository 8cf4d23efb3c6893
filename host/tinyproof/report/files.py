"""Writes ``report.json`` and reads it back, trusting nothing in it."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Any

from tinyproof.errors import StorageError, UsageError
from tinyproof.report.consistency import contradictions
from tinyproof.report.model import SCHEMA, Report
from tinyproof.storage import open_given, write_atomic
from tinyproof.text import printable

FILE_NAME = "report.json"
MAX_NUMBER = 1 << 63
"""No integer in a report is larger."""
MAX_BYTES = 64 << 20
"""The largest report that is read."""


def to_dict(value: Any) -> Any:
    """Return a report, or a part of it, as JSON's own types."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {_key(f): to_dict(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: to_dict(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_dict(item) for item in value]
    return value


def from_dict(data: Any) -> Report:
    """Return the report that ``to_dict`` made; unknown keys are ignored.

    Raises:
        UsageError: not a report of this version.
    """
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise UsageError(
            f"This is not a TinyProof report of version {SCHEMA}.",
            hint="Give a report.json written by this version of tinyproof.",
        )
    report: Report = _parse(Report, data, "report")
    return report


def write_report(
    report: Report, folder: Path, *, before: Callable[[], object] | None = None
) -> Path:
    """Write ``folder/report.json`` whole or not at all, and return its path.

    ``before`` is called when only the earlier report is left to replace; see ``write_atomic``.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = folder / FILE_NAME
    text = json.dumps(to_dict(report), indent=2, allow_nan=False)
    write_atomic(path, text.encode("ascii") + b"\n", before=before)
    return path


def load_report(path: Path) -> Report:
    """Read a report; ``path`` is the file or the folder that holds it.

    Raises:
        UsageError: missing, not a report of this version, or one that contradicts itself.
        StorageError: the file cannot be read.
    """
    file = path / FILE_NAME if path.is_dir() else path
    label = printable(str(file))
    try:
        with open_given(file) as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(
            f"There is no report {label}.",
            hint="Give the folder that --out named; of several targets or models, one in it.",
        ) from error
    except OSError as error:
        raise StorageError(
            f"The report {label} cannot be read: {error.strerror}.", hint="Check its permissions."
        ) from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"The report {label} is larger than {MAX_BYTES:,} bytes.")
    try:
        report = from_dict(json.loads(data))
    except UsageError as error:
        raise UsageError(f"{label}: {error.sentence}", hint=error.hint) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"The report {label} is not JSON.", hint="Run again to write it."
        ) from error
    for clause in contradictions(report):
        raise UsageError(
            f"The report {label} contradicts itself: {printable(clause)}.",
            hint="Give a report.json as tinyproof wrote it.",
        )
    return report


def schema() -> dict[str, Any]:
    """Return the JSON Schema of ``report.json``, as published with the package."""
    text = resources.files("tinyproof.report").joinpath("schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _key(field: dataclasses.Field[Any]) -> str:
    return str(field.metadata.get("key", field.name))


def _parse(kind: Any, data: Any, where: str) -> Any:
    """Build a value of type ``kind`` from JSON's types, or raise UsageError naming the place."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        options = [a for a in arguments if a is not types.NoneType]
        return None if data is None else _parse(options[0], data, where)
    if origin is tuple and isinstance(data, list):
        return tuple(_parse(arguments[0], item, where) for item in data)
    if origin is dict and isinstance(data, dict):
        return {
            str(key): _parse(arguments[1], item, f"{where}.{key}") for key, item in data.items()
        }
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and isinstance(data, dict):
        return _parse_dataclass(kind, data, where)
    if isinstance(kind, type) and issubclass(kind, Enum) and data in [item.value for item in kind]:
        return kind(data)
    return _parse_plain(kind, data, where)


def _parse_plain(kind: Any, data: Any, where: str) -> Any:
    if type(data) is int and abs(data) > MAX_NUMBER:
        raise _malformed(where)
    if kind is float and type(data) in (int, float) and math.isfinite(data):
        return float(data)
    if kind in (int, str, bool) and type(data) is kind:
        return data
    raise _malformed(where)


def _parse_dataclass(kind: type, data: dict[str, Any], where: str) -> Any:
    hints = typing.get_type_hints(kind)
    values = {}
    for field in dataclasses.fields(kind):
        if _key(field) not in data:
            # Written by a version that did not know the field yet.
            if field.default is not dataclasses.MISSING:
                continue
            raise _malformed(f"{where}.{_key(field)}")
        place = f"{where}.{_key(field)}"
        values[field.name] = _parse(hints[field.name], data[_key(field)], place)
    return kind(**values)


def _malformed(where: str) -> UsageError:
    return UsageError(
        f"The report's field {printable(where, limit=80)} is missing or has the wrong type.",
        hint="Give a report.json as tinyproof wrote it.",
    )
