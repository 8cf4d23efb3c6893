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
from tinyproof.cli.contained import Journal, NotedProgress, is_contained
from tinyproof.progress import Progress

SUICIDE = """
import os, signal, tempfile
from tinyproof.convert import {module}

def instead(*_):
    tempfile.mkdtemp()
    {what}

{module}.{name} = instead
"""
PARENT_IS_LIGHT = """
import sys
from tinyproof.cli import main
code = main()
assert not {"tensorflow", "keras", "ai_edge_litert"} & set(sys.modules)
sys.exit(code)
"""


def convert(
    folder: Path, what: str, where: tuple[str, str] = ("from_tflite", "halve_weights")
) -> subprocess.Popen[str]:
    """Start the console script; in its child ``what`` happens in place of a function.

    Args:
        folder: for its files.
        what: a statement.
        where: module and name of that function; the one that makes float16 unless told otherwise.
    """
    (folder / "hooks").mkdir()
    (folder / "tmp").mkdir()
    hook = SUICIDE.format(what=what, module=where[0], name=where[1])
    # Only the child imports it so early: the variable is set for it.
    (folder / "hooks" / "sitecustomize.py").write_text(
        "import os\nif 'TINYPROOF_JOURNAL' in os.environ:\n"
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


def test_a_form_that_crashes_the_converter_does_not_hide_the_others(tmp_path: Path) -> None:
    process = convert(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 4, err
    written = [line for line in out.splitlines() if line.startswith("Wrote ")]
    assert written == [
        f"Wrote {tmp_path / 'out' / form}.tflite." for form in ("float32", "dynamic_range")
    ]
    said, after = err.splitlines()[-2:]
    crash = "TensorFlow's converter crashed with SIGSEGV while making the form float16."
    assert said == f"tinyproof: toolchain: {crash}"
    assert after.startswith("  next: Do with the other forms")
    table = " ".join(out.split())
    assert all(row in table for row in ("float32 - -", "dynamic_range - -", "float16 - - - - not"))
    assert not list((tmp_path / "tmp").iterdir())


def test_a_crash_in_another_step_ends_the_command(tmp_path: Path) -> None:
    process = convert(tmp_path, "os.kill(os.getpid(), signal.SIGBUS)", ("fitting", "rooms"))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 4, err
    assert "crashed with SIGBUS in the step measure the forms." in err
    assert err.count("open ") == 1, "nothing was tried again"


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
    monkeypatch.setenv("TINYPROOF_JOURNAL", "x")
    assert not is_contained(["convert"])


def test_the_step_begun_last_is_noted(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    assert journal.last_step() == ("start", "")
    progress = NotedProgress(Progress(), journal)
    for form in ("float32", "int8"):
        with progress.step("convert", form):
            assert journal.last_step() == ("convert", form)


def test_a_journal_whose_writer_died_writing_is_read_up_to_there(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.wrote("int8", tmp_path / "int8.tflite")
    journal.crashed("float16", "SIGABRT")
    with (tmp_path / "journal").open("a") as stream:
        stream.write('["wrote", "flo')
    assert journal.written() == {"int8": tmp_path / "int8.tflite"}
    assert journal.crashes() == {"float16": "SIGABRT"}
