"""TensorFlow Lite Micro on the host: its operators, its arena, its answers; and what links it."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_cli import INT8, ROOT, SAMPLES, assert_complains, call, lay_out, report_of
from tinyproof import build, reference
from tinyproof.codegen.tflm import METHODS, generate_tflm, resolver_method
from tinyproof.distance import Distance
from tinyproof.errors import ReferenceFailedError, ToolchainError, UnsupportedModelError
from tinyproof.graph import read_graph
from tinyproof.graph.names import OPERATOR_NAMES
from tinyproof.harness import open_session
from tinyproof.libraries import engine_libraries, identity
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.records import Records
from tinyproof.reference import DEFAULT_ENGINE, ReferenceRun, run_reference
from tinyproof.samples import load_samples
from tinyproof.subject import Subject
from tinyproof.targets import Target, load_targets
from tinyproof.tflm import (
    POINTER_BYTES,
    ArenaUse,
    arena_bytes,
    generate_for_tflm,
    measure_arena,
    parse_arena,
    planning_bytes,
    scratch_bytes,
    warning_of_old_libraries,
)
from tinyproof.verdict import Task

DECLARED = ROOT / "tests/firmware/tflm_declarations"
MODELS = sorted((ROOT / "fixtures/models").glob("*.tflite"))
DIGITS = sorted((ROOT / "fixtures/digits").glob("*.tflite"))
HYBRID = "dynamic_range"
"""Float tensors with int8 weights: LiteRT runs that, TFLM does not."""
RUNS = [path for path in (*MODELS, *DIGITS) if path.stem != HYBRID]


def listed(header: str, name: str) -> list[str]:
    """Return the numbers and names of one of the header's lists."""
    found = re.search(rf"#define TP_MODEL_{name}\b(\(X\))? (.*?)(?<!\\)\n", header, re.DOTALL)
    assert found, name
    return re.findall(r"[\w-]+", re.sub(r"X\(", "(", found[2]))


# What is generated


@pytest.mark.parametrize("path", [*MODELS, *DIGITS], ids=lambda path: path.stem)
def test_exactly_the_models_operators_are_registered(path: Path) -> None:
    model = path.read_bytes()
    graph = read_graph(model)
    names = {operator.name for operator in graph.operators}
    header = generate_tflm(model, 1024).header
    registered = listed(header, "OPERATOR_LIST")
    assert len(registered) == len(names)
    assert {name.lower() for name in registered} == {n.replace("_", "").lower() for n in names}
    assert f"#define TP_MODEL_OPERATORS {len(names)}\n" in header
    tensors = listed(header, "LAYER_TENSORS")[::2]
    assert tensors == [str(operator.outputs[0]) for operator in graph.operators]


def test_every_method_is_that_of_an_operator() -> None:
    known = {name.replace("_", "").lower() for name in OPERATOR_NAMES.values()}
    assert set(METHODS) <= known
    assert resolver_method("MAX_POOL_2D") == "MaxPool2D"
    assert resolver_method("UNIDIRECTIONAL_SEQUENCE_LSTM") == "UnidirectionalSequenceLSTM"


@pytest.mark.parametrize("name", ["CUSTOM:mine", "WHILE", "GELU", "STABLEHLO_ADD"])
def test_an_operator_beyond_tflm_is_named(name: str) -> None:
    with pytest.raises(UnsupportedModelError, match=re.escape(name)):
        resolver_method(name)


def test_the_header_holds_the_model_and_nothing_else_that_is_large() -> None:
    model = INT8.read_bytes()
    generated = generate_tflm(model, 2048)
    body = re.search(r"tp_model_data\[\][^{]*\{(.*?)\}", generated.header, re.DOTALL)
    assert body
    assert bytes(int(byte, 16) for byte in re.findall(r"0x..", body[1])) == model
    assert "__attribute__((aligned(16)))" in generated.header
    assert "tp_layer_" not in generated.header
    assert generate_tflm(model, 2048).header == generated.header
    assert [layer.macs for layer in generated.layers] == [2592, 0, 0, 720]


# The arena


ACCEPTS = """
import sys
from pathlib import Path
from tflite_micro.python.tflite_micro import runtime
model = Path(sys.argv[1]).read_bytes()
for size in map(int, sys.argv[2:]):
    runtime.Interpreter.from_bytes(model, arena_size=size).invoke()
    print("ran", flush=True)
"""


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_an_arena_of_the_size_found_suffices_and_tflm_takes_the_model(path: Path) -> None:
    model = path.read_bytes()
    use = measure_arena(model)
    size = generate_for_tflm(model, hosted=True).arena_bytes
    graph = read_graph(model)
    head = max(use.head + scratch_bytes(graph), planning_bytes(graph))
    assert use.total < size <= head + use.tail * 1.125 + 32
    command = [sys.executable, "-c", ACCEPTS, str(path), str(size), str(use.total - 256)]
    done = subprocess.run(command, capture_output=True, text=True)
    # The first arena is enough; the second, smaller than what was measured, is not.
    assert (done.stdout, done.returncode != 0) == ("ran\n", True), done.stderr


def test_a_board_of_32_bits_gets_less_but_never_less_than_half_of_what_is_kept() -> None:
    use = measure_arena(INT8.read_bytes())
    assert use.scaled_tail(POINTER_BYTES) == use.tail
    assert use.tail / 2 <= use.scaled_tail(4) < use.tail
    assert arena_bytes(INT8.read_bytes(), pointer_bytes=4) % 16 == 0


def test_scratch_memory_is_that_of_the_largest_convolution() -> None:
    assert scratch_bytes(read_graph(INT8.read_bytes())) == 2 * 2 * 3 * 3 * 1


def test_the_plan_of_a_small_model_is_larger_than_its_tensors() -> None:
    # Found with TFLM: with what stays in use alone, it cannot allocate the digits model.
    use = measure_arena(INT8.read_bytes())
    assert planning_bytes(read_graph(INT8.read_bytes())) > use.head
    assert arena_bytes(INT8.read_bytes(), pointer_bytes=POINTER_BYTES) > 2343


def test_what_the_allocator_prints_is_read_to_the_byte() -> None:
    said = (
        "[RecordingMicroAllocator] Arena allocation total 2064 bytes\n"
        "[RecordingMicroAllocator] Arena allocation head 368 bytes\n"
        "[RecordingMicroAllocator] Arena allocation tail 1696 bytes\n"
        "[RecordingMicroAllocator] 'TfLiteEvalTensor data' used 240 bytes with alignment overhead\n"
        "[RecordingMicroAllocator] 'NodeAndRegistration struct' used 256 bytes with alignment\n"
    )
    assert parse_arena(said) == ArenaUse(head=368, tail=1696, pointers=496)
    with pytest.raises(ReferenceFailedError, match="did not tell"):
        parse_arena(said.replace("tail", "end"))


def test_a_model_that_tflm_cannot_run_is_refused_with_its_own_words() -> None:
    model = next(path for path in DIGITS if path.stem == HYBRID).read_bytes()
    with pytest.raises(ReferenceFailedError, match=r"CONV_2D \(number 0\) failed to prepare"):
        measure_arena(model)


# The reference


def samples_of(path: Path, number: int) -> Records:
    graph = read_graph(path.read_bytes())
    tensor = graph.tensors[graph.inputs[0]]
    rng = np.random.default_rng(6)
    real = tensor.dtype.kind == "f"
    records = Records(tensor.bytes)
    for _ in range(number):
        values = rng.uniform(-1, 1, tensor.elements).astype("<f4")
        records.append(values.tobytes() if real else rng.bytes(tensor.bytes))
    return records


def test_the_report_names_tflm_as_the_reference() -> None:
    described = reference.describe("tflm")
    assert (described.interpreter, described.kernels) == ("TensorFlow Lite Micro", "reference")
    assert described.package == "tflite-micro"


def test_without_tflite_micro_the_next_step_is_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(reference, "version", missing)
    with pytest.raises(ToolchainError, match="tflite-micro") as caught:
        run_reference(INT8.read_bytes(), [bytes(64)], engine="tflm")
    assert "pip install 'tinyproof[tflm]'" in caught.value.hint


def test_the_layers_of_tflm_are_those_of_litert_up_to_the_fully_connected_one() -> None:
    model, sample = INT8.read_bytes(), bytes(range(64))
    tensors = [operator.outputs[0] for operator in read_graph(model).operators]
    tflm = run_reference(model, [sample], engine="tflm", tensors=tensors)
    litert = run_reference(model, [sample], tensors=tensors)
    assert tflm.tensors == litert.tensors
    assert tflm.records[0][:-10] == litert.records[0][:-10]


@pytest.mark.parametrize(("stem", "differ"), [("autoencoder_example", True), ("float32", False)])
def test_the_distance_to_litert_is_told(stem: str, differ: bool) -> None:
    path = next(path for path in RUNS if path.stem == stem)
    model, samples = path.read_bytes(), samples_of(path, 40)
    answers = run_reference(model, samples, engine="tflm")
    with Distance("tflm", model, samples) as distance:
        found = distance.collect(answers.tensors, answers.records, Task.CLASSIFICATION)
    assert found
    assert (found.interpreter, found.kernels, found.samples) == ("LiteRT", "BUILTIN_REF", 40)
    assert (found.differing > 0, found.relative > 0) == (differ, differ)


def test_litert_has_no_distance_to_itself() -> None:
    with Distance("aot", b"", Records(1)) as distance:
        assert distance.collect((), (), Task.TENSOR) is None


# What is linked


@pytest.fixture
def native() -> Target:
    return load_targets(Project(ROOT, ROOT / ".tinyproof"))["native"]


def test_a_library_of_the_users_own_must_be_named_and_be_there(
    native: Target, tmp_path: Path
) -> None:
    for value in ("", "relative", str(tmp_path)):
        with pytest.raises(ToolchainError, match="TINYPROOF_TFLM") as caught:
            identity(native, "tflm", {"TINYPROOF_TFLM": value})
        assert "library.json" in caught.value.hint
    assert identity(native, "aot", {}) == ()


def test_another_content_of_the_library_is_another_build(native: Target, tmp_path: Path) -> None:
    (tmp_path / "library.json").write_text("{}")
    setting = {"TINYPROOF_TFLM": str(tmp_path)}
    first = identity(native, "tflm", setting)
    (tmp_path / "more.cpp").write_text("int more;")
    second = identity(native, "tflm", setting)
    (tmp_path / "more.cpp").write_text("int most;")
    assert len({first, second, identity(native, "tflm", setting)}) == 3


def test_a_build_over_another_library_is_not_taken_for_this_one(
    native: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted: list[bytes] = []

    class Found(build._Job):
        """A job that is always done already."""

        def find(self, *, fresh: bool) -> Any:
            wanted.append(self.id)
            return self

    monkeypatch.setattr(build, "_Job", Found)
    monkeypatch.setenv("TINYPROOF_TFLM", str(tmp_path))
    (tmp_path / "library.json").write_text("{}")
    here = Project(ROOT, tmp_path)
    for text in ("int more;", "int most;", "int more;"):
        (tmp_path / "more.cpp").write_text(text)
        build.build(here, native, "tflm", "")
    assert wanted[0] == wanted[2] != wanted[1]


def test_only_this_machine_takes_a_folder_and_only_boards_take_pinned_libraries() -> None:
    for target in load_targets(Project(ROOT, ROOT / ".tinyproof")).values():
        named = engine_libraries(target, "tflm")
        assert bool(named) == ("tflm" in target.engines), target.name
        for library in named:
            if target.hosted:
                assert library == "symlink://${sysenv.TINYPROOF_TFLM}"
            else:
                assert re.fullmatch(r"https://github\.com/\S+\.git#\S+", library), target.name


# The whole way, with the fake


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return lay_out(tmp_path_factory.mktemp("tflm"))


def test_a_run_goes_the_whole_way_and_does_not_believe_the_fake(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("TINYPROOF_TFLM", str(DECLARED))
    run = ("run", "--engine", "tflm", "--model", INT8, "--random", "5", "--out", tmp_path)
    assert_complains(call(*run), 1, "5 of 5 answers are wrong")
    report = report_of(tmp_path)
    assert report["engine"] == "tflm"
    assert report["reference"]["package"] == "tflite-micro"
    assert report["reference_distance"]["samples"] == 5
    assert report["first_difference"]["name"] == "CONV_2D"
    assert report["memory"]["arena"] <= report["memory"]["arena_reserved"]


def test_whoever_judges_asks_the_reference_of_the_engine(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run, replay and the plugin's verify: LiteRT must never stand in for TFLM unnoticed."""
    asked: list[tuple[str, str]] = []

    class Noted(ReferenceRun):
        def __init__(self, *given: Any, **named: Any) -> None:
            caller = sys._getframe(1).f_globals["__name__"].rpartition(".")[2]
            asked.append((caller, named.get("engine", DEFAULT_ENGINE)))
            super().__init__(*given, **named)

    for module in ("run", "replay", "harness"):
        monkeypatch.setattr(f"tinyproof.{module}.ReferenceRun", Noted)
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("TINYPROOF_TFLM", str(DECLARED))
    log = tmp_path / "log"
    run = ("run", "--engine", "tflm", "--model", INT8, "--random", "5", "--wire-log", log)
    assert call(*run, "--out", tmp_path / "run").code == 1
    assert call("replay", log, "--out", tmp_path / "replay").code == 1
    subject = Subject("digits", INT8, INT8.read_bytes(), SAMPLES)
    with open_session(project, subject, Progress(), target="native", engine="tflm") as board:
        assert not board.verify(board.prepare(load_samples(SAMPLES))).passed
    assert asked == [("run", "tflm"), ("replay", "tflm"), ("harness", "tflm")]


def test_an_arena_that_is_too_small_ends_the_run_with_both_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = lay_out(tmp_path)
    target = project.firmware / "targets/native/target.ini"
    flags = "build_flags =\n    -DTP_TFLM_ARENA_BYTES=1024"
    target.write_text(target.read_text().replace("build_flags =", flags))
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("TINYPROOF_TFLM", str(DECLARED))
    wanted = generate_for_tflm(INT8.read_bytes(), hosted=True).arena_bytes
    ended = call("run", "--engine", "tflm", "--model", INT8, "--random", "5")
    assert_complains(ended, 4, f"{wanted:,}", "1,024")


def test_without_a_library_nothing_is_built(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    monkeypatch.delenv("TINYPROOF_TFLM", raising=False)
    assert_complains(call("build", "--engine", "tflm", "--model", INT8), 4, "TINYPROOF_TFLM")


def test_generate_writes_the_header_for_boards() -> None:
    said = call("generate", "--engine", "tflm", INT8).out
    assert said == generate_for_tflm(INT8.read_bytes(), hosted=False).header


def test_a_scale_for_each_output_is_warned_of_where_a_library_may_be_too_old(
    tmp_path: Path,
) -> None:
    """Found with the pinned library for Mbed's boards, in QEMU: 359 of 359 digits wrong."""
    warned = {path.name for path in RUNS if warning_of_old_libraries(path.read_bytes())}
    assert warned == {"int8.tflite", "int8_float_io.tflite"}
    for engine, told in (("tflm", True), ("aot", False)):
        ended = call("sketch", "--model", INT8, "--samples", SAMPLES, "--engine", engine,
                     "--out", tmp_path / engine)  # fmt: skip
        assert ended.code == 0
        assert ("before September 2024" in ended.err) is told
