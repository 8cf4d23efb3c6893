"""PlatformIO on a core folder of our own: provisioned once, no network."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mini_project import HEADER, ROOT, add, make_project, without
from platformio.dependencies import get_core_dependencies
from semantic_version import SimpleSpec, Version

from tinyproof import platformio
from tinyproof.errors import ToolchainError
from tinyproof.pio import core, packages, toolchain
from tinyproof.pio.core import Core
from tinyproof.project import Project
from tinyproof.targets import find_target
from tools import require_file, require_tool

pytestmark = pytest.mark.usefixtures("own_core")


def test_the_core_is_made_once() -> None:
    first = platformio.standin_core()
    made = (first.path / "tinyproof.json").stat().st_mtime_ns
    assert platformio.standin_core() == first
    assert (first.path / "tinyproof.json").stat().st_mtime_ns == made


def test_a_core_with_something_missing_is_made_again() -> None:
    path = platformio.standin_core().path
    (path / "packages" / "tool-scons" / ".piopm").unlink()
    assert platformio.standin_core().path == path
    assert (path / "packages" / "tool-scons" / ".piopm").is_file()


def test_another_version_of_anything_gets_another_core(monkeypatch: pytest.MonkeyPatch) -> None:
    first = platformio.standin_core().path
    monkeypatch.setattr(core, "__version__", "99.0.0")
    assert platformio.standin_core().path != first


def test_an_interrupted_core_leaves_nothing_and_the_next_succeeds(
    own_core: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(packages, "lay_out_platform", interrupt)
        with pytest.raises(KeyboardInterrupt):
            platformio.standin_core()
    assert [path.name for path in own_core.iterdir() if path.is_dir()] == []
    assert platformio.standin_core().path.is_dir()


def test_several_processes_make_one_core(own_core: Path) -> None:
    script = "from tinyproof.platformio import standin_core; print(standin_core().path)"
    started = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    paths = {process.communicate()[0] for process in started}
    assert {process.returncode for process in started} == {0}
    assert len(paths) == 1
    assert len([path for path in own_core.iterdir() if path.is_dir()]) == 1


def test_standins_say_so_and_carry_honest_versions() -> None:
    require_tool("avr-gcc")
    folder = platformio.standin_core().path / "packages"
    manifests = [json.loads(path.read_text()) for path in folder.glob("*/package.json")]
    assert all("stand-in" in manifest["description"] for manifest in manifests)
    version = subprocess.run(["avr-gcc", "-dumpversion"], capture_output=True, text=True)
    versions = {manifest["name"]: manifest["version"] for manifest in manifests}
    assert versions["toolchain-atmelavr"] == version.stdout.strip()
    for name in packages.platforms():
        assert "stand-in" in str(packages.manifest_of(name)["description"])


@pytest.mark.parametrize("real", ["4.11.1", "4.6.0", "4.12.0", "5.0"])
def test_any_scons_satisfies_platformio_and_tells_its_version(
    real: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: real)
    package = packages.scons()
    wanted = SimpleSpec(get_core_dependencies()["tool-scons"])
    assert Version(package.version) in wanted
    assert real in package.description
    honest = {
        "4.11.1": "4.41101.0",
        "4.6.0": "4.40600.0",
        "4.12.0": "4.41200.0",
        "5.0": "4.50000.0",
    }
    assert package.version == honest[real] or package.version.endswith(f"+scons.{real}")


def test_nothing_of_the_users_settings_reaches_a_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMIO_BUILD_FLAGS", "-DX")
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", "/elsewhere")
    monkeypatch.setenv("no_proxy", "*")
    made = platformio.standin_core()
    environment = made.environment()
    assert "PLATFORMIO_BUILD_FLAGS" not in environment
    assert environment["PLATFORMIO_CORE_DIR"] == str(made.path)
    assert "no_proxy" not in environment
    assert made.environment(plain=True)["PLATFORMIO_BUILD_FLAGS"] == "-DX"


def test_a_users_own_platformio_keeps_its_way_to_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert Core(tmp_path, standin=False).environment()["HTTPS_PROXY"] == "proxy.example:3128"
    assert Core(tmp_path, standin=True).environment()["HTTPS_PROXY"] == "http://"


def test_a_missing_package_fails_at_once_for_want_of_a_network(tmp_path: Path) -> None:
    """PlatformIO would retry for a minute; a time limit of half of it proves that it does not."""
    project = make_project(tmp_path / "p")
    add(tmp_path / "p" / "firmware" / "include" / "model.h", HEADER)
    empty = Core(tmp_path / "empty", standin=True)
    log = tmp_path / "log"
    signal.alarm(30)
    try:
        code = platformio.run(project, empty, ["run", "-e", "native"], log=log, settings={})
    finally:
        signal.alarm(0)
    assert code != 0
    assert "HTTPClientError" in log.read_text()


@pytest.mark.parametrize(
    ("missing", "hint"),
    [
        ("avr-gcc", "sudo apt-get install gcc-avr avr-libc binutils-avr"),
        ("avrdude", "sudo apt-get install avrdude"),
    ],
)
def test_a_missing_tool_is_refused_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, hint: str
) -> None:
    for tool in ("avr-gcc", "avrdude"):
        require_tool(tool)
    require_file(packages.ARDUINO_AVR)
    without(monkeypatch, missing)
    with pytest.raises(ToolchainError, match="lacks") as caught:
        platformio.core_for(find_target(make_project(tmp_path), "uno"))
    assert caught.value.hint == hint


def test_a_tool_installed_later_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_tool("avr-gcc")
    target = find_target(make_project(tmp_path), "uno")
    with monkeypatch.context() as patch:
        without(patch, "avr-gcc")
        with pytest.raises(ToolchainError):
            platformio.core_for(target)
    assert platformio.core_for(target).standin


def test_a_machine_without_compiler_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("CC", "CXX"):
        monkeypatch.delenv(variable, raising=False)
    without(monkeypatch, "gcc", "g++", "clang", "clang++", "cc", "c++")
    with pytest.raises(ToolchainError) as caught:
        platformio.core_for(find_target(make_project(tmp_path), "native"))
    assert caught.value.hint == "sudo apt-get install g++"


def test_a_compiler_that_is_named_but_absent_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "g++-0")
    with pytest.raises(ToolchainError, match="CXX names g\\+\\+-0"):
        platformio.core_for(find_target(make_project(tmp_path), "native"))


def test_clang_serves_where_gcc_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    require_tool("clang")
    for variable in ("CC", "CXX"):
        monkeypatch.delenv(variable, raising=False)
    without(monkeypatch, "gcc", "g++")
    assert toolchain.host_compilers() == {"CC": "clang", "CXX": "clang++"}


def test_a_platform_of_the_registry_alone_is_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    ini = "[env:esp]\nplatform = espressif32\ncustom_tp_engines = aot\n"
    add(project.firmware / "targets" / "esp" / "target.ini", ini)
    with pytest.raises(ToolchainError, match="espressif32 is not installed") as caught:
        platformio.core_for(find_target(project, "esp"))
    assert "pio pkg install" in caught.value.hint


def test_a_platform_of_another_version_is_refused_and_both_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(tmp_path / "users"))
    project = make_project(tmp_path)
    ini = "[env:esp]\nplatform = platformio/espressif32@6.13.0\ncustom_tp_engines = aot\n"
    add(project.firmware / "targets" / "esp" / "target.ini", ini)
    target = find_target(project, "esp")
    there = tmp_path / "users" / "platforms" / "espressif32"
    add(there / ".piopm", packages.piopm("platform", "espressif32", "6.5.0"))
    with pytest.raises(ToolchainError, match=r"espressif32 6.13.0 is not .*, only 6.5.0"):
        platformio.core_for(target)
    (there / ".piopm").write_text(packages.piopm("platform", "espressif32", "6.13.0"))
    assert platformio.core_for(target).path == tmp_path / "users"


def test_a_real_board_takes_the_users_platformio_if_it_has_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_tool("avr-gcc")
    users = tmp_path / "users"
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(users))
    target = find_target(make_project(tmp_path / "p"), "uno")
    assert platformio.core_for(target, simulated=False).standin
    note = packages.piopm("platform", "atmelavr", "5.1.0")
    add(users / "platforms" / "atmelavr" / ".piopm", note)
    assert platformio.core_for(target, simulated=False) == Core(users, standin=False)
    assert platformio.core_for(target, simulated=True).standin
    native = find_target(make_project(tmp_path / "q"), "native")
    assert platformio.core_for(native, simulated=False).standin


def test_a_board_whose_platform_you_lack_is_told_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(tmp_path / "mine"))
    target = find_target(Project(ROOT, ROOT / ".tinyproof"), "esp32dev")
    with pytest.raises(ToolchainError, match=r"espressif32 [0-9.]+ is not installed") as caught:
        platformio.core_for(target, simulated=False)
    assert caught.value.hint == "pio pkg install --global --platform platformio/espressif32@6.13.0"


def test_two_platforms_of_one_name_are_told_apart(tmp_path: Path) -> None:
    users = Core(tmp_path, standin=False)
    fork = "https://example.org/platform-espressif32.zip"
    note = json.loads(packages.piopm("platform", "espressif32", "55.3.311"))
    note["spec"]["uri"] = fork
    add(tmp_path / "platforms" / "espressif32" / ".piopm", json.dumps(note))
    assert users.platform(fork) == "55.3.311"
    assert users.platform("platformio/espressif32@6.13.0") == ""
    plain = packages.piopm("platform", "espressif32", "6.13.0")
    add(tmp_path / "platforms" / "a" / ".piopm", plain)
    assert users.platform(fork) == "55.3.311"
    assert users.platform("platformio/espressif32@6.13.0") == "6.13.0"
