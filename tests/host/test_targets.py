"""What targets exist, and that each target.ini of this project is sound."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from mini_project import ROOT, add, make_project

from tinyproof.errors import UsageError
from tinyproof.pio.core import Core
from tinyproof.project import Project, find_project
from tinyproof.targets import PREFIX, Target, find_target, load_targets

OURS = load_targets(find_project(ROOT))


@pytest.mark.parametrize("target", OURS.values(), ids=OURS)
def test_each_target_is_complete(target: Target) -> None:
    lib = ROOT / "firmware" / "lib"
    assert target.name == target.folder.name, "one folder, one environment of the same name"
    assert "\n; " not in target.title
    assert target.title
    if target.simulator:
        assert target.provenance != "board", "figures of a simulator are never a board's"
    else:
        assert target.provenance == "board"
    for engine in target.engines:
        assert json.loads((lib / f"engine_{engine}" / "library.json").read_text())["name"]
    ports = target.options["lib_deps"].split()
    assert [port.startswith("port_") for port in ports] == [True]
    if not target.hosted:
        assert target.clock_hz > 0
        assert target.flash_bytes > 0
        assert target.ram_bytes > 0


@pytest.mark.parametrize(
    "path", sorted((ROOT / "firmware" / "lib").glob("*/library.json")), ids=str
)
def test_each_library_is_named_as_its_folder(path: Path) -> None:
    assert json.loads(path.read_text())["name"] == path.parent.name


def test_targets_read_as_platformio_reads_them(tmp_path: Path) -> None:
    """Only what PlatformIO expands, interpolations, is left out of the comparison."""
    command = [sys.executable, "-P", "-m", "platformio", "project", "config", "--json-output"]
    environment = Core(tmp_path, standin=True).environment()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    theirs = {name: dict(options) for name, options in json.loads(done.stdout)}
    assert {f"env:{name}" for name in OURS} == {n for n in theirs if n.startswith("env:")}
    for name, target in OURS.items():
        for option, value in target.options.items():
            got = theirs[f"env:{name}"][option]
            words = " ".join(got) if isinstance(got, list) else str(got)
            if "${" not in value:
                assert words.split() == value.split(), option


def test_an_unknown_target_gets_the_known_ones_and_a_guess(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with pytest.raises(UsageError, match="no target 'mega'") as caught:
        find_target(project, "mega")
    assert f"Known targets: {', '.join(load_targets(project))}." in caught.value.hint
    with pytest.raises(UsageError) as caught:
        find_target(Project(ROOT, ROOT), "nativ")
    assert "Did you mean native?" in caught.value.hint


def test_the_first_engine_is_the_default_and_others_are_refused(tmp_path: Path) -> None:
    target = find_target(make_project(tmp_path), "native")
    assert target.engine() == "aot"
    assert target.engine("tflm") == "tflm"
    with pytest.raises(UsageError, match="no engine 'onnx'") as caught:
        target.engine("onnx")
    assert "aot, tflm" in caught.value.hint


def test_a_new_folder_is_a_new_target(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    ini = "[env:desk]\nextends = env:native\ncustom_tp_title = My desk  ; a comment\n"
    add(project.firmware / "targets" / "desk" / "target.ini", ini)
    target = find_target(project, "desk")
    native = find_target(project, "native")
    assert target.title == "My desk"
    assert target.folder.name == "desk"
    same = dataclasses.replace(native, name="desk", title="My desk", folder=target.folder)
    assert dataclasses.replace(same, options={}) == dataclasses.replace(target, options={})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("platform = x", "custom_tp_engines is missing"),
        ("custom_tp_engines = aot", "platform is missing"),
        ("platform = x\ncustom_tp_engines =", "names no engine"),
        ("platform = x\ncustom_tp_engines = a\ncustom_tp_baud = fast", "not a whole number"),
        ("platform = x\ncustom_tp_engines = a\ncustom_tp_provenance = luck", "is none of board"),
        ("platform = x\ncustom_tp_engines = a\ncustom_tp_clock = 1", "mean custom_tp_clock_hz"),
        (
            "platform = x\ncustom_tp_engines = a\ncustom_tp_serial = rs232",
            "none of bridge, usb_cdc",
        ),
        ("platform = x\ncustom_tp_engines = a\ncustom_tp_reset = kick", "is none of none, dtr"),
        ("platform = x\ncustom_tp_engines = a\ncustom_tp_usb_ids = 2341:43", "has '2341:43'"),
        ("platform = x\ncustom_tp_engines = a\ncustom_tp_usb_ids = 1a86:7523, 1A86:7523", "twice"),
        ("platform = x\nextends = env:absent", "not there or extends itself"),
        ("platform = x\nextends = env:bad", "not there or extends itself"),
        ("platform = x\nplatform = y", "already exists"),
    ],
)
def test_a_malformed_target_is_refused_by_file_and_option(
    tmp_path: Path, text: str, words: str
) -> None:
    project = make_project(tmp_path)
    path = project.firmware / "targets" / "bad" / "target.ini"
    add(path, f"[env:bad]\n{text}\n")
    with pytest.raises(UsageError, match=words) as caught:
        load_targets(project)
    assert str(path) in caught.value.sentence


@pytest.mark.parametrize("copy", ["a_copy", "z_copy"], ids=["before", "behind"])
def test_a_copied_folder_whose_section_was_not_renamed_is_refused(
    tmp_path: Path, copy: str
) -> None:
    project = make_project(tmp_path)
    native = project.firmware / "targets" / "native" / "target.ini"
    path = project.firmware / "targets" / copy / "target.ini"
    add(path, native.read_text())
    with pytest.raises(UsageError, match=r"has a section \[env:native\]") as caught:
        find_target(project, "native")
    assert str(path) in caught.value.sentence
    assert str(native) in caught.value.sentence
    assert f"Rename the section to [env:{copy}]." in caught.value.hint


def test_a_section_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with project.platformio_ini.open("a") as ini:
        ini.write("\n[env:native]\nplatform = other\n")
    with pytest.raises(UsageError, match=r"\[env:native\] is in .* again in .*") as caught:
        find_target(project, "native")
    assert str(project.platformio_ini) in caught.value.sentence
    assert str(project.firmware / "targets" / "native" / "target.ini") in caught.value.sentence


def test_a_target_that_is_not_text_is_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    add(project.firmware / "targets" / "bad" / "target.ini", "")
    (project.firmware / "targets" / "bad" / "target.ini").write_bytes(b"\xff\xfe[env")
    with pytest.raises(UsageError, match="Cannot read"):
        load_targets(project)


def test_own_options_carry_the_prefix_that_platformio_leaves_alone() -> None:
    assert PREFIX.startswith("custom_")
