"""Standalone sketches: they need nothing but their folder, and print what LiteRT computes."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import serial
from boards import require_avr

from native_cli import DIGITS, FLOAT32, INT8, SAMPLES, assert_complains, call
from tinyproof.codegen import generate
from tinyproof.pio.core import standin_core
from tinyproof.project import Project
from tinyproof.reference import run_reference
from tinyproof.samples import load_samples, prepare
from tinyproof.simulators.avr import AvrSimulator, bootloader
from tinyproof.sketch.sources import load_library, select
from tinyproof.storage import write_atomic
from tinyproof.targets import load_targets
from tools import require_tool

ROOT = Path(__file__).resolve().parents[2]
MOCK = ROOT / "tests" / "firmware" / "arduino_mock"
DIGIT = 7
LINE = re.compile(r"sanity check: expected class (\d+), scores ([-\d.,]+): (OK|MISMATCH)")


def write(out: Path, model: Path, *options: str) -> Path:
    arguments = ("--model", model, "--samples", SAMPLES, "--index", str(DIGIT), "--out", out)
    ended = call("sketch", *arguments, *options)
    assert ended.code == 0, ended.err
    return out


def litert(model: Path) -> list[float]:
    """Return LiteRT's scores for the digit, as real values."""
    content = model.read_bytes()
    made = generate(content)
    samples = prepare(load_samples(SAMPLES), made.inputs)
    outputs = run_reference(content, [samples[DIGIT]])
    (output,) = made.outputs
    scores = np.frombuffer(outputs.records[0], output.dtype).astype(np.float64)
    outputs.close()
    return [float(v) for v in (scores - output.zero_point) * (output.scale or 1.0)]


def assert_right(text: str, model: Path) -> None:
    """Hold one report of the sketch against LiteRT."""
    scores, predicted, check = text.strip().splitlines()
    wanted = litert(model)
    got = [float(word) for word in scores.split(",")]
    step = 10.0 ** -len(scores.split(",")[0].partition(".")[2])
    assert got == pytest.approx(wanted, abs=step)
    assert predicted == f"predicted class: {np.argmax(wanted)}"
    found = LINE.fullmatch(check)
    assert found, check
    assert found.groups() == (
        str(np.argmax(wanted)),
        scores,
        "OK",
    )


def pio(folder: Path, *arguments: str) -> None:
    """Run PlatformIO in ``folder``, on the stand-ins, with nothing of TinyProof's in the way."""
    environment = {
        name: value
        for name, value in standin_core().environment().items()
        if not name.startswith("TINYPROOF_")
    }
    command = [sys.executable, "-P", "-m", "platformio", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr


def first_report(port: str) -> str:
    """Return the first three whole lines that the sketch prints after a reset."""
    with serial.Serial(port, 9600, timeout=60) as line:
        return b"".join(line.readline() for _ in range(3)).decode().replace("\r", "")


def compile_natively(folder: Path, program: Path) -> None:
    """Compile an Arduino sketch as the IDE would, for this machine, over a few lines of Arduino."""
    flags = ["-w", "-O1", f"-I{MOCK}", "-include", "Arduino.h"]
    (sketch,) = folder.glob("*.ino")
    objects = []
    for source in [sketch, *folder.rglob("*.[cS]"), MOCK / "arduino.cpp"]:
        compiler = "gcc" if source.suffix in (".c", ".S") else "g++"
        objects.append(str(program.parent / f"{source.name}.o"))
        language = ["-x", "c++"] if source.suffix == ".ino" else []
        included = [] if compiler == "gcc" else flags[3:]
        command = [compiler, *flags[:3], *included, *language, "-c", str(source)]
        subprocess.run([*command, "-o", objects[-1]], check=True)
    subprocess.run(["g++", *objects, "-o", program], check=True)


def test_the_sketch_proves_itself_on_a_simulated_uno(tmp_path: Path) -> None:
    require_avr()
    folder = write(tmp_path / "digits", INT8, "--platformio")
    with AvrSimulator("atmega328p", bootloader=bootloader("atmega328p")) as board:
        pio(folder, "run", "-e", "uno", "-t", "upload", "--upload-port", board.port)
        assert_right(first_report(board.port), INT8)


@pytest.mark.parametrize("form", ["float32", "int8_float_io", "int8"])
def test_an_arduino_sketch_of_every_form_prints_what_litert_computes(
    form: str, tmp_path: Path
) -> None:
    model = DIGITS / f"{form}.tflite"
    folder = write(tmp_path / "digits", model)
    compile_natively(folder, tmp_path / "program")
    done = subprocess.run([tmp_path / "program"], capture_output=True, text=True, timeout=20)
    assert_right(done.stdout.replace("\r", ""), model)


def test_a_wrong_score_is_told(tmp_path: Path) -> None:
    folder = write(tmp_path / "digits", INT8)
    header = folder / "sample.h"
    text = header.read_text()
    header.write_text(re.sub(r"(expected_scores.*\n +)(-?\d+)", r"\g<1>1", text))
    assert header.read_text() != text
    compile_natively(folder, tmp_path / "program")
    done = subprocess.run([tmp_path / "program"], capture_output=True, text=True, timeout=20)
    assert done.stdout.rstrip().endswith(": MISMATCH")


def test_an_engine_that_fails_is_told_and_no_score_is_printed(tmp_path: Path) -> None:
    folder = write(tmp_path / "digits", INT8)
    (engine,) = (
        path for path in folder.rglob("*.c") if "int tp_engine_invoke(void) {" in path.read_text()
    )
    fails = "int tp_engine_invoke(void) {\n    return -1;"
    engine.write_text(engine.read_text().replace("int tp_engine_invoke(void) {", fails))
    compile_natively(folder, tmp_path / "program")
    done = subprocess.run([tmp_path / "program"], capture_output=True, text=True, timeout=20)
    assert set(done.stdout.split("\n")) == {"The engine failed.", ""}


def test_every_kernel_finds_all_it_calls_in_the_chosen_files(tmp_path: Path) -> None:
    """For each kernel alone, on this machine and on AVR: nothing of ours is left undefined."""
    library = load_library(Project(ROOT, ROOT / ".tinyproof"))
    kernels = [Path(name).stem for name in library.sources if "/" not in name]
    everything = select(library, " ".join(kernels))
    folder = tmp_path / "all"
    folder.mkdir()
    for name, text in everything.items():
        (folder / name).write_text(text)
    for prefix, flags in (("", []), ("avr-", ["-mmcu=atmega2560"])):
        symbols = compile_all(folder, tmp_path / f"{prefix}objects", prefix, flags)
        for kernel in kernels:
            chosen = [symbols[name] for name in select(library, kernel) if name in symbols]
            defined = set().union(*(found["T"] for found in chosen))
            wanted = {name for found in chosen for name in found["U"] if name.startswith("tp_")}
            assert kernel in defined
            assert wanted <= defined, kernel


def compile_all(
    folder: Path, objects: Path, prefix: str, flags: list[str]
) -> dict[str, dict[str, set[str]]]:
    """Return which functions each source but the engine defines (T) and calls (U)."""
    found: dict[str, dict[str, set[str]]] = {}
    for suffix in (".c", ".S"):
        place = objects / suffix
        place.mkdir(parents=True)
        sources = sorted(path for path in folder.glob(f"*{suffix}") if "engine" not in path.name)
        gcc = require_tool(f"{prefix}gcc")
        subprocess.run([gcc, *flags, "-w", "-c", *sources], cwd=place, check=True)
        for source in sources:
            command = [f"{prefix}nm", str(place / f"{source.stem}.o")]
            listed = subprocess.run(command, check=True, capture_output=True, text=True)
            rows = [line.split()[-2:] for line in listed.stdout.splitlines()]
            found[source.name] = {
                kind: {name for letter, name in rows if letter == kind} for kind in ("T", "U")
            }
    return found


def test_a_sketch_over_tflm_links_just_the_operators_of_the_model(tmp_path: Path) -> None:
    """It was compiled with TFLM and run by hand, docs/sketch.md says how."""
    folder = write(tmp_path / "digits", INT8, "--engine", "tflm")
    program = (folder / "digits.ino").read_text()
    assert re.findall(r"resolver\.Add(\w+)\(\);", program) == [
        "Conv2D", "MaxPool2D", "Reshape", "FullyConnected",
    ]  # fmt: skip
    assert "MicroMutableOpResolver<4> resolver;" in program
    arena = re.search(r"uint8_t arena\[(\d+)\];", program)
    assert arena
    assert 1000 < int(arena.group(1)) < 4000
    listed = re.search(r"model_data\[\] = \{(.*?)\};", (folder / "model.h").read_text(), re.DOTALL)
    assert listed
    assert bytes(int(word, 16) for word in re.findall(r"0x\w\w", listed.group(1))) == (
        INT8.read_bytes()
    )
    assert sorted(path.name for path in folder.iterdir()) == ["digits.ino", "model.h", "sample.h"]


@pytest.mark.parametrize("engine", ["aot", "tflm"])
def test_platformio_gets_an_environment_for_each_board_that_has_the_engine(
    engine: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "digits", INT8, "--platformio", "--engine", engine)
    config = configparser.ConfigParser()
    config.read(folder / "platformio.ini")
    targets = load_targets(Project(ROOT, ROOT / ".tinyproof")).values()
    boards = [t for t in targets if "arduino" in t.frameworks and engine in t.engines]
    sections = [name for name in config.sections() if name.startswith("env:")]
    assert sections == [f"env:{target.name}" for target in boards]
    for target in boards:
        own = config[f"env:{target.name}"]
        assert (own["board"], own["framework"]) == (target.board, "arduino")
        assert ("lib_deps" in own) == (engine == "tflm")
    assert f"env:{config['platformio']['default_envs']}" in sections
    assert config["env"]["monitor_speed"] == "9600"


def test_only_what_the_model_uses_is_written(tmp_path: Path) -> None:
    folder = write(tmp_path / "digits", FLOAT32)
    names = {path.name for path in (folder / "src" / "tinyproof").iterdir()}
    assert {"model.h", "tp_conv_2d_f32.c", "tp_matvec_f32.c"} <= names
    assert not {name for name in names if "_s8" in name or "softmax" in name or "avr" in name}
    text = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    assert str(ROOT) not in text
    assert str(tmp_path) not in text


def test_a_folder_with_something_in_it_is_left_alone_unless_forced(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    arguments = ("sketch", "--model", INT8, "--samples", SAMPLES, "--out", out)
    assert_complains(call(*arguments), 2, "is not an empty folder", "--force")
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]
    assert call(*arguments, "--force").code == 0
    assert (out / "thesis.txt").read_text() == "years of work"
    assert (out / "mine.ino").exists()


def test_a_forced_sketch_leaves_nothing_of_the_earlier_model(tmp_path: Path) -> None:
    fresh = write(tmp_path / "fresh" / "digits", FLOAT32)
    again = write(tmp_path / "again" / "digits", INT8)
    write(again, FLOAT32, "--force")
    assert contents(again) == contents(fresh)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_an_interruption_leaves_no_half_a_sketch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 5

    def failing(path: Path, text: str) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        write_atomic(path, text)

    monkeypatch.setattr("tinyproof.sketch.folder.write_atomic", failing)
    ended = call("sketch", "--model", INT8, "--samples", SAMPLES, "--out", tmp_path / "digits")
    assert ended.code == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--out", "my sketch"), "is no name for a sketch"),
        (("--out", "a", "--index", "359"), "Give --index 0 to 358"),
        (("--out", "pyproject.toml"), ""),
    ],
)
def test_what_cannot_be_written_is_told(
    options: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    ended = call("sketch", "--model", INT8, "--samples", SAMPLES, *options)
    assert_complains(ended, 2, words)
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]
