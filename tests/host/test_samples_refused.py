"""Samples files that are refused: damaged, hostile, or not what the model takes."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sample_files import DIGIT, REAL, RNG, digits, save

from tinyproof import npz
from tinyproof.errors import SamplesError
from tinyproof.samples import SampleSet, load_samples, prepare
from tinyproof.tensors import TensorDescription
from tinyproof.wanted import check_labels


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
        (2 * np.eye(5, dtype=int), "wanted (N,)"),
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


def test_arrays_in_memory_are_checked_like_files() -> None:
    with pytest.raises(SamplesError, match="Python objects"):
        SampleSet.from_arrays(np.array([None, {}]))
    with pytest.raises(SamplesError, match="wanted integers"):
        SampleSet.from_arrays(digits(), np.array(list("abcde")))
