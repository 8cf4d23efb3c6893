"""Builds: found by what they are made of, whole or absent, side by side, explained."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mini_project import ENGINE, HEADER, add, await_end, await_text, library, make_project

from tinyproof import platformio
from tinyproof.build import Build, build, check_fit, prune
from tinyproof.errors import BuildError, StorageError, UsageError
from tinyproof.pio.core import CORE_DIR_VARIABLE
from tinyproof.progress import Step
from tinyproof.project import Project
from tinyproof.protocol import BUILD_ID_BYTES
from tinyproof.storage import claim, lock
from tinyproof.targets import find_target
from tools import require_tool


@pytest.fixture(scope="module", autouse=True)
def one_core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let all these tests share a core folder that is not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CORE_DIR_VARIABLE, str(tmp_path_factory.mktemp("cores")))
        yield


@pytest.fixture
def project(tmp_path: Path) -> Project:
    require_tool("g++")
    return make_project(tmp_path)


def native(project: Project, header: str = HEADER, engine: str = "aot") -> Build:
    return build(project, find_target(project, "native"), engine, header)


def said(made: Build) -> list[str]:
    """Run the mini firmware: build id, target, model, engine, port."""
    done = subprocess.run([made.program], capture_output=True, text=True, check=True)
    return done.stdout.split()


def counting(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Count PlatformIO's runs from now on."""
    runs: list[object] = []
    run = platformio.run

    def counted(*args: object, **kwargs: object) -> int:
        runs.append(args)
        return run(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(platformio, "run", counted)
    return runs


def test_the_firmware_knows_its_build_model_target_and_engine(project: Project) -> None:
    made = native(project)
    assert said(made) == [made.id_hex, "native", "one", "1", "7"]
    assert len(made.id) == BUILD_ID_BYTES
    assert made.fresh
    assert made.log.is_file()
    assert made.sizes.flash > 0


def test_the_other_engine_is_linked_when_it_is_chosen(project: Project) -> None:
    made = native(project, engine="tflm")
    assert said(made)[3] == "2"
    assert made.engine == "tflm"


def test_an_unknown_engine_is_refused(project: Project) -> None:
    with pytest.raises(UsageError, match="no engine"):
        native(project, engine="onnx")


def test_a_build_wins_over_the_model_of_a_manual_build(project: Project) -> None:
    add(project.firmware / "include" / "model.h", '#define MODEL_NAME "manual"\n')
    assert said(native(project))[2] == "one"


def test_the_same_again_is_found_without_running_anything(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = native(project)
    runs = counting(monkeypatch)
    again = native(project)
    assert not runs
    assert not again.fresh
    assert dataclasses.replace(again, fresh=True) == first


DAMAGES: dict[str, Callable[[Build], object]] = {
    "without record": lambda b: (b.folder / "build.json").unlink(),
    "broken record": lambda b: (b.folder / "build.json").write_text("{"),
    "record of something else": lambda b: (b.folder / "build.json").write_text("[1]"),
    "without program": lambda b: b.program.unlink(),
    "truncated program": lambda b: b.program.write_bytes(b.program.read_bytes()[:-1]),
    "another program": lambda b: b.program.write_bytes(b"\x7fELF"),
    "changed image beside the program": lambda b: add(b.program.with_name("firmware.hex"), ":00"),
    "without claim file": lambda b: (b.folder / "in-use").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_build_is_never_used(
    project: Project, damage: Callable[[Build], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is made anew in its place is a stand-in for the compiler's, to save time."""
    fake_platformio(monkeypatch)
    first = native(project)
    whole = first.program.read_bytes()
    damage(first)
    again = native(project)
    assert again.fresh
    assert again.program.read_bytes() == whole


def test_sources_that_change_while_they_are_compiled_make_no_build(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came of them would be found, for ever, under the name of what they were before."""
    fake_platformio(monkeypatch)
    compile_, main = platformio.run, project.firmware / "src" / "main.cpp"
    before = main.read_text()

    def edited(*args: object, **kwargs: object) -> int:
        main.write_text(before + "// mended\n")
        return compile_(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(platformio, "run", edited)
    with pytest.raises(BuildError, match="changed while they were compiled") as caught:
        native(project)
    assert "Run again" in caught.value.hint
    main.write_text(before)
    monkeypatch.setattr(platformio, "run", compile_)
    assert native(project).fresh


def fake_platformio(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace PlatformIO by a copy of /bin/true; returns the list of engines built, as it grows."""
    engines: list[str] = []

    def run(*args: object, log: Path, settings: dict[str, str], **kwargs: object) -> int:
        place = Path(settings["PLATFORMIO_WORKSPACE_DIR"]) / "build" / "native"
        place.mkdir(parents=True)
        (place / "program").write_bytes(Path("/bin/true").read_bytes())
        log.write_text("built\n")
        engines.append(settings["TINYPROOF_ENGINE"])
        return 0

    monkeypatch.setattr(platformio, "run", run)
    return engines


def test_progress_names_each_file(project: Project) -> None:
    class Noting(Step):
        notes: list[str] = []  # noqa: RUF012

        def update(self, done: int, total: int, note: str = "") -> None:
            assert (done, total) == (len(self.notes) + 1, 0)
            self.notes.append(note)

    build(project, find_target(project, "native"), "aot", HEADER, step=Noting())
    assert "main.o" in Noting.notes
    assert Noting.notes[-1] == "program"


def test_a_compile_error_is_told_in_one_sentence_with_its_log(project: Project) -> None:
    library(project.root, "engine_aot", "engine.c", ENGINE % 1 + "int broken(\n")
    with pytest.raises(BuildError) as caught:
        native(project)
    assert "firmware/lib/engine_aot/src/engine.c:" in caught.value.sentence
    assert "expected" in caught.value.sentence
    assert caught.value.log in caught.value.hint
    assert "engine.c" in Path(caught.value.log).read_text()


def test_a_warning_in_our_own_sources_is_an_error(project: Project) -> None:
    library(project.root, "engine_aot", "engine.c", ENGINE % 1 + "static void unused(void) {}\n")
    with pytest.raises(BuildError, match="Werror"):
        native(project)


def test_a_symbol_that_nothing_defines_is_named(project: Project) -> None:
    library(project.root, "engine_aot", "engine.c", "typedef int nothing;\n")
    with pytest.raises(BuildError, match="nothing defines tp_engine"):
        native(project)


def test_a_failed_build_is_not_used_and_a_mended_one_succeeds(project: Project) -> None:
    good = (project.firmware / "src" / "main.cpp").read_text()
    add(project.firmware / "src" / "main.cpp", "#error wrong\n")
    with pytest.raises(BuildError, match="wrong"):
        native(project)
    add(project.firmware / "src" / "main.cpp", good)
    assert said(native(project))[2] == "one"


def test_the_sanitizers_end_the_program(project: Project) -> None:
    text = (
        "int tp_engine(void);\nint tp_engine(void) { volatile int x = 31; return 1 << (x + 1); }\n"
    )
    library(project.root, "engine_aot", "engine.c", text)
    made = build(project, find_target(project, "native_asan"), "aot", HEADER)
    done = subprocess.run([made.program], capture_output=True, text=True)
    assert done.returncode != 0
    assert "runtime error: shift exponent 32" in done.stderr


BUILD_SCRIPT = """
import signal, sys
from pathlib import Path
from tinyproof.build import build
from tinyproof.project import find_project
from tinyproof.targets import find_target
def interrupt(*_): raise KeyboardInterrupt
signal.signal(signal.SIGTERM, interrupt)
project = find_project(Path(sys.argv[1]))
made = build(project, find_target(project, "native"), "aot", sys.argv[2])
print(made.fresh, made.program)
"""


def other_process(project: Project, header: str) -> subprocess.Popen[str]:
    """Build in another process."""
    return subprocess.Popen(
        [sys.executable, "-c", BUILD_SCRIPT, str(project.root), header],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_builds_of_different_models_side_by_side_do_not_mix(project: Project) -> None:
    names = ["red", "green", "blue"]
    started = [other_process(project, f'#define MODEL_NAME "{name}"\n') for name in names]
    for name, process in zip(names, started, strict=True):
        out, _ = process.communicate()
        assert process.returncode == 0
        program = out.split()[1]
        spoken = subprocess.run([program], capture_output=True, text=True, check=True)
        assert spoken.stdout.split()[2] == name


def test_two_processes_that_want_the_same_build_make_it_once(project: Project) -> None:
    started = [other_process(project, HEADER) for _ in range(3)]
    outs = [process.communicate()[0].split() for process in started]
    assert sorted(fresh for fresh, _ in outs) == ["False", "False", "True"]
    assert len({program for _, program in outs}) == 1


def test_an_interrupted_build_leaves_no_process_and_the_next_succeeds(project: Project) -> None:
    prepare = project.firmware / "prepare.py"
    good = prepare.read_text()
    slow = 'import os, time; open("pid", "w").write(str(os.getpid())); time.sleep(600)\n'
    prepare.write_text(slow)
    process = other_process(project, HEADER)
    pid = int(await_text(project.root / "pid"))
    process.send_signal(signal.SIGTERM)
    process.communicate()
    await_end(pid)
    prepare.write_text(good)
    assert native(project).fresh


def test_a_state_that_cannot_be_written_is_a_storage_error(project: Project) -> None:
    project.state.write_text("in the way")
    with pytest.raises(StorageError, match="in the way"):
        native(project)


def test_only_the_most_recently_used_builds_are_kept(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_platformio(monkeypatch)
    made = [native(project, f"// {number}\n") for number in range(5)]
    for age, one in enumerate(made):
        os.utime(one.folder / "build.json", (1000 - age, 1000 - age))
    folders = [one.folder for one in made]
    held = made[4]
    del made, one
    prune(project, kept=2)
    assert [folder.exists() for folder in folders] == [True, True, False, False, True]
    assert held.program.exists()
    del held
    prune(project, kept=2)
    assert [folder.exists() for folder in folders] == [True, True, False, False, False]
    left = sorted(path.name for path in (project.state / "builds").iterdir())
    assert left == sorted(folder.name for folder in folders[:2])


def test_failed_builds_are_pruned_but_not_those_in_the_making(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_platformio(monkeypatch)
    builds = project.state / "builds"
    for name in ("failed", "making", ".half-gone.trash"):
        add(builds / name / "build.log", "")
    for folder in builds.iterdir():
        os.utime(folder, (1000, 1000))
    with lock(project.state / "locks" / "build-making.lock"):
        made = native(project)
        prune(project, kept=1)
    assert {path.name for path in builds.iterdir()} == {"making", made.folder.name}


def test_finding_a_build_again_counts_as_use(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_platformio(monkeypatch)
    old, new = native(project, "// old\n").folder, native(project, "// new\n").folder
    os.utime(old / "build.json", (1000, 1000))
    os.utime(new / "build.json", (2000, 2000))
    native(project, "// old\n")
    prune(project, kept=1)
    assert old.exists()
    assert not new.exists()


def test_a_build_in_use_is_claimed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_platformio(monkeypatch)
    made = native(project)
    again = claim(made.folder / "in-use")
    assert again is not None
    record = json.loads((made.folder / "build.json").read_text())
    assert record["images"] == {"program": hashlib.sha256(made.program.read_bytes()).hexdigest()}


def test_ram_that_only_platformio_would_accept_is_checked(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_platformio(monkeypatch)
    uno = find_target(project, "uno")
    program = native(project).program
    small = dataclasses.replace(uno, flash_bytes=10**9, ram_bytes=100)
    with pytest.raises(BuildError, match=r"too large for the RAM of uno: .* too many; section"):
        check_fit(program, small)
    check_fit(program, dataclasses.replace(small, ram_bytes=0))
