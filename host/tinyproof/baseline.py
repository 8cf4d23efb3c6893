"""Holds a run that is about to begin against the report that it shall be compared with."""

from __future__ import annotations

import hashlib

from tinyproof.access import is_simulated
from tinyproof.compare.refuse import check_planned
from tinyproof.course import RunOptions
from tinyproof.discovery import resolve
from tinyproof.harness import provenance
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.report import ModelInfo, Provenance, Report
from tinyproof.subject import find_subject
from tinyproof.targets import find_target


def check_baseline(old: Report, project: Project, options: RunOptions, progress: Progress) -> None:
    """Check what is known before anything is built: model, target, engine, provenance.

    Raises:
        IncomparableError: no comparison with ``old`` could be made.
        UsageError: as ``tinyproof.run.run``.
    """
    target = find_target(project, options.target)
    simulated = is_simulated(target, options.port)
    subject = find_subject(project, options.model, options.samples, progress, form=options.form)
    worth = provenance(target, resolve(target, options.port), simulated=simulated)
    sha256 = hashlib.sha256(subject.model).hexdigest()
    check_planned(
        old,
        model=ModelInfo(subject.name, sha256, len(subject.model)),
        target=target.name,
        engine=target.engine(options.engine),
        provenance=Provenance(worth),
    )
