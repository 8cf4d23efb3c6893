"""``tinyproof pio`` on a small project: builds, refuses what would need the registry."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mini_project import HEADER, add, await_end, await_text, make_project, without

from tinyproof import platformio
from tinyproof.errors import ToolchainError, UsageError
from tools import require_tool

pytestmark = pytest.mark.usefixtures("own_core")


def pio(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``tinyproof pio`` as its command does."""
    script = (
        "import sys; from pathlib import Path; from tinyproof.platformio import passthrough;"
        "from tinyproof.project import find_project;"
        "sys.exit(passthrough(find_project(Path(sys.argv[1])), sys.argv[2:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", script, str(project), *arguments],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def test_the_plain_command_builds_the_default_engine(tmp_path: Path) -> None:
    require_tool("g++")
    make_project(tmp_path)
    add(tmp_path / "firmware" / "include" / "model.h", HEADER)
    add(tmp_path / "firmware" / "include" / "tp_build.h", "#define TP_BUILD_ID {0xaa}\n")
    done = pio(tmp_path, "run", "-e", "native", "-t", "exec")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "aa native one 1 7" in done.stdout
    sizes = pio(tmp_path, "run", "-e", "native", "-t", "size")
    assert "filename" in sizes.stdout


def test_a_manual_build_without_model_says_what_to_do(tmp_path: Path) -> None:
    make_project(tmp_path)
    done = pio(tmp_path, "run")
    assert done.returncode != 0
    assert "tinyproof generate" in done.stderr


def test_a_library_that_is_not_there_is_never_looked_for_in_the_registry(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    add(tmp_path / "firmware" / "include" / "model.h", HEADER)
    ini = project.firmware / "targets" / "native" / "target.ini"
    ini.write_text(ini.read_text().replace("port_posix", "port_moon"))
    done = pio(tmp_path, "run")
    assert done.returncode != 0
    assert "firmware/lib/port_moon is missing." in done.stderr
    assert "Installing" not in done.stdout + done.stderr


def test_the_plain_command_takes_any_of_platformios(tmp_path: Path) -> None:
    make_project(tmp_path)
    done = pio(tmp_path, "project", "config", "--json-output")
    assert done.returncode == 0
    assert "env:uno" in {section for section, _ in json.loads(done.stdout)}


@pytest.mark.parametrize("options", [["-e", "moon"], ["-emoon"], ["--environment=moon"]])
def test_the_plain_command_refuses_an_unknown_environment(
    tmp_path: Path, options: list[str]
) -> None:
    with pytest.raises(UsageError, match="no target 'moon'"):
        platformio.passthrough(make_project(tmp_path), ["run", *options])


def test_the_plain_command_refuses_what_would_need_the_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "avr-gcc")
    with pytest.raises(ToolchainError, match="toolchain-atmelavr"):
        platformio.passthrough(make_project(tmp_path), ["run", "-e", "native", "-e", "uno"])


def test_a_terminated_plain_command_leaves_no_process(tmp_path: Path) -> None:
    """SIGTERM, mapped to KeyboardInterrupt as the command line does, while PlatformIO builds."""
    project = make_project(tmp_path)
    slow = 'import os, time; open("pid", "w").write(str(os.getpid())); time.sleep(600)\n'
    (project.firmware / "prepare.py").write_text(slow)
    script = (
        "import signal, sys\n"
        "from pathlib import Path\n"
        "from tinyproof.platformio import passthrough\n"
        "from tinyproof.project import find_project\n"
        "def interrupt(*_): raise KeyboardInterrupt\n"
        "signal.signal(signal.SIGTERM, interrupt)\n"
        "passthrough(find_project(Path(sys.argv[1])), ['run', '-e', 'native'])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    scons = int(await_text(tmp_path / "pid"))
    process.terminate()
    process.wait()
    await_end(scons)
