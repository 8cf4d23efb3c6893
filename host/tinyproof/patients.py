"""Readies boards for campaigns of faults: the digits, built, their reference, a way to open one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tinyproof.access import hold_board, is_simulated, meet
from tinyproof.chaos import Patient, PortPatient, ProgramPatient
from tinyproof.firmware import Firmware, generate_model, make_firmware
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.reference import ReferenceRun
from tinyproof.samples import prepare
from tinyproof.simulators.start import start_program
from tinyproof.subject import Subject, find_samples, given_or_fixture
from tinyproof.targets import Target, find_target

_OTHER = "float32.tflite"
"""The digits model that boards with other firmware run."""


@contextmanager
def open_patient(
    project: Project, target: str, port: str | None, progress: Progress
) -> Iterator[Patient]:
    """Build and, on a port, flash the digits, and yield what a campaign is made against.

    Raises:
        TinyProofError: see ``firmware.make_firmware`` and ``access.meet``.
    """
    found = find_target(project, target)
    simulated = is_simulated(found, port)
    subject = given_or_fixture(project, None, None)
    firmware = _firmware(project, found, subject.model, progress, simulated)
    samples, outputs = _expected(subject, firmware)
    with hold_board(project, found, firmware.build, port) as access:
        if simulated and found.hosted:
            model = subject.path.with_name(_OTHER).read_bytes()
            other = _firmware(project, found, model, progress, simulated)
            yield ProgramPatient(
                access.open,
                lambda: start_program(found, other.build.program),
                samples,
                outputs,
                firmware.identity,
            )
            return
        with meet(project, firmware.build, firmware.identity, access, progress, flash=True):
            pass
        yield PortPatient(access.open, samples, outputs, firmware.identity)


def _firmware(
    project: Project, target: Target, model: bytes, progress: Progress, simulated: bool
) -> Firmware:
    generated = generate_model(model, progress)
    return make_firmware(project, target, model, generated, progress, simulated=simulated)


def _expected(subject: Subject, firmware: Firmware) -> tuple[list[bytes], list[bytes]]:
    prepared = prepare(find_samples(subject, firmware.generated), firmware.generated.inputs)
    with ReferenceRun(subject.model, prepared.records) as run:
        expected = run.collect()
    try:
        return list(prepared), list(expected.records)
    finally:
        expected.close()
        prepared.close()
