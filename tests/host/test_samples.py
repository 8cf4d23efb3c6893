"""Samples files that are accepted: the bytes that come out, and how little memory they take."""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litert_models import INT8, INT16, UINT8, quantize_model
from sample_files import DIGIT, REAL, RNG, digits, save

from tinyproof.errors import StorageError
from tinyproof.records import Records
from tinyproof.reference import run_reference
from tinyproof.samples import SampleSet, load_samples, prepare, quantize
from tinyproof.tensors import TensorDescription

# What comes out


def test_float_samples_reach_a_float_model_unchanged(tmp_path: Path) -> None:
    x = digits()
    prepared = prepare(load_samples(save(tmp_path / "s.npz", x=x, y=np.arange(5))), [REAL])
    assert b"".join(prepared) == x.tobytes()
    assert prepared.labels is not None
    assert prepared.labels.tolist() == [0, 1, 2, 3, 4]
    assert prepared.sha256 == hashlib.sha256(x.tobytes()).hexdigest()


def test_the_models_own_integers_are_taken_unchanged(tmp_path: Path) -> None:
    x = RNG.integers(-128, 128, (4, 8, 8, 1), np.int8)
    prepared = prepare(load_samples(save(tmp_path / "s.npz", x=x)), [DIGIT])
    assert list(prepared) == [row.tobytes() for row in x]
    assert prepared.labels is None


def test_a_literal_batch_of_one_is_accepted_too() -> None:
    x = digits()
    literal = prepare(SampleSet.from_arrays(x[:, np.newaxis]), [DIGIT])
    assert list(literal) == list(prepare(SampleSet.from_arrays(x), [DIGIT]))


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4", ">f8"])
def test_every_real_type_and_byte_order_gives_the_same_bytes(tmp_path: Path, dtype: Any) -> None:
    x = (RNG.integers(0, 17, (3, 8, 8, 1)) / 16).astype(np.float32)
    path = save(tmp_path / "s.npz", x=x.astype(dtype))
    expected = prepare(SampleSet.from_arrays(x), [DIGIT])
    assert list(prepare(load_samples(path), [DIGIT])) == list(expected)


def test_fortran_order_and_compression_do_not_matter(tmp_path: Path) -> None:
    x = digits(7)
    np.savez_compressed(tmp_path / "s.npz", x=np.asfortranarray(x))
    prepared = prepare(load_samples(tmp_path / "s.npz"), [REAL])
    assert b"".join(prepared) == x.tobytes()


def test_several_inputs_are_packed_in_the_models_order(tmp_path: Path) -> None:
    a, b = RNG.random((3, 2), np.float32), RNG.integers(0, 9, (3, 4), np.int8)
    inputs = [
        TensorDescription("second:0", np.dtype(np.int8), (1, 4), 0.5, 0),
        TensorDescription("first:0", np.dtype(np.float32), (1, 2)),
    ]
    path = save(tmp_path / "s.npz", **{"first:0": a, "second:0": b})
    prepared = prepare(load_samples(path), inputs)
    assert list(prepared) == [b[i].tobytes() + a[i].tobytes() for i in range(3)]
    stored, real = prepared.values(2)
    assert np.array_equal(stored, b[2:])
    assert np.array_equal(real, a[2:])


def test_many_blocks_join_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinyproof.samples.BLOCK_BYTES", 1200)
    x = digits(101)
    prepared = prepare(load_samples(save(tmp_path / "s.npz", x=x)), [REAL])
    assert b"".join(prepared) == x.tobytes()


@pytest.mark.parametrize(("kind", "dtype"), [(INT8, np.int8), (UINT8, np.uint8), (INT16, np.int16)])
@pytest.mark.parametrize("scale", [1 / 255, 0.0173, 0.25, 3.7])
def test_quantizing_equals_litert(kind: int, dtype: Any, scale: float) -> None:
    limits = np.iinfo(dtype)
    zero_point = 0 if kind == INT16 else int(RNG.integers(limits.min, limits.max + 1))
    steps = RNG.integers(-400, 400, 4000) * (100 if kind == INT16 else 1)
    halves = RNG.choice([0, 0.5, -0.5, 0.25, 0.49999997], 4000)
    x = ((steps + halves) * scale).astype(np.float32)
    x[:1000] = np.nextafter(x[:1000], np.float32(np.inf))
    x[1000:2000] = np.nextafter(x[1000:2000], np.float32(-np.inf))
    answer = run_reference(quantize_model(4000, kind, scale, zero_point), [x.tobytes()])
    expected = np.frombuffer(answer.records[0], dtype)
    assert np.array_equal(quantize(x, np.dtype(dtype), scale, zero_point), expected)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(-128, 127))
def test_quantizing_saturates_and_never_wraps(value: float, zero_point: int) -> None:
    got = int(quantize(np.array([value], np.float32), np.dtype(np.int8), 0.5, zero_point)[0])
    real = float(np.float32(value)) / 0.5
    rounded = int(abs(real) + 0.5) * (1 if real > 0 else -1) if abs(real) < 1e6 else real
    assert got == max(-128, min(127, rounded + zero_point))


# Many samples


def test_a_hundred_thousand_samples_stay_small(tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    np.savez(path, x=np.zeros((100_000, 8, 8, 1)))
    code = (
        "import numpy as np\n"
        "from tinyproof.samples import load_samples, prepare\n"
        "from tinyproof.tensors import TensorDescription\n"
        "tensor = TensorDescription('x', np.dtype('float32'), (1, 8, 8, 1))\n"
        f"prepared = prepare(load_samples({str(path)!r}), [tensor])\n"
        "assert sum(map(len, prepared)) == 25_600_000\n"
        "print(*(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert int(done.stdout) < 100 * 1024  # KiB


def test_a_full_temporary_folder_is_a_storage_error() -> None:
    records = Records(1 << 16)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, hard))
    try:
        with pytest.raises(StorageError, match="temporary file"):
            records.append(bytes(5 << 16))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_records_read_like_a_list() -> None:
    records = Records(2)
    records.append(b"aabbcc")
    records.append(memoryview(b"dd"))
    assert list(records) == [b"aa", b"bb", b"cc", b"dd"]
    assert records[-1] == b"dd"
    assert records[1:3] == [b"bb", b"cc"]
    with pytest.raises(IndexError):
        records[4]
    with pytest.raises(ValueError, match="no multiple"):
        records.append(b"x")
    records.close()
    assert len(records) == 0
