"""Help, start-up, output streams and surroundings of the command line."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from native_cli import DIGITS_RUN, INT8, ROOT, Command, assert_complains, call, report_of
from tinyproof.cli.main import COMMANDS, cli
from tinyproof.project import Project

HEAVY = (
    "tensorflow",
    "keras",
    "sklearn",
    "numpy",
    "rich",
    "serial",
    "ai_edge_litert",
    "platformio",
)
TRAINERS = {"train", "convert"}


# -- help


def help_of(*command: str) -> str:
    ended = call(*command, "--help")
    assert ended.code == 0
    assert not ended.err
    return ended.out


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_every_help_has_examples_that_name_real_commands_and_options(name: str | None) -> None:
    text = help_of(*([name] if name else []))
    examples = [line.strip() for line in text.splitlines() if line.startswith("    tinyproof ")]
    assert examples
    for example in examples:
        for part in example.split("&&"):
            words = shlex.split(part.split("   ")[0])
            if words[0] == "tinyproof":
                assert_is_understood(words[1:])


def assert_is_understood(words: list[str]) -> None:
    """Parse a command line without running it."""
    command = cli.get_command(None, words[0])  # type: ignore[arg-type]
    assert command is not None, words
    context = command.make_context(words[0], words[1:], resilient_parsing=False)
    context.close()


def test_the_help_lists_every_command_and_exit_code() -> None:
    text = help_of()
    for name in COMMANDS:
        assert f"\n  {name} " in text
    for code in (0, 1, 2, 3, 4, 70, 130):
        assert f"{code} " in text.partition("Exit codes")[2]


def test_every_command_says_its_job_in_one_line_of_the_list() -> None:
    lines = help_of().partition("Commands:")[2].partition("Exit codes")[0].splitlines()
    told = [line for line in lines if line.strip()]
    assert len(told) == len(COMMANDS)
    assert not [line for line in told if line.rstrip().endswith("...")]


@pytest.mark.parametrize("width", ["60", "80"])
def test_help_fits_a_narrow_terminal(width: str) -> None:
    result = CliRunner().invoke(cli, ["run", "--help"], terminal_width=int(width))
    assert result.exit_code == 0
    examples = result.output.partition("Examples:")[2].partition("Options:")[0]
    rest = result.output.replace(examples, "")
    assert max(map(len, rest.splitlines())) <= int(width)


# -- start-up


def loaded_by(*command: str) -> list[str]:
    """Run a command in a fresh interpreter and return which heavy packages that loaded."""
    code = (
        "import json, sys\n"
        "from tinyproof.cli import main\n"
        f"main({list(command)!r})\n"
        f"print('', json.dumps([name for name in {HEAVY!r} if name in sys.modules]), sep='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


@pytest.mark.parametrize("name", COMMANDS)
def test_help_loads_nothing_heavy(name: str) -> None:
    assert set(loaded_by(name, "--help")) <= {"rich"}


def test_commands_that_only_look_load_no_numpy() -> None:
    assert set(loaded_by("targets")) <= {"rich"}
    assert set(loaded_by("doctor")) <= {"rich", "serial"}


def test_the_main_job_loads_no_tensorflow(tmp_path: Path) -> None:
    loaded = loaded_by(*DIGITS_RUN, "--out", str(tmp_path))
    assert "numpy" in loaded
    assert not {*TRAINERS, "ai_edge_litert"} & set(loaded)
    assert report_of(tmp_path)["passed"]


# -- errors


def test_verbose_adds_the_trace() -> None:
    ended = call("--verbose", "generate", "nowhere.tflite")
    assert ended.code == 2
    assert "Traceback" in ended.err
    assert "Traceback" not in call("generate", "nowhere.tflite").err


@pytest.mark.parametrize("fault", [RuntimeError("of all things"), SystemExit(0)], ids=repr)
def test_a_fault_of_ours_is_told_as_one(
    fault: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise fault

    monkeypatch.setattr("tinyproof.project.find_project", fail)
    words = f"{type(fault).__name__}: {fault}"
    assert_complains(call("targets"), 70, words, "fault of TinyProof")


def test_a_shell_completes_commands() -> None:
    given = {"_TINYPROOF_COMPLETE": "bash_complete", "COMP_WORDS": "tinyproof ru"}
    done = subprocess.run(
        [sys.executable, "-m", "tinyproof"],
        env=os.environ | given | {"COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "plain,run\n", "")


def test_control_characters_of_file_names_are_shown_not_sent() -> None:
    ended = call("generate", "\x1b[31mred.tflite")
    assert "\x1b" not in ended.err
    assert "\\x1b[31mred.tflite" in ended.err


# -- commands


def test_generate_writes_the_same_header_to_a_file_and_to_the_output(
    project: Project, tmp_path: Path
) -> None:
    assert call("generate", INT8, "-o", tmp_path / "model.h").code == 0
    assert (tmp_path / "model.h").read_text() == call("generate", INT8).out
    assert call("generate", "--xxd", INT8).out.startswith("const unsigned char ")


def test_build_prints_where_the_program_is(project: Project) -> None:
    ended = call("build", "--model", INT8)
    assert ended.code == 0
    assert os.access(ended.out.strip(), os.X_OK)


def test_verify_tells_who_the_board_is(project: Project) -> None:
    ended = call("verify", "--model", INT8)
    assert ended.code == 0, ended
    assert "This is the expected firmware." in ended.out
    assert "model " in ended.out


def test_targets_are_listed_for_people_and_programs(project: Project) -> None:
    text = call("targets").out
    found = json.loads(call("targets", "--json").out)
    assert {"native", "native_asan"} <= {target["name"] for target in found}
    assert all(target["name"] in text for target in found)


# -- streams and surroundings


def tinyproof(
    *arguments: str | Path, cwd: Path, environment: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run the command as a process of its own."""
    with Command(*arguments, cwd=cwd, environment=environment) as run:
        ended = run.end()
    return ended.code, ended.out, ended.err


@pytest.mark.parametrize("both", [False, True], ids=["stdout", "stdout and stderr"])
def test_a_reader_that_leaves_changes_no_verdict(both: bool, project: Project, out: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "tinyproof", *DIGITS_RUN, "--out", out],
        stdout=writer,
        stderr=writer if both else subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 0
    assert both or b"Error" not in done.stderr
    assert report_of(out)["passed"]


def test_an_output_on_a_full_disk_is_told_and_the_report_is_kept(
    project: Project, out: Path
) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tinyproof", *DIGITS_RUN, "--out", out],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 4
    assert "The output cannot be written: No space left" in done.stderr
    assert "Exception" not in done.stderr
    assert report_of(out)["passed"]


def test_closed_streams_do_no_harm(project: Project, out: Path) -> None:
    words = shlex.join([sys.executable, "-m", "tinyproof", *DIGITS_RUN, "--out", str(out)])
    assert subprocess.run(["sh", "-c", f"{words} >&- 2>&-"], check=False).returncode == 0
    assert report_of(out)["passed"]


def test_pipes_get_no_colour_and_no_control_codes(project: Project, out: Path) -> None:
    code, text, errors = tinyproof(
        *DIGITS_RUN, "--out", out, cwd=project.root, environment={"TERM": "xterm"}
    )
    assert code == 0
    assert "\x1b" not in text + errors
    assert "\r" not in text + errors


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"NO_COLOR": "1"},
        {"COLUMNS": "30"},
        {"TERM": "dumb"},
    ],
    ids=str,
)
def test_any_locale_and_terminal_gets_the_verdict(
    environment: dict[str, str], project: Project, out: Path
) -> None:
    # The project's path has letters that ASCII lacks.
    code, text, errors = tinyproof(
        "build", "--model", INT8, cwd=project.root, environment=environment
    )
    assert code == 0, errors
    assert text.strip().endswith("program")
    code, text, errors = tinyproof(
        *DIGITS_RUN, "--out", out, cwd=project.root, environment=environment
    )
    assert code == 0, errors
    assert "PROVED: 359 exact" in text


def test_a_run_from_a_folder_below_finds_its_project(project: Project, out: Path) -> None:
    code, _, errors = tinyproof(*DIGITS_RUN, "--out", out, cwd=project.firmware / "src")
    assert code == 0, errors
    assert "up to date" in errors or "built" in errors


def test_a_run_from_a_folder_that_is_not_writable(out: Path) -> None:
    # Nobody, the superuser included, writes there.
    code, _, errors = tinyproof(*DIGITS_RUN, "--out", out, cwd=Path("/proc/self"))
    assert code == 0, errors


@pytest.mark.parametrize("home", [None, "/proc/nowhere"], ids=["unset", "not writable"])
def test_a_home_that_is_of_no_use(home: str | None, project: Project, out: Path) -> None:
    words = [sys.executable, "-m", "tinyproof", *DIGITS_RUN, "--out", str(out)]
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment |= {"HOME": home} if home else {}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if home is None:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == 4, done.stderr
        assert "storage: Cannot write /proc/nowhere" in done.stderr
        assert "TINYPROOF_CORE_DIR" in done.stderr
