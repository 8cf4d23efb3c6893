"""Samples files: what is accepted, what is refused and how, and the bytes that come out."""

from __future__ import annotations

import hashlib
import os
import pickle
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litert_models import INT8, INT16, UINT8, quantize_model
from numpy.typing import NDArray

from tinyproof import npz
from tinyproof.errors import SamplesError, StorageError
from tinyproof.records import Records
from tinyproof.reference import run_reference
from tinyproof.samples import SampleSet, load_samples, prepare, quantize
from tinyproof.tensors import TensorDescription
from tinyproof.wanted import check_labels

DIGIT = TensorDescription("x_in", np.dtype(np.int8), (1, 8, 8, 1), 1 / 255, -128)
REAL = TensorDescription("x_in", np.dtype(np.float32), (1, 8, 8, 1))
RNG = np.random.default_rng(7)


def digits(n: int = 5) -> NDArray[np.float32]:
    return RNG.random((n, 8, 8, 1), dtype=np.float32)


def save(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def refusal(
    tmp_path: Path, tensors: list[TensorDescription] | None = None, /, **arrays: Any
) -> SamplesError:
    """Return the error that these arrays raise on the way to the model."""
    path = save(tmp_path / "s.npz", **arrays)
    with pytest.raises(SamplesError) as caught:
        prepare(load_samples(path), tensors or [DIGIT])
    assert caught.value.exit_code == 2
    assert caught.value.sentence.endswith(".")
    assert caught.value.hint.endswith(".")
    return caught.value


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


@settings(deadline=None)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(-128, 127))
def test_quantizing_saturates_and_never_wraps(value: float, zero_point: int) -> None:
    got = int(quantize(np.array([value], np.float32), np.dtype(np.int8), 0.5, zero_point)[0])
    real = float(np.float32(value)) / 0.5
    rounded = int(abs(real) + 0.5) * (1 if real > 0 else -1) if abs(real) < 1e6 else real
    assert got == max(-128, min(127, rounded + zero_point))


# What is refused


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SamplesError, match=r"no samples file .*none\.npz"):
        load_samples(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello world", "something else"),
        (pickle.dumps([1, 2]), "a pickle"),
        (b"PK\x03\x04 and no more", "damaged or incomplete"),
    ],
)
def test_what_is_no_npz_file_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "s.npz"
    path.write_bytes(content)
    with pytest.raises(SamplesError, match=words):
        load_samples(path)


def test_a_single_array_is_recognised(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", digits())
    with pytest.raises(SamplesError, match="a single array"):
        load_samples(tmp_path / "s.npy")


def test_a_folder_is_no_samples_file(tmp_path: Path) -> None:
    with pytest.raises(SamplesError, match="cannot be read"):
        load_samples(tmp_path)


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
            return os.mkdir, (str(tmp_path / "exploded"),)

    objects = np.empty(2, object)
    objects[:] = [Bomb(), Bomb()]
    assert "Python objects" in refusal(tmp_path, x=objects).sentence
    assert "Python objects" in refusal(tmp_path, x=digits(2), y=objects).sentence
    assert not (tmp_path / "exploded").exists()


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    whole = save(tmp_path / "w.npz", x=digits(2), y=np.arange(2)).read_bytes()
    path = tmp_path / "s.npz"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(SamplesError):
            prepare(load_samples(path), [REAL])


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_every_flipped_byte_is_refused_or_harmless(
    tmp_path: Path, write: Callable[..., None]
) -> None:
    x = (RNG.integers(0, 17, (2, 8, 8, 1)) / 16).astype(np.float32)
    write(tmp_path / "w.npz", x=x)
    whole = bytearray((tmp_path / "w.npz").read_bytes())
    path = tmp_path / "s.npz"
    survivors = 0
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 0xFF
        path.write_bytes(flipped)
        try:
            prepared = prepare(load_samples(path), [REAL])
        except SamplesError:
            continue
        survivors += 1
        assert b"".join(prepared) == x.tobytes()
    assert survivors < len(whole) // 4


def header_only(path: Path, shape: str, data: bytes = b"", dtype: str = "<f4") -> Path:
    """Write an ``.npz`` whose array ``x`` has any header one likes."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}".encode()
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", member)
    return path


@pytest.mark.parametrize(
    "shape", ["(1000000000000, 8, 8, 1)", "(100, 8, 8, 1)", "(-1, 8, 8, 1)", "(1, 8, 8, 1)", "3"]
)
def test_a_shape_that_the_data_do_not_fill_is_refused(tmp_path: Path, shape: str) -> None:
    with pytest.raises(SamplesError):
        prepare(load_samples(header_only(tmp_path / "s.npz", shape)), [REAL])


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ("(" + "-" * 9000 + "1,)", "<f4"),
        ("(" * 9000, "<f4"),
        ("[" * 150 + "]" * 150, "<f4"),
        ("(" + "9" * 4200 + ",)", "<f4"),
        ("(" + "1," * 4000 + ")", "<f4"),
        (f"({1 << 62}, 0)", "<f4"),
        (f"({1 << 62},)", "|V0"),
        (f"({1 << 62},)", "<U0"),
        ("(1,)", "x" * 9000),
        ("(1,)", "\\x1b[31m"),
    ],
    ids=lambda value: value[:12],
)
@pytest.mark.parametrize("name", ["x", "y"])
def test_a_hostile_header_is_refused_in_a_sentence(
    tmp_path: Path, name: str, shape: str, dtype: str
) -> None:
    path = header_only(tmp_path / "s.npz", shape, bytes(4), dtype)
    hostile = zipfile.ZipFile(path).read("x.npy")
    save(path, **({"y": np.arange(5)} if name == "x" else {"x": digits()}))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{name}.npy", hostile[:-4] if dtype in ("|V0", "<U0") else hostile)
    with pytest.raises(SamplesError) as caught:
        prepare(load_samples(path), [REAL])
    assert len(caught.value.sentence) < 500
    assert caught.value.sentence.isprintable()


def test_data_beyond_the_declared_shape_are_refused(tmp_path: Path) -> None:
    path = header_only(tmp_path / "s.npz", "(1, 8, 8, 1)", bytes(512))
    with pytest.raises(SamplesError, match="declares 256 bytes but holds 512"):
        prepare(load_samples(path), [REAL])


def test_a_decompression_bomb_is_refused_before_it_unpacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npz, "MAX_ARRAY_BYTES", 1 << 20)
    path = header_only(tmp_path / "s.npz", "(8192, 8, 8, 1)", bytes(8192 * 256))
    assert path.stat().st_size < 10_000
    with pytest.raises(SamplesError, match=r"declares 2,097,152 bytes, the limit"):
        prepare(load_samples(path), [REAL])


def test_a_missing_x_lists_what_there_is(tmp_path: Path) -> None:
    error = refusal(tmp_path, x_test=digits(), y=np.arange(5))
    assert "no array x; it holds x_test" in error.sentence
    with pytest.raises(SamplesError, match="no array x"):
        load_samples(save(tmp_path / "s.npz", y=np.arange(5)))


def test_names_from_the_file_cannot_reach_the_terminal(tmp_path: Path) -> None:
    error = refusal(tmp_path, None, **{"\x1b[31mred": digits()})
    assert "\x1b" not in error.sentence
    assert r"\x1b[31mred" in error.sentence


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((5, 8, 8), "channel dimension"),
        ((8, 8, 1), "sample dimension"),
        ((5, 64), "reshape"),
        ((5, 1, 8, 8), "reshape"),
        ((5, 28, 28, 1), "trained"),
        ((), "trained"),
    ],
)
def test_a_wrong_shape_says_wanted_got_and_the_way_out(
    tmp_path: Path, shape: tuple[int, ...], hint: str
) -> None:
    error = refusal(tmp_path, x=np.zeros(shape, np.float32))
    assert f"has shape {shape}, the model wants N x 8 x 8 x 1" in error.sentence
    assert hint in error.hint


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.bool_, np.complex64, "U3"])
def test_another_type_is_refused(tmp_path: Path, dtype: Any) -> None:
    error = refusal(tmp_path, x=np.zeros((2, 8, 8, 1), dtype))
    assert "the model wants float32 or int8" in error.sentence


def test_real_values_for_a_plain_integer_input_are_refused(tmp_path: Path) -> None:
    plain = TensorDescription("index", np.dtype(np.int32), (1, 4))
    error = refusal(tmp_path, [plain], x=np.zeros((2, 4), np.float32))
    assert "the model wants int32" in error.sentence


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_the_first_value_that_is_not_finite_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: float
) -> None:
    monkeypatch.setattr("tinyproof.samples.BLOCK_BYTES", 1200)
    x = np.zeros((9, 8, 8, 1))
    x[6, 2, 3, 0] = x[8, 0, 0, 0] = bad
    error = refusal(tmp_path, x=x)
    assert "Sample 6 " in error.sentence
    assert "at [2, 3, 0]" in error.sentence


def test_no_samples_are_refused(tmp_path: Path) -> None:
    assert "no samples" in refusal(tmp_path, x=digits(0)).sentence


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.arange(4), "5 samples but 4 labels"),
        (np.array([0, 1, np.nan, 2, 3]), "not all finite"),
        (np.array([0, 1, -3, 2, -1]), "Label -3 of sample 2"),
        (np.eye(5, dtype=int), "wanted (N,)"),
        (np.array(3), "wanted (N,)"),
        (np.array(list("abcde")), "wanted integers"),
    ],
)
def test_unusable_labels_are_refused(tmp_path: Path, y: NDArray[Any], words: str) -> None:
    assert words in refusal(tmp_path, x=digits(), y=y).sentence


def test_labels_beyond_the_models_classes_are_refused() -> None:
    check_labels(np.array([0, 9]), 10)
    with pytest.raises(SamplesError, match="Label 10 of sample 1"):
        check_labels(np.array([0, 10]), 10)


def test_inputs_of_different_lengths_are_refused(tmp_path: Path) -> None:
    inputs = [TensorDescription(name, np.dtype(np.float32), (1, 2)) for name in "ab"]
    a, b = np.zeros((3, 2), np.float32), np.zeros((4, 2), np.float32)
    assert "a: 3, b: 4" in refusal(tmp_path, inputs, a=a, b=b).sentence
    assert "no array b" in refusal(tmp_path, inputs, a=a).sentence


def test_inputs_that_names_cannot_tell_apart_are_refused(tmp_path: Path) -> None:
    twins = [TensorDescription("a", np.dtype(np.float32), (1, 2))] * 2
    error = refusal(tmp_path, twins, a=np.zeros((3, 2), np.float32))
    assert "cannot be told apart" in error.sentence


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


def test_arrays_in_memory_are_checked_like_files() -> None:
    with pytest.raises(SamplesError, match="Python objects"):
        SampleSet.from_arrays(np.array([None, {}]))
    with pytest.raises(SamplesError, match="wanted integers"):
        SampleSet.from_arrays(digits(), np.array(list("abcde")))
