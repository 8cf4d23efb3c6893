"""Hostile bytes against the frame parser and the dispatcher, under sanitizers.

``fixtures/fuzz/wire`` holds inputs that once broke something, and is replayed. By hand::

    python tests/firmware/test_wire_fuzz.py FOLDER -max_total_time=600
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from compiling import FAKES, PEER, ROOT, SANITIZERS, WIRE_SOURCES, WIRE_TESTS, compile_program

SECONDS = 20
REGRESSIONS = ROOT / "fixtures" / "fuzz" / "wire"
FLAGS = (*SANITIZERS, "-O2", "-DTP_MAX_FRAME=200")
"""Frames so small that parts are common."""


def build(folder: Path) -> Path:
    """Compile the fuzzer; only lib/wire is watched for coverage, for speed and for aim."""
    rest = [
        compile_program("clang", [source], folder / f"{source.stem}.o", *FLAGS, "-c")
        for source in [*PEER, *FAKES]
    ]
    sources = [WIRE_TESTS / "fuzz_wire.c", *WIRE_SOURCES, *rest]
    return compile_program("clang", sources, folder / "fuzz_wire", *FLAGS, "-fsanitize=fuzzer")


def write_seeds(folder: Path) -> None:
    """Write each example frame twice: as bytes on the line, and as a request to be framed."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, example in enumerate(
        json.loads((ROOT / "fixtures" / "wire" / "frames.json").read_text())
    ):
        payload = bytes.fromhex(example["payload"])[:255]
        line = bytes.fromhex(example["encoded"])
        pieces = [line[at : at + 127] for at in range(0, len(line), 127)]
        raw = b"\x1c" + b"".join(bytes([len(piece)]) + piece for piece in pieces)
        framed = bytes([0x1C, 0x80, example["type"] & 0x7F, len(payload)]) + payload
        (folder / f"raw{number}").write_bytes(raw)
        (folder / f"framed{number}").write_bytes(framed)


def fuzz(program: Path, corpus: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(program), str(corpus), "-max_len=2000", "-timeout=10", *options]
    return subprocess.run(command, cwd=corpus, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("fuzz"))


def test_inputs_that_once_broke_it_do_no_more(program: Path) -> None:
    inputs = [str(path) for path in REGRESSIONS.iterdir() if path.suffix == ".bin"]
    done = subprocess.run([str(program), *inputs], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Executed ") == len(inputs) > 0


def test_hostile_bytes_break_nothing_in_20_seconds(program: Path, tmp_path: Path) -> None:
    write_seeds(tmp_path)
    done = fuzz(program, tmp_path, f"-max_total_time={SECONDS}", "-seed=1")
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Done " in done.stderr


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))
    FOLDER = Path(sys.argv[1])
    write_seeds(FOLDER / "corpus")
    os.execv(build(FOLDER), ["fuzz_wire", str(FOLDER / "corpus"), *sys.argv[2:]])
