"""Which of the attached boards is meant, by name, target or port; with faked USB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from usb import BRIDGE, FIRST, PLAIN, SECOND

from native_cli import assert_complains, call
from tinyproof import benchmap, discovery, ports
from tinyproof.access import is_simulated
from tinyproof.benchmap import BenchMap
from tinyproof.errors import PortError, UsageError
from tinyproof.project import Project
from tinyproof.targets import Target, find_target

pytestmark = pytest.mark.usefixtures("own_bench")


def test_the_only_board_of_a_target_needs_no_port(uno: Target, attach: Callable[..., None]) -> None:
    attach(PLAIN, FIRST)
    assert discovery.resolve(uno, None) == "/dev/ttyACM0"
    assert not is_simulated(uno, None)


def test_a_number_that_says_nothing_is_not_that_of_a_port_without_one(
    attach: Callable[..., None],
) -> None:
    attach(BRIDGE, FIRST)
    assert ports.with_serial_number("---") is None
    assert ports.with_serial_number("a1") == "/dev/ttyACM0"


def test_without_a_board_a_port_is_asked_for(uno: Target, attach: Callable[..., None]) -> None:
    attach(PLAIN)
    with pytest.raises(PortError, match="needs a port"):
        is_simulated(uno, None)
    assert_complains(call("run", "--target", "uno"), 4, "port: ", "needs a port")
    assert_complains(call("run", "--target", "uno", "--quarantine"), 4, "needs a port")


def test_two_boards_are_not_chosen_between(uno: Target, attach: Callable[..., None]) -> None:
    attach(FIRST, SECOND)
    with pytest.raises(UsageError, match=r"Which one\?") as caught:
        discovery.resolve(uno, None)
    for word in ("/dev/ttyACM0 (serial number A1)", "/dev/ttyACM1 (serial number B2)"):
        assert word in caught.value.sentence
    assert "--port /dev/ttyACM0 or --port /dev/ttyACM1" in caught.value.hint


def test_two_boards_are_asked_about_by_name(
    uno: Target, attach: Callable[..., None], own_bench: Path
) -> None:
    attach(FIRST, SECOND)
    benchmap.save(own_bench, [("A1", "uno"), ("B2", "uno")])
    with pytest.raises(UsageError) as caught:
        discovery.resolve(uno, None)
    assert "uno-1 on /dev/ttyACM0 (serial number A1)" in caught.value.sentence
    assert caught.value.hint == "Run with --port uno-1 or --port uno-2."


def test_the_bench_map_outranks_the_usb_id(
    uno: Target, attach: Callable[..., None], own_bench: Path
) -> None:
    attach(FIRST, SECOND)
    benchmap.save(own_bench, [("B2", "megaatmega2560")])
    assert discovery.resolve(uno, None) == "/dev/ttyACM0"
    other = replace(uno, name="megaatmega2560", usb_ids=())
    assert discovery.resolve(other, None) == "/dev/ttyACM1"


def test_a_name_finds_its_board_wherever_it_is(
    uno: Target, attach: Callable[..., None], own_bench: Path
) -> None:
    benchmap.save(own_bench, [("B2", "uno")])
    attach(FIRST, SECOND)
    assert discovery.resolve(uno, "uno-1") == "/dev/ttyACM1"
    attach(FIRST, replace(SECOND, device="/dev/ttyACM5"))
    assert discovery.resolve(uno, "uno-1") == "/dev/ttyACM5"


def test_a_named_board_that_is_away_or_of_another_target_is_refused(
    uno: Target, attach: Callable[..., None], own_bench: Path
) -> None:
    benchmap.save(own_bench, [("B2", "uno")])
    attach(FIRST)
    with pytest.raises(PortError, match=r"uno-1 \(serial number B2\) is not attached"):
        discovery.resolve(uno, "uno-1")
    with pytest.raises(UsageError, match="is a uno, not a megaatmega2560"):
        discovery.resolve(replace(uno, name="megaatmega2560"), "uno-1")


def test_an_unknown_name_is_answered_with_the_known_ones(
    uno: Target, attach: Callable[..., None], own_bench: Path
) -> None:
    benchmap.save(own_bench, [("B2", "uno")])
    attach(FIRST)
    with pytest.raises(UsageError, match="neither a port nor a board of the name uno-9") as caught:
        discovery.resolve(uno, "uno-9")
    assert "uno-1" in caught.value.hint


def test_an_empty_port_has_a_sentence_of_its_own(uno: Target) -> None:
    for empty in ("", " "):
        with pytest.raises(UsageError, match="name is empty"):
            discovery.resolve(uno, empty)
    for port in ("", "native="):
        assert_complains(call("run", "--port", port), 2, "name is empty")
    assert_complains(call("verify", "--port", ""), 2, "name is empty")


@pytest.mark.parametrize("name", ["left-uno", "{tmp_path}/file"])
def test_only_what_may_be_a_board_is_suggested(
    name: str, attach: Callable[..., None], own_bench: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no port")
    name = name.format(tmp_path=tmp_path)
    attach(PLAIN)
    alone = ports.explain(name, OSError())
    assert "/dev/ttyS0" not in alone.hint
    assert "tinyproof ports" in alone.hint
    attach(PLAIN, BRIDGE)
    benchmap.save(own_bench, [("A1", "uno")])
    assert "Choose a board: /dev/ttyUSB0, uno-1; " in ports.explain(name, OSError()).hint


@pytest.mark.parametrize("port", ["sim", "COM3", "/dev/ttyACM9", "socket://localhost:1"])
def test_ports_and_urls_stay_as_they_are(uno: Target, port: str) -> None:
    assert discovery.resolve(uno, port) == port


def test_a_chip_of_many_boards_fits_every_target_that_has_it(
    shared_project: Project, attach: Callable[..., None], uno: Target
) -> None:
    attach(BRIDGE)
    mega = find_target(shared_project, "megaatmega2560")
    (board,) = discovery.attached([mega, uno], BenchMap())
    assert board.targets == ("megaatmega2560", "uno")
    assert board.usb_text == "1a86:7523"
    assert board.serial_number == ""
