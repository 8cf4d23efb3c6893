"""Engine aot behind engine.h, and that it compiles wherever it may have to."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest
from nn_harness import INCLUDES, ROOT, reference

from tinyproof.codegen import Generated, generate
from tools import require_tool

DIGITS = ROOT / "fixtures/digits"
ENGINE = ROOT / "firmware/lib/engine_aot/src/engine_aot.c"
KERNELS = sorted((ROOT / "firmware/lib/nn/src").glob("*.c"))
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror", "-ffp-contract=off")

Before = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint16)
After = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_uint16,
    ctypes.POINTER(ctypes.c_uint8),
    ctypes.c_uint32,
)


class Observer(ctypes.Structure):
    """tp_layer_observer_t."""

    _fields_ = (("before", Before), ("after", After), ("context", ctypes.c_void_p))


@pytest.fixture(scope="module")
def generated() -> Generated:
    """What the generator makes of the int8 digits model."""
    return generate((DIGITS / "int8.tflite").read_bytes())


@pytest.fixture(scope="module")
def engine(generated: Generated, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The engine with the int8 digits model, as a shared library."""
    folder = tmp_path_factory.mktemp("engine")
    (folder / "model.h").write_text(generated.header)
    library = folder / "engine.so"
    includes = [f"-I{path}" for path in (folder, *INCLUDES)]
    command = ["gcc", "-shared", "-fPIC", "-O2", *WARNINGS, *includes]
    subprocess.run([*command, ENGINE, *KERNELS, "-o", library], check=True)
    loaded = ctypes.CDLL(str(library))
    for name in ("weights_crc32", "input_size", "output_size", "arena_used", "arena_reserved"):
        getattr(loaded, f"tp_engine_{name}").restype = ctypes.c_uint32
    assert loaded.tp_engine_init() == 0
    return loaded


def write(engine: ctypes.CDLL, data: bytes, step: int = 64) -> None:
    for start in range(0, len(data), step):
        part = data[start : start + step]
        engine.tp_engine_write_input(start, part, len(part))


def read(engine: ctypes.CDLL, step: int = 10) -> bytes:
    result = b""
    while len(result) < engine.tp_engine_output_size():
        part = ctypes.create_string_buffer(step)
        count = min(step, engine.tp_engine_output_size() - len(result))
        engine.tp_engine_read_output(len(result), part, count)
        result += part.raw[:count]
    return result


def observe(engine: ctypes.CDLL, stop_at: int = -1) -> tuple[int, list[tuple[int, bytes]]]:
    """Run observed; return the result and what was told. ``after`` fails at layer ``stop_at``."""
    seen: list[tuple[int, bytes]] = []
    order: list[int] = []

    def after(_context: int, layer: int, output: ctypes.Array[ctypes.c_uint8], size: int) -> int:
        assert order[-1] == layer
        seen.append((layer, bytes(output[:size])))
        return -5 if layer == stop_at else 0

    def before(_context: int, layer: int) -> None:
        order.append(layer)

    observer = Observer(Before(before), After(after), None)
    return engine.tp_engine_invoke_observed(ctypes.byref(observer)), seen


SAMPLE = bytes(np.random.default_rng(1).integers(0, 256, 64, dtype=np.uint8))


def test_an_inference_answers_what_litert_answers(engine: ctypes.CDLL) -> None:
    interpreter = reference((DIGITS / "int8.tflite").read_bytes())
    detail = interpreter.get_input_details()[0]
    interpreter.set_tensor(detail["index"], np.frombuffer(SAMPLE, np.int8).reshape(1, 8, 8, 1))
    interpreter.invoke()
    wanted = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).tobytes()
    for pattern in (0x00, 0xA5, 0xFF):
        engine.tp_engine_poison(pattern)
        write(engine, SAMPLE)
        assert engine.tp_engine_invoke() == 0
        assert read(engine) == wanted


@pytest.mark.parametrize("step", [1, 7, 64])
def test_inputs_and_outputs_may_come_in_any_pieces(engine: ctypes.CDLL, step: int) -> None:
    write(engine, SAMPLE)
    engine.tp_engine_invoke()
    wanted = read(engine)
    write(engine, SAMPLE, step)
    engine.tp_engine_invoke()
    assert read(engine, step) == wanted


def test_observing_changes_nothing_and_shows_every_layer(
    engine: ctypes.CDLL, generated: Generated
) -> None:
    write(engine, SAMPLE)
    engine.tp_engine_invoke()
    wanted = read(engine)
    write(engine, SAMPLE)
    result, seen = observe(engine)
    assert result == 0
    assert [layer for layer, _ in seen] == list(range(engine.tp_engine_layer_count()))
    assert [len(output) for _, output in seen] == [item.arena_out[1] for item in generated.layers]
    assert seen[-1][1] == read(engine) == wanted


def test_an_observer_can_end_the_inference(engine: ctypes.CDLL) -> None:
    write(engine, SAMPLE)
    result, seen = observe(engine, stop_at=0)
    assert (result, len(seen)) == (-5, 1)


def test_the_traced_layers_are_litert_s_tensors(engine: ctypes.CDLL, generated: Generated) -> None:
    model = (DIGITS / "int8.tflite").read_bytes()
    interpreter = reference(model, every_tensor=True)
    source = interpreter.get_input_details()[0]["index"]
    interpreter.set_tensor(source, np.frombuffer(SAMPLE, np.int8).reshape(1, 8, 8, 1))
    interpreter.invoke()
    write(engine, SAMPLE)
    _, seen = observe(engine)
    for (_, output), layer in zip(seen, generated.layers, strict=True):
        assert output == interpreter.get_tensor(layer.tensor).tobytes()


def test_the_board_computes_the_weights_checksum_that_the_host_expects(
    engine: ctypes.CDLL, generated: Generated
) -> None:
    assert engine.tp_engine_weights_crc32() == generated.weights_crc32


@pytest.mark.parametrize("step", [1, 10, 1000])
def test_the_descriptor_can_be_read_in_pieces(
    engine: ctypes.CDLL, generated: Generated, step: int
) -> None:
    result = b""
    while True:
        part = ctypes.create_string_buffer(step)
        count = engine.tp_engine_descriptor(len(result), part, step)
        if count == 0:
            break
        result += part.raw[:count]
    assert result == generated.descriptor


def test_the_arena_is_as_large_as_planned(engine: ctypes.CDLL, generated: Generated) -> None:
    assert engine.tp_engine_arena_used() == generated.arena_bytes
    assert engine.tp_engine_arena_reserved() == generated.arena_bytes


COMPILERS = {
    "gcc": ("-std=c99", "-O2"),
    "clang": ("-std=c99", "-O2"),
    "avr-gcc": ("-mmcu=atmega328p", "-std=gnu11", "-Os"),
    "arm-none-eabi-gcc": ("-mcpu=cortex-m4", "-mthumb", "-std=c99", "-Os"),
    "riscv64-unknown-elf-gcc": (
        *("-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs"),
        *("-std=c99", "-O2"),
    ),
    "xtensa-lx106-elf-gcc": ("-ffreestanding", "-std=c99", "-Os"),
}


@pytest.mark.parametrize("compiler", COMPILERS)
def test_everything_compiles_without_a_warning(
    compiler: str, generated: Generated, tmp_path: Path
) -> None:
    require_tool(compiler)
    (tmp_path / "model.h").write_text(generated.header)
    includes = [f"-I{path}" for path in (tmp_path, *INCLUDES)]
    # Debian's toolchain for the ESP8266 comes without a C library; the kernels need none.
    sources = KERNELS if compiler.startswith("xtensa") else [ENGINE, *KERNELS]
    command = [compiler, *COMPILERS[compiler], *WARNINGS, *includes, "-c"]
    done = subprocess.run(
        [*command, *sources], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def compile_header(header: str, folder: Path, lines: str) -> str:
    """Compile ``lines`` as C++ with ``header`` at hand; return what the compiler complains of."""
    (folder / "model.h").write_text(header)
    (folder / "use.cpp").write_text(lines)
    command = ["g++", "-std=c++17", *WARNINGS, "-c", "use.cpp", "-I.", "-o", "use.o"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stderr


def test_the_plain_array_serves_other_engines_in_cpp(generated: Generated, tmp_path: Path) -> None:
    use = (
        "#define TP_MODEL_FORMAT_SUPPORTED 1\n"
        '#include "model.h"\n#include "model.h"\n'
        "static_assert(sizeof tp_model_data == TP_MODEL_BYTES);\n"
        "static_assert(__alignof__(tp_model_data) >= 16);\n"
        "int first() { return tp_model_data[0] + static_cast<int>(tp_model_data_len); }\n"
    )
    assert compile_header(generated.header, tmp_path, use) == ""


@pytest.mark.parametrize("define", ["", "#define TP_MODEL_FORMAT_SUPPORTED 2\n"])
def test_a_header_of_another_format_does_not_compile(
    generated: Generated, tmp_path: Path, define: str
) -> None:
    complaint = compile_header(generated.header, tmp_path, f'{define}#include "model.h"\n')
    assert "This model.h has format 1, the firmware another" in complaint
