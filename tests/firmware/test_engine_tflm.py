"""Engine tflm behind engine.h: compiled against TFLM's declared API, run with a fake of it.

What the real TFLM answers is no part of this; see tests/host/test_tflm.py and docs/tflm.md.
"""

from __future__ import annotations

import ctypes
import subprocess
import zlib
from pathlib import Path

import pytest
from compiling import FIRMWARE, ROOT, WIRE
from test_engine_aot import After, Before, Observer, read, write

from tinyproof.codegen import Generated
from tinyproof.codegen.tflm import generate_tflm
from tinyproof.protocol import ErrorCode
from tools import require_tool

MODEL = (ROOT / "fixtures/digits/int8.tflite").read_bytes()
FAKE = ROOT / "tests/firmware/tflm_declarations/src"
ENGINE = sorted((FIRMWARE / "lib/engine_tflm/src").glob("*.cpp"))
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror", "-fno-rtti", "-fno-exceptions")
ARENA = 4096
SAMPLE = bytes(range(100, 164))


@pytest.fixture(scope="module")
def generated() -> Generated:
    """What the generator makes of the int8 digits model."""
    return generate_tflm(MODEL, ARENA)


def includes(folder: Path, generated: Generated) -> list[str]:
    (folder / "model.h").write_text(generated.header)
    return [f"-I{path}" for path in (folder, FIRMWARE / "include", WIRE / "include", FAKE)]


def load(folder: Path, generated: Generated, *flags: str) -> ctypes.CDLL:
    """Compile the engine with the fake; return it as a shared library."""
    library = folder / "engine.so"
    command = [require_tool("g++"), "-std=gnu++17", "-shared", "-fPIC", *WARNINGS, *flags]
    sources = [*ENGINE, FAKE / "fake_tflm.cpp"]
    subprocess.run([*command, *includes(folder, generated), *sources, "-o", library], check=True)
    loaded = ctypes.CDLL(str(library))
    for name in ("weights_crc32", "input_size", "output_size", "arena_used", "arena_reserved"):
        getattr(loaded, f"tp_engine_{name}").restype = ctypes.c_uint32
    return loaded


@pytest.fixture(scope="module")
def engine(generated: Generated, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The engine with the int8 digits model, ready."""
    loaded = load(tmp_path_factory.mktemp("tflm"), generated)
    assert loaded.tp_engine_init() == 0
    return loaded


def answer_to(sample: bytes) -> bytes:
    """Return what the fake answers."""
    return bytes((byte + index) % 256 for index, byte in enumerate(sample[:10]))


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        ("g++", ("-std=gnu++17",)),
        ("clang++", ("-std=gnu++17",)),
        ("arm-none-eabi-g++", ("-std=gnu++14", "-mcpu=cortex-m4", "-mthumb")),
    ],
)
def test_it_compiles_without_a_warning(
    compiler: str, flags: tuple[str, ...], generated: Generated, tmp_path: Path
) -> None:
    command = [require_tool(compiler), "-Os", "-fsyntax-only", *WARNINGS, *flags]
    subprocess.run([*command, *includes(tmp_path, generated), *ENGINE], check=True)


def test_it_refuses_the_header_of_another_engine(generated: Generated, tmp_path: Path) -> None:
    (tmp_path / "model.h").write_text(generated.header)
    (tmp_path / "main.c").write_text('#define TP_MODEL_FORMAT_SUPPORTED 1\n#include "model.h"\n')
    command = [require_tool("gcc"), "-fsyntax-only", "-I.", "main.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "is for engine tflm" in done.stderr


def test_an_inference_answers_whatever_pieces_it_comes_in(engine: ctypes.CDLL) -> None:
    for step in (1, 7, 64):
        write(engine, SAMPLE, step)
        assert engine.tp_engine_invoke() == 0
        assert read(engine, step) == answer_to(SAMPLE)


def test_the_model_is_told_as_the_host_expects(engine: ctypes.CDLL, generated: Generated) -> None:
    text = ctypes.create_string_buffer(300)
    size = engine.tp_engine_descriptor(0, text, 300)
    assert text.raw[:size] == generated.descriptor
    assert b"\x04tflm" in generated.descriptor
    assert engine.tp_engine_weights_crc32() == generated.weights_crc32 == zlib.crc32(MODEL)
    assert engine.tp_engine_input_size() == 64
    assert engine.tp_engine_output_size() == 10
    assert engine.tp_engine_layer_count() == len(generated.layers) == 4


def test_the_arena_is_as_large_as_the_host_said(engine: ctypes.CDLL) -> None:
    assert engine.tp_engine_arena_reserved() == ARENA
    assert 0 < engine.tp_engine_arena_used() <= ARENA


def observe(engine: ctypes.CDLL, stop_at: int = -1) -> tuple[int, list[int], list[bytes]]:
    """Return the result, the layers begun, and the outputs told; stop after layer ``stop_at``."""
    begun: list[int] = []
    outputs: list[bytes] = []

    def before(_context: int, layer: int) -> None:
        begun.append(layer)

    def after(_context: int, layer: int, output: ctypes.Array[ctypes.c_uint8], size: int) -> int:
        outputs.append(bytes(output[:size]))
        return 7 if layer == stop_at else 0

    observer = Observer(Before(before), After(after), None)
    return engine.tp_engine_invoke_observed(ctypes.byref(observer)), begun, outputs


def test_every_operator_is_told_with_the_output_it_has_then(
    engine: ctypes.CDLL, generated: Generated
) -> None:
    write(engine, SAMPLE)
    result, begun, outputs = observe(engine)
    assert result == 0
    assert begun == [0, 1, 2, 3]
    assert [len(output) for output in outputs] == [288, 72, 72, 10]
    # The fake adds 3, 2, 1 and 0 in turn: each was seen before the next was written over it.
    assert [output[0] for output in outputs] == [SAMPLE[0] + more for more in (3, 2, 1, 0)]
    assert read(engine) == outputs[-1]


def test_an_observer_that_has_seen_enough_is_told_no_more(engine: ctypes.CDLL) -> None:
    write(engine, SAMPLE)
    result, begun, outputs = observe(engine, stop_at=1)
    assert (result, begun, len(outputs)) == (7, [0, 1], 2)
    assert observe(engine)[0] == 0


@pytest.mark.parametrize("pattern", [0x00, 0xA5, 0xFF])
def test_poison_spares_what_tflm_must_keep(engine: ctypes.CDLL, pattern: int) -> None:
    engine.tp_engine_poison(pattern)
    assert read(engine) == bytes([pattern]) * 10
    write(engine, SAMPLE)
    assert engine.tp_engine_invoke() == 0
    assert read(engine) == answer_to(SAMPLE)


@pytest.mark.parametrize("size", [64, 1000, ARENA - 16, ARENA + 16])
def test_an_arena_that_is_too_small_is_told_with_what_is_needed(
    size: int, generated: Generated, tmp_path: Path
) -> None:
    small = load(tmp_path, generated, f"-DTP_TFLM_ARENA_BYTES={size}")
    enough = size > ARENA
    assert small.tp_engine_init() == (0 if enough else -ErrorCode.ARENA)
    assert small.tp_engine_arena_reserved() == size
    if not enough:
        assert small.tp_engine_arena_used() == ARENA


def test_an_estimate_that_was_too_low_is_corrected_by_the_board(tmp_path: Path) -> None:
    low = load(tmp_path, generate_tflm(MODEL, 1024))
    assert low.tp_engine_init() == -ErrorCode.ARENA
    assert low.tp_engine_arena_used() > 1024
