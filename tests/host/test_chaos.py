"""Campaigns of faults: a bounded one in every test run, and proof that a campaign can fail."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from native_cli import assert_complains, call
from tinyproof.chaos import CASES, Patient, Row, campaign
from tinyproof.identity import Identity
from tinyproof.link import Link
from tinyproof.project import Project
from tinyproof.simulators.fake import FakeBoard, FakeFirmware, default_model, describe
from tinyproof.simulators.faulty import FaultyLink


class FakePatient(Patient):
    """A campaign without processes or time."""

    def __init__(self, model: Callable[[bytes], bytes] = default_model) -> None:
        rng = random.Random(1)
        samples = [rng.randbytes(64) for _ in range(50)]
        outputs = [default_model(sample) for sample in samples]
        super().__init__(samples, outputs, Identity.of(describe()), answer_seconds=5.0)
        self.model = model
        self.kept = False

    def can(self, name: str) -> bool:
        return True

    def open(self) -> Link:
        return FakeBoard(FakeFirmware(model=self.model))

    def kill(self, link: Link) -> None:
        assert isinstance(link, FakeBoard)
        link.gone = True

    def swap(self, link: FaultyLink) -> None:
        link.inner = FakeBoard(FakeFirmware(hello=replace(describe(), weights_crc32=1)))

    def is_left_over(self, link: Link) -> bool:
        return self.kept


def rows_of(patient: Patient, runs: int, seed: int = 1, *only: str) -> dict[str, Row]:
    made = campaign(patient, runs=runs, seed=seed, samples=150, only=only)
    return {row.case: row for row in made}


def test_every_fault_is_survived_or_ends_as_it_may() -> None:
    rows = rows_of(FakePatient(), 10 * len(CASES))
    assert set(rows) == {case.name for case in CASES}
    assert {name: row.remarks for name, row in rows.items() if not row.passed} == {}
    assert all(row.runs == 10 for row in rows.values())
    assert rows["flip 1e-4"].ends == {"complete": 10}
    assert rows["disconnect"].ends["port"] > 0
    assert rows["swap"].ends["identity"] > 0
    assert rows["reset"].restarts > 0


def test_a_campaign_repeats_exactly_from_its_seed() -> None:
    def figures(seed: int) -> list[tuple[object, ...]]:
        rows = rows_of(FakePatient(), 2 * len(CASES), seed).values()
        return [(r.case, r.frames, r.ends, r.retransmissions, r.dropped) for r in rows]

    assert figures(5) == figures(5)
    assert figures(5) != figures(6)


def test_a_wrong_answer_fails_a_campaign() -> None:
    rows = rows_of(FakePatient(lambda sample: bytes(10)), 1, 1, "flip 1e-5")
    assert not rows["flip 1e-5"].passed
    assert rows["flip 1e-5"].wrong > 0
    assert rows["flip 1e-5"].remarks


def test_a_process_left_over_fails_a_campaign() -> None:
    patient = FakePatient()
    patient.kept = True
    assert not rows_of(patient, 1, 1, "stall")["stall"].passed


def test_an_end_that_does_not_suit_the_fault_fails_a_campaign() -> None:
    patient = FakePatient()
    patient.identity = Identity(target="somebody else")
    row = rows_of(patient, 1, 1, "stall")["stall"]
    assert row.ends == {"identity": 1}
    assert not row.passed


def test_a_bounded_campaign_on_native_holds(project: Project) -> None:
    ended = call("chaos", "--runs", str(2 * len(CASES)), "--samples", "120", "--seed", "3")
    assert ended.code == 0, ended
    assert "held: 36 runs" in ended.out
    assert len(ended.out.splitlines()) == len(CASES) + 2


def test_a_fault_that_does_not_exist_is_named(project: Project) -> None:
    assert_complains(call("chaos", "--fault", "flood"), 2, "'flood'", "flip 1e-5")


def test_a_campaign_on_a_port_leaves_out_what_only_programs_suffer() -> None:
    class OnPort(FakePatient):
        can = Patient.can

    names = {found.name for found in OnPort().cases}
    assert names == {found.name for found in CASES} - {"kill", "swap"}
