"""lib/wire's C tests, under sanitizers, with two compilers and frames of several sizes."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import pytest
from compiling import FAKES, PEER, ROOT, SANITIZERS, WIRE_SOURCES, WIRE_TESTS, compile_program, run

SIZES = (80, 256, 600)
"""Largest frames: the least that these tests' samples fit, one COBS block, three."""


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("name", ["test_session", "test_samples", "test_parts"])
def test_the_conversation_holds(name: str, compiler: str, tmp_path: Path) -> None:
    for size in SIZES if compiler == "gcc" else SIZES[1:2]:
        program = compile_program(
            compiler,
            [WIRE_TESTS / f"{name}.c", *PEER, *FAKES, *WIRE_SOURCES],
            tmp_path / f"{name}_{size}",
            *SANITIZERS,
            f"-DTP_MAX_FRAME={size}",
            '-DTP_TARGET_NAME="test target"',
        )
        assert len(run(program).splitlines()) >= 12


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_codec_holds(compiler: str, tmp_path: Path) -> None:
    sources = [WIRE_TESTS / "test_codec.c", WIRE_TESTS / "peer.c", *codec_sources()]
    assert run(compile_program(compiler, sources, tmp_path / "test_codec", *SANITIZERS))


def codec_sources() -> list[Path]:
    return [path for path in WIRE_SOURCES if path.stem in {"tp_cobs", "tp_crc32"}]


def test_the_example_frames_are_read_and_written_byte_for_byte(tmp_path: Path) -> None:
    examples = json.loads((ROOT / "fixtures" / "wire" / "frames.json").read_text())
    lines = []
    for example in examples:
        body = struct.pack("<BBH", 1, example["type"], example["sequence"])
        body += bytes.fromhex(example["payload"])
        body += struct.pack("<I", zlib.crc32(body, example["seed"]))
        lines.append(f"{example['seed']} {body.hex()} {example['encoded']}")
    table = tmp_path / "frames.txt"
    table.write_text("\n".join(lines))
    sources = [WIRE_TESTS / "test_examples.c", *codec_sources()]
    program = compile_program("gcc", sources, tmp_path / "test_examples", *SANITIZERS)
    assert run(program, str(table)) == f"{len(examples)} frames\n"


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [("-DTP_MAX_FRAME=63", "64 to 65,535"), ("-DTP_RX_WINDOW=255", "at least one frame")],
)
def test_sizes_that_cannot_work_do_not_compile(flag: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=sentence):
        compile_program("gcc", WIRE_SOURCES, tmp_path / "none", flag)


def test_the_build_id_is_taken_from_the_build(tmp_path: Path) -> None:
    (tmp_path / "tp_build.h").write_text(
        "#define TP_BUILD_ID {" + ", ".join(str(0xA0 + i) for i in range(16)) + "}\n"
    )
    program = compile_program(
        "gcc",
        [WIRE_TESTS / "print_hello.c", *PEER, *FAKES, *WIRE_SOURCES],
        tmp_path / "print_hello",
        *SANITIZERS,
        f"-I{tmp_path}",
    )
    answer = bytes.fromhex(run(program))
    assert answer[1:17] == bytes(range(0xA0, 0xB0))
