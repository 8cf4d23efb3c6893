"""The zoo beside the digits: what their data and layers are, and that their forms are whole."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tinyproof.codegen import generate
from tinyproof.convert import Form, backend
from tinyproof.convert.measure import measure_form
from tinyproof.errors import SamplesError, ToolchainError, UsageError
from tinyproof.samples import load_samples
from tinyproof.zoo import RECIPES, cifar10, keywords, sine, train

RNG = np.random.default_rng(11)


def pictures(n: int) -> NDArray[np.uint8]:
    return RNG.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def save(path: Path, **changes: Any) -> Path:
    """Write a small data set of the right form, but for ``changes``."""
    arrays: dict[str, Any] = {
        "x_train": pictures(40),
        "y_train": RNG.integers(0, 10, (40, 1)),
        "x_test": pictures(8),
        "y_test": RNG.integers(0, 10, (8, 1)),
    }
    np.savez(path, **{k: v for k, v in (arrays | changes).items() if v is not None})
    return path


def archive(path: Path, batches: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as made:
        for name, content in batches.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return path


def record(label: int, red: int, green: int, blue: int) -> bytes:
    return bytes([label]) + b"".join(bytes([plane]) * 1024 for plane in (red, green, blue))


def layers_of(model: Any) -> list[tuple[str, Any]]:
    return [(type(layer).__name__, tuple(layer.output.shape[1:])) for layer in model.layers]


def test_the_photographs_model_is_the_lessons() -> None:
    model = cifar10.build()
    assert layers_of(model) == [
        ("Conv2D", (30, 30, 32)),
        ("MaxPooling2D", (15, 15, 32)),
        ("Conv2D", (13, 13, 64)),
        ("MaxPooling2D", (6, 6, 64)),
        ("Conv2D", (4, 4, 64)),
        ("Flatten", (1024,)),
        ("Dense", (64,)),
        ("Dense", (10,)),
    ]
    assert model.count_params() == 122_570
    assert type(model.optimizer).__name__ == "RMSprop"
    recipe = RECIPES["cifar10"]
    assert (recipe.epochs, recipe.batch_size) == (20, 256)


def test_the_keyword_spotter_has_the_papers_shape() -> None:
    model = keywords.build()
    assert model.input_shape == (None, 49, 10, 1)
    names = [name for name, _ in layers_of(model)]
    assert names.count("DepthwiseConv2D") == 4
    assert names.count("Conv2D") == 5
    assert layers_of(model)[-1] == ("Dense", (12,))


def test_the_sine_is_noisy_in_training_only() -> None:
    data = sine.load()
    assert [len(part) for part in (data.train, data.test, data.validate)] == [600, 200, 200]
    assert np.array_equal(data.test.y, np.sin(data.test.x))
    noise = data.train.y - np.sin(data.train.x)
    assert 0.08 < noise.std() < 0.12


def test_photographs_come_from_an_npz(tmp_path: Path) -> None:
    x = pictures(40)
    data = cifar10.load(save(tmp_path / "d.npz", x_train=x))
    assert [len(part) for part in (data.train, data.test, data.validate)] == [36, 8, 4]
    whole = np.concatenate([data.train.x, data.validate.x])
    assert np.allclose(whole * 255, x, atol=1e-4)
    assert whole.dtype == np.float32


def test_photographs_come_from_the_binary_archive(tmp_path: Path) -> None:
    content = {f"data_batch_{n}.bin": record(n, 10 * n, 20, 255) for n in range(1, 6)}
    path = archive(
        tmp_path / "cifar-10-binary.tar.gz", content | {"test_batch.bin": record(9, 1, 2, 3) * 2}
    )
    data = cifar10.load(path)
    assert (len(data.train), len(data.validate), len(data.test)) == (4, 1, 2)
    assert data.train.y.tolist() == [1, 2, 3, 4]
    assert np.allclose(data.train.x[0, 5, 7] * 255, [10, 20, 255])
    assert np.allclose(data.test.x[0, 0, 0] * 255, [1, 2, 3])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y_test": None}, "no array y_test"),
        ({"x_train": np.zeros((40, 32, 32), np.uint8)}, "shape [40, 32, 32]"),
        ({"x_train": np.zeros((40, 32, 32, 3), np.float32)}, "float32"),
        ({"y_train": np.full(40, 10)}, "40 labels"),
        ({"y_train": np.zeros(39, int)}, "39 labels"),
    ],
)
def test_an_npz_that_is_not_the_data_set_is_refused(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(SamplesError) as caught:
        cifar10.load(save(tmp_path / "d.npz", **changes))
    assert words in caught.value.sentence
    assert "x_train" in caught.value.hint


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b"no archive"), "not an archive"),
        (lambda path: archive(path, {"data_batch_1.bin": record(1, 2, 3, 4)}), "does not hold"),
        (lambda path: archive(path, {"data_batch_1.bin": b"short"}), "5 bytes, no whole number"),
        # The Python archive is pickled; nothing of it is ever loaded.
        (lambda path: archive(path, {"data_batch_1": b"cos\nsystem\n"}), "does not hold"),
    ],
)
def test_an_archive_that_is_not_the_data_set_is_refused(
    tmp_path: Path, make: Callable[[Path], Any], words: str
) -> None:
    path = tmp_path / "a.tar.gz"
    make(path)
    with pytest.raises(SamplesError) as caught:
        cifar10.load(path)
    assert words in caught.value.sentence


def test_without_a_network_the_next_step_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise Exception("URL fetch failure on the data set: None -- no route")  # noqa: TRY002

    loader = backend.require("keras.datasets.cifar10")
    monkeypatch.setattr(loader, "load_data", refuse)
    with pytest.raises(ToolchainError, match="cannot download") as caught:
        cifar10.load()
    assert "--data FILE" in caught.value.hint


def test_data_for_a_model_that_brings_its_own_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="brings its own data"):
        train("sine", tmp_path, data_file=tmp_path / "d.npz")


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """One epoch and the int8 form alone."""
    for name, recipe in list(RECIPES.items()):
        epochs = 40 if name == "sine" else 1
        monkeypatch.setitem(RECIPES, name, replace(recipe, epochs=epochs, forms=(Form.INT8,)))


@pytest.mark.parametrize(
    ("name", "macs"), [("sine", 288), ("keywords", 2_656_768), ("cifar10", 4_310_000)]
)
def test_a_short_training_gives_a_model_that_engine_aot_takes(
    tmp_path: Path, brief: None, name: str, macs: int
) -> None:
    data = save(tmp_path / "d.npz") if name == "cifar10" else None
    trained = train(name, tmp_path / name, data_file=data)
    model = trained.path(Form.INT8).read_bytes()
    generated = generate(model)
    assert generated.macs == pytest.approx(macs, rel=0.1)
    samples = load_samples(trained.samples)
    (x,) = samples.array("x").blocks(1 << 16)
    y = samples.labels if samples.truth is None else samples.truth
    assert y is not None
    row = measure_form(Form.INT8, model, x, y, runs=1)
    assert row.samples == len(x)
    if name == "sine":
        assert samples.truth is not None
        assert row.rmse is not None
        assert row.rmse < 0.6
