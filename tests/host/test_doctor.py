"""What the doctor finds, what it says when something is missing, and what a bug report holds."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from serial.tools import list_ports
from usb import Attached

from native_cli import ROOT, assert_complains, call
from tinyproof import bugreport, doctor, ports
from tinyproof.doctor import Check
from tinyproof.pio import core
from tinyproof.project import Project


@pytest.fixture(scope="module")
def checks() -> list[Check]:
    """What is found here, looked for once."""
    return list(doctor.examine())


def test_a_machine_that_runs_these_tests_is_healthy() -> None:
    ended = call("doctor")
    assert ended.code == 0
    for name in ("Python 3.11+", "g++", "platformio", "scons", "ai-edge-litert"):
        assert name in ended.out


def test_programs_get_the_same_as_people(checks: list[Check]) -> None:
    answer = json.loads(call("doctor", "--json").out)
    assert [check["name"] for check in answer["checks"]] == [c.name for c in checks]
    assert {check["state"] for check in answer["checks"]} <= {"ok", "missing", "absent"}
    assert set(answer["system"]) == {"tinyproof", "python", "system", "machine"}


def test_a_missing_compiler_fails_and_names_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    ended = call("doctor")
    assert ended.code == 4
    (line,) = [line for line in ended.out.splitlines() if line.startswith("MISSING")]
    assert "g++" in line
    assert "sudo apt-get install g++" in line


def test_what_the_main_job_does_without_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = Check("avr-gcc", "uno", "", required=False, fix="sudo apt-get install gcc-avr")
    monkeypatch.setattr(doctor, "CHECKS", (lambda: lacking,))
    ended = call("doctor")
    assert ended.code == 0
    assert "sudo apt-get install gcc-avr" in ended.out


def test_whatever_is_missing_has_a_next_step(checks: list[Check]) -> None:
    for check in checks:
        assert check.ok == (not check.fix), check


def test_every_package_of_the_complete_suite_is_one_that_the_doctor_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = (ROOT / ".ci" / "packages.txt").read_text().splitlines()
    wanted = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(Path, "exists", lambda self: False)
    monkeypatch.setattr(core, "standin_core", core.user_core)
    named = {word for look in doctor.CHECKS for word in look().fix.split()}
    assert wanted - named == set()


# -- ports


def test_a_port_that_may_not_be_opened_gets_the_command_that_lets_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        list_ports, "comports", lambda: [Attached("/dev/tty", None, 0x2341, 0x0043)]
    )
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr(Path, "group", lambda self: "dialout")
    (check,) = doctor.examine_ports()
    assert check.name == "/dev/tty"
    assert "uno" in check.needed_for
    assert not check.ok
    assert check.fix == "sudo usermod -aG dialout $USER, then log in again"
    monkeypatch.setattr(Path, "group", lambda self: "root")
    (check,) = doctor.examine_ports()
    assert check.fix == "sudo chmod a+rw /dev/tty"


def test_a_busy_port_names_who_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_ports, "comports", lambda: [Attached("/dev/tty", None)])
    monkeypatch.setattr(ports, "foreign_holders", lambda path: [ports.Holder(7, "picocom")])
    (check,) = doctor.examine_ports()
    assert check.fix == "it is busy: end picocom (process 7)"


def test_without_a_port_the_next_step_is_to_plug_one_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_ports, "comports", list)
    (check,) = doctor.examine_ports()
    assert "plug in a board" in check.fix


def test_each_platform_that_boards_need_has_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(tmp_path))
    checks = {check.name: check for check in doctor.examine_platforms()}
    absent, fork = checks["platform espressif32"], checks["platform espressif32 of pioarduino"]
    assert absent.fix == "pio pkg install --global --platform platformio/espressif32@6.13.0"
    assert "esp32dev" in absent.needed_for
    assert "esp32-c6" not in absent.needed_for
    assert fork.fix.startswith("pio pkg install --global --platform https://")
    assert fork.needed_for == "esp32-c6"
    note = tmp_path / "platforms" / "espressif32" / ".piopm"
    note.parent.mkdir(parents=True)
    note.write_text('{"name": "espressif32", "version": "6.13.0"}')
    checks = {check.name: check for check in doctor.examine_platforms()}
    assert checks["platform espressif32"].found == "6.13.0"
    assert not checks["platform espressif32 of pioarduino"].found
    assert doctor._user_core().found == str(tmp_path)


# -- the bundle

SECRETS = ("hunter2", "s3cr3t", "ghp_abc")


@pytest.fixture
def messy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project full of what must not leave the machine."""
    home = tmp_path / "home" / "jane-doe"
    root = home / "work" / "acme"
    state = root / ".tinyproof"
    (root / "firmware" / "targets").mkdir(parents=True)
    (state / "report").mkdir(parents=True)
    (state / "builds" / "a").mkdir(parents=True)
    (root / "platformio.ini").write_text(
        '[env]\nbuild_flags = -DWIFI_PASS=\\"hunter2\\" -O2\nupload_auth = s3cr3t\n'
        "lib_deps = https://jane:ghp_abc@example.org/x.git\n"
    )
    (state / "report" / "report.json").write_text(
        json.dumps({"passed": True, "port": "/dev/ttyACM0", "log": f"{root}/x", "by": "jane-doe"})
    )
    (state / "builds" / "a" / "build.log").write_text(f"gcc {home}/a.c /home/other/b.c\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LOGNAME", "jane-doe")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(home / ".pio"))
    return Project(root, state)


def test_a_bundle_holds_what_a_bug_report_needs_and_nothing_else(
    messy: Project, tmp_path: Path
) -> None:
    file = tmp_path / "bug.zip"
    told = bugreport.write_bundle(messy, file, [Check("x", "y", f"{Path.home()}/z", False, "")])
    with zipfile.ZipFile(file) as bundle:
        texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert [name for name, _ in told] == list(texts)
    assert set(texts) == {
        *("doctor.json", "versions.json", "environment.json", "targets.json"),
        *("report.json", "build.log", "platformio.ini"),
    }
    everything = "\n".join(texts.values())
    for word in (*SECRETS, "jane", "other", str(tmp_path), "AWS"):
        assert word not in everything, word
    assert json.loads(texts["report.json"])["passed"] is True
    assert json.loads(texts["report.json"])["log"] == "PROJECT/x"
    assert texts["build.log"] == "gcc ~/a.c ~/b.c\n"
    assert "-O2" in texts["platformio.ini"]
    assert json.loads(texts["environment.json"])["PLATFORMIO_CORE_DIR"] == "~/.pio"
    assert json.loads(texts["doctor.json"])["checks"][0]["found"] == "~/z"


def test_paths_of_this_machine_are_told_by_what_they_are(
    messy: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "acme-client"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TINYPROOF_CORE_DIR", str(tmp_path / "cores"))
    clean = bugreport.cleaner(messy)
    assert clean(f"{tmp_path}/cache/tinyproof/a {tmp_path}/cores/b") == "CACHE/a CORES/b"
    assert clean(f"-I{tmp_path}/venv/lib {here}/port") == "-IPYTHON/lib CURRENT/port"
    assert clean(f"{messy.root}/a {messy.state}/b") == "PROJECT/a STATE/b"
    assert clean("-I/tmp/a '/tmp' /var/tmp/b") == "-ITEMP/a 'TEMP' /var/tmp/b"
    assert clean("/tmpfs/c /usr/d") == "/tmpfs/c /usr/d"


def test_equal_content_makes_an_equal_bundle(messy: Project, tmp_path: Path) -> None:
    for name in ("a", "b"):
        bugreport.write_bundle(messy, tmp_path / name, [])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_bundle_is_told_and_never_replaces_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "CHECKS", ())
    file = tmp_path / "bug.zip"
    ended = call("doctor", "--bundle", file)
    assert ended.code == 0
    assert re.search(r"doctor\.json +[\d,]+ bytes", ended.out)
    assert "Look through it before you send it." in ended.out
    before = file.read_bytes()
    assert_complains(call("doctor", "--bundle", file), 2, "exists already")
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
    assert json.loads(call("doctor", "--json", "--bundle", tmp_path / "other.zip").out)["checks"]
