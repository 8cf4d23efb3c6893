"""Writes all files of a report: JSON, evidence, HTML, Markdown, JUnit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tinyproof.errors import StorageError
from tinyproof.report import html, junit, markdown
from tinyproof.report.evidence import FILE_NAME as EVIDENCE
from tinyproof.report.evidence import Evidence, write_evidence
from tinyproof.report.files import write_report
from tinyproof.report.model import Report
from tinyproof.storage import alone_in, storage_errors, write_atomic


def write_all(report: Report, evidence: Evidence | None, folder: Path) -> None:
    """Write every file, each whole or not at all.

    ``report.json`` comes first, and without it no other is written: what an earlier run left stays
    as it is. All but the evidence can be made again from these two, so that another that cannot be
    written stops none. Two runs at once write one set after the other.

    At no instant is a file of an earlier run beside a new ``report.json``: they go when the new one
    is whole on the disk, and then it takes its place. Stopped between the two, the earlier
    ``report.json`` is left, by itself.

    Raises:
        StorageError: the first that could not be written.
    """
    with alone_in(folder):
        write_report(report, folder, before=lambda: _forget(folder))
        actions: list[Callable[[], object]] = []
        if evidence is not None:
            actions.append(lambda: write_evidence(evidence, folder))
        actions.append(lambda: write_views(report, evidence, folder))
        _do_all(actions)


def _forget(folder: Path) -> None:
    """Remove what tells of an earlier run."""
    for name in (EVIDENCE, html.FILE_NAME, markdown.FILE_NAME, junit.FILE_NAME):
        # A folder in the way tells of no run; writing the file will complain of it.
        with storage_errors(folder / name), suppress(IsADirectoryError):
            (folder / name).unlink(missing_ok=True)


def write_views(report: Report, evidence: Evidence | None, folder: Path) -> None:
    """Write what is for people and for test runners: HTML, Markdown, JUnit.

    Raises:
        StorageError: the first that could not be written.
    """
    views: dict[str, Callable[[], str | bytes]] = {
        html.FILE_NAME: lambda: html.render_html(report, evidence),
        markdown.FILE_NAME: lambda: markdown.render_markdown(report),
        junit.FILE_NAME: lambda: junit.junit_xml(report),
    }
    _do_all([_writer(folder / name, make) for name, make in views.items()])


def _writer(path: Path, make: Callable[[], str | bytes]) -> Callable[[], object]:
    return lambda: write_atomic(path, make())


def _do_all(actions: list[Callable[[], object]]) -> None:
    lost: StorageError | None = None
    for action in actions:
        try:
            action()
        except StorageError as error:
            lost = lost or error
    if lost:
        raise lost
