"""The console script outlives a conversion that crashes, and cleans up after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from native_cli import DIGITS
from tinyproof.cli.contained import NotedProgress, is_contained
from tinyproof.progress import Progress

SUICIDE = """
import os, signal, tempfile
from tinyproof.convert import from_tflite

def halve(content):
    tempfile.mkdtemp()
    {what}

from_tflite.halve_weights = halve
"""
PARENT_IS_LIGHT = """
import sys
from tinyproof.cli import main
code = main()
assert not {"tensorflow", "keras", "ai_edge_litert"} & set(sys.modules)
sys.exit(code)
"""


def convert(folder: Path, what: str) -> subprocess.Popen[str]:
    """Start the console script; in its child ``what`` happens instead of making float16."""
    (folder / "hooks").mkdir()
    (folder / "tmp").mkdir()
    hook = SUICIDE.format(what=what)
    # Only the child imports it so early: the variable is set for it.
    (folder / "hooks" / "sitecustomize.py").write_text(
        "import os\nif 'TINYPROOF_STEP_FILE' in os.environ:\n"
        + "".join(f"    {line}\n" for line in hook.splitlines())
    )
    paths = [str(folder / "hooks"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [
            *(sys.executable, "-P", "-c", PARENT_IS_LIGHT, "convert", DIGITS / "float32.tflite"),
            *("--out", folder / "out"),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(folder / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_crash_is_one_sentence_and_what_was_made_is_named(tmp_path: Path) -> None:
    process = convert(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 4, err
    assert out == f"Wrote {tmp_path / 'out' / 'float32.tflite'}.\n"
    said, after = err.splitlines()[-2:]
    assert said == (
        "tinyproof: toolchain: TensorFlow's converter crashed with SIGSEGV while making the form "
        "float16."
    )
    assert after.startswith("  next: Make the other forms with --form")
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("whole_group", [True, False], ids=["terminal", "one process"])
def test_an_interruption_ends_parent_and_child(whole_group: bool, tmp_path: Path) -> None:
    began = tmp_path / "began"
    process = convert(tmp_path, f"open({str(began)!r}, 'w').close(); import time; time.sleep(300)")
    while not began.exists() and process.poll() is None:
        time.sleep(0.05)
    if whole_group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert err.count("interrupted: ") == 1
    assert not list((tmp_path / "tmp").iterdir())
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_only_what_may_crash_is_run_in_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_contained(["-v", "convert", "m.keras"])
    assert not is_contained(["check", "convert"])
    assert not is_contained([])
    monkeypatch.setenv("TINYPROOF_STEP_FILE", "x")
    assert not is_contained(["convert"])


def test_the_step_begun_last_is_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TINYPROOF_STEP_FILE", str(tmp_path / "step"))
    progress = NotedProgress(Progress())
    for form in ("float32", "int8"):
        with progress.step("convert", form):
            assert (tmp_path / "step").read_text() == f'["convert", "{form}"]'
