"""pytest plugin: a board that has proved to run the expected firmware, as a fixture.

::

    pytest --tp-target uno --tp-port /dev/ttyACM0 --tp-model m.tflite --tp-samples s.npz

Hooks, options and fixtures only; the logic is in :mod:`tinyproof.harness`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tinyproof.errors import TinyProofError
from tinyproof.text import printable

if TYPE_CHECKING:
    from tinyproof.harness import Board
    from tinyproof.project import Project
    from tinyproof.samples import PreparedSamples
    from tinyproof.subject import Subject

TALKING_SECONDS = 300.0
"""Time-out of a test that talks to a board and names none of its own."""
_DEVICE = "tp_device"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, all beginning with ``--tp-``."""
    group = parser.getgroup("tinyproof", "TinyProof: hardware-in-the-loop tests of TinyML models")
    add = group.addoption
    add("--tp-target", default="native", metavar="T", help="kind of board (default: native)")
    add("--tp-port", metavar="URL", help="serial port, pyserial URL, or sim for a simulated board")
    add("--tp-model", type=Path, metavar="FILE", help="a .tflite file (default: the digits model)")
    add("--tp-samples", type=Path, metavar="FILE", help="an .npz file with x and labels y")
    add("--tp-engine", metavar="E", help="what runs the model (default: the target's first engine)")
    add("--tp-no-flash", action="store_true", help="never flash: refuse a board that differs")
    add("--tp-tolerance-lsb", type=_natural, metavar="K", help="let answers within K LSB pass")
    add("--tp-max-latency-us", type=_positive, metavar="US", help="budget of the p99 latency")


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Guard every test that talks to a board with a time-out."""
    talking = _talking(items)
    if talking and not config.pluginmanager.hasplugin("timeout"):
        raise pytest.UsageError(
            "Tests that talk to a board need pytest-timeout: pip install 'tinyproof[pytest]'"
        )
    for item in talking:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TALKING_SECONDS))


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> str:
    """Say which board and model are meant, if any test talks to one."""
    if not _talking(items):
        return ""
    target, port = config.getoption("--tp-target"), config.getoption("--tp-port")
    model = config.getoption("--tp-model") or "the digits of TinyProof's own (no --tp-model)"
    return f"tinyproof: target {target}" + (f", port {port}" if port else "") + f", model {model}"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Give a test that an error ended, its own or its fixtures', the class as JUnit properties."""
    raised = call.excinfo.value if call.excinfo else None
    error = raised.__cause__ if isinstance(raised, pytest.fail.Exception) else raised
    if isinstance(error, TinyProofError):
        item.user_properties.append(("tinyproof.failure.class", error.failure))
        item.user_properties.append(("tinyproof.failure.sentence", printable(error.sentence)))


def _talking(items: list[pytest.Item]) -> list[pytest.Item]:
    return [item for item in items if _DEVICE in getattr(item, "fixturenames", ())]


@pytest.fixture(scope="session")
def tp_project() -> Project:
    """The project that the firmware is built from."""
    from tinyproof.project import find_project

    with _failures():
        return find_project()


@pytest.fixture(scope="session")
def tp_model(pytestconfig: pytest.Config, tp_project: Project) -> Subject:
    """The model under test: its name, path and bytes."""
    from tinyproof.subject import given_or_fixture

    model, samples = (pytestconfig.getoption(o) for o in ("--tp-model", "--tp-samples"))
    with _failures():
        return given_or_fixture(tp_project, model, samples)


@pytest.fixture(scope="session")
def tp_device(
    pytestconfig: pytest.Config,
    tp_project: Project,
    tp_model: Subject,
    record_testsuite_property: Callable[[str, object], None],
) -> Iterator[Board]:
    """A board, built for, flashed if need be, met, and its identity checked."""
    from tinyproof.budgets import Budgets
    from tinyproof.harness import open_session
    from tinyproof.progress import Progress

    option = pytestconfig.getoption
    with ExitStack() as stack:
        with _failures():
            board = stack.enter_context(
                open_session(
                    tp_project,
                    tp_model,
                    Progress(),
                    target=option("--tp-target"),
                    port=option("--tp-port"),
                    engine=option("--tp-engine"),
                    tolerance_lsb=option("--tp-tolerance-lsb"),
                    budgets=Budgets(latency_p99_us=option("--tp-max-latency-us")),
                    flash=not option("--tp-no-flash"),
                )
            )
        for name, value in board.properties():
            record_testsuite_property(f"tinyproof.{name}", value)
        yield board


@pytest.fixture(scope="session")
def tp_samples(tp_device: Board, tp_model: Subject) -> PreparedSamples:
    """The samples as the bytes that board and reference both get, and their labels."""
    from tinyproof.subject import find_samples

    with _failures():
        return tp_device.prepare(find_samples(tp_model, tp_device.firmware.generated))


@pytest.fixture(scope="session")
def tp_max_latency_us(pytestconfig: pytest.Config) -> float | None:
    """The budget of the p99 latency in microseconds, None if there is none."""
    limit = pytestconfig.getoption("--tp-max-latency-us")
    return None if limit is None else float(limit)


@pytest.fixture(autouse=True)
def _tp_record_verdicts(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give each test that verified samples the verdict counts as JUnit properties.

    ``record_property`` would warn of the default JUnit family, in every test of every suite, also
    those that ask for no board.
    """
    if _DEVICE not in request.fixturenames:
        yield
        return
    board: Board = request.getfixturevalue(_DEVICE)
    board.judgements.clear()
    yield
    for judgement in board.judgements:
        for verdict, number in judgement.counts().items():
            request.node.user_properties.append((f"tinyproof.verdicts.{verdict}", number))
        for clause in judgement.missed:
            request.node.user_properties.append(("tinyproof.budget.missed", clause))


@contextmanager
def _failures() -> Iterator[None]:
    """Turn an error into a failure that reads as one sentence and one next step."""
    try:
        yield
    except TinyProofError as error:
        hint = f"\nnext: {printable(error.hint)}" if error.hint else ""
        said = f"{error.failure}: {printable(error.sentence)}{hint}"
        raise pytest.fail.Exception(said, pytrace=False) from error
