"""The bench map: which is read, what is saved, and damaged ones refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from native_cli import call
from tinyproof import benchmap
from tinyproof.errors import UsageError
from tinyproof.quarantine import Quarantine

pytestmark = pytest.mark.usefixtures("own_bench")


def test_what_is_in_a_bench_map_stays_and_new_boards_come_behind(tmp_path: Path) -> None:
    file = tmp_path / "bench.toml"
    mine = '# mine\n[boards.left]\nserial_number = "A1"\ntarget = "uno"  # keep'
    file.write_text(mine)
    new = benchmap.save(file, [("A1", "pico"), ('B"\\\x7f', "uno"), ("C3", "uno")])
    assert [entry.name for entry in new] == ["uno-1", "uno-2"]
    assert file.read_text().startswith(mine)
    read = benchmap.load(file).entries
    assert {entry.serial_number for entry in read.values()} == {"A1", 'B"\\\x7f', "C3"}
    assert read["left"].target == "uno"
    before = file.read_text()
    assert benchmap.save(file, [("C3", "uno")]) == []
    assert file.read_text() == before


WRONG = {
    "boards = 1": "tables",
    "[other]": "tables",
    "[boards.x]\ntarget = 'uno'": "serial_number and target",
    "[boards.x]\ntarget = 'uno'\nserial_number = 7": "no text",
    "[boards.sim]\ntarget = 'uno'\nserial_number = 'A'": "no name",
    "[boards.'a b']\ntarget = 'uno'\nserial_number = 'A'": "no name",
    "[boards": "no TOML",
    "\udcff": "cannot be read",
    "[boards.a]\ntarget='t'\nserial_number='A'\n[boards.b]\ntarget='t'\nserial_number='A'": "two",
    "#" * (2 << 20): "larger",
}


@pytest.mark.parametrize(("text", "what"), WRONG.items(), ids=WRONG.values())
def test_a_damaged_bench_map_is_refused_and_left_alone(
    tmp_path: Path, text: str, what: str
) -> None:
    file = tmp_path / "bench.toml"
    file.write_text(text, errors="surrogateescape")
    with pytest.raises(UsageError, match=what) as caught:
        benchmap.save(file, [("A1", "uno")])
    assert "bench.toml" in caught.value.sentence
    assert file.read_text(errors="surrogateescape") == text


def test_the_nearest_bench_map_is_read(
    tmp_path: Path, own_bench: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert benchmap.load().entries == {}
    benchmap.save(own_bench, [("A1", "uno")])
    assert benchmap.find_file() == own_bench
    here = tmp_path / "bench.toml"
    benchmap.save(here, [("B2", "uno")])
    assert benchmap.find_file() == here
    named = tmp_path / "named.toml"
    monkeypatch.setenv(benchmap.VARIABLE, str(named))
    with pytest.raises(UsageError, match=r"named\.toml, which is no file"):
        benchmap.load()
    benchmap.save(named, [("C3", "uno")])
    assert benchmap.load().of_number("C3") is not None


def test_a_pipe_is_no_bench_map(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bench.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        benchmap.load(tmp_path / "bench.toml")


def test_a_board_in_quarantine_is_told_and_released_by_its_name(own_bench: Path) -> None:
    benchmap.save(own_bench, [("A1", "uno")])
    Quarantine().add("A1", "port", "It vanished.")
    assert call("boards").out.startswith("uno-1, A1  since ")
    assert call("boards", "--release", "uno-1").code == 0
    assert Quarantine().entries() == {}
