"""Representative samples: arrays, images, generators; raw values are scaled when asked, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinyproof.convert import backend
from tinyproof.convert.representative import LIMIT, load_labelled
from tinyproof.convert.representative import load_representative as load_inputs
from tinyproof.errors import SamplesError
from tinyproof.metadata import Normalization

UNIT = Normalization(std=(255.0,))
SHAPE = (4, 6, 3)


def load_representative(
    path: Path, shape: tuple[int, ...], scaling: Normalization | None, *, raw: bool = False
) -> Any:
    """Return the samples of the only input."""
    return load_inputs(path, {"image": (1, *shape)}, scaling, raw=raw)["image"]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images, in a subfolder too, and a file that is none."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "more").mkdir()
    tf = backend.tensorflow()
    for index, name in enumerate(("a.png", "more/b.PNG", "c.jpg")):
        image = np.full(SHAPE, 51 * index, np.uint8)
        encode = tf.io.encode_jpeg if name.endswith("jpg") else tf.io.encode_png
        (folder / name).write_bytes(encode(image).numpy())
    (folder / "notes.txt").write_text("not an image")
    return folder


def test_images_are_read_in_order_and_scaled(images: Path) -> None:
    samples = load_representative(images, SHAPE, UNIT)
    assert (samples.shape, samples.dtype) == ((3, *SHAPE), np.float32)
    assert np.allclose(samples[:, 0, 0, 0], [0, 102 / 255, 51 / 255], atol=0.02)


def test_one_mean_a_channel_is_taken_away(images: Path) -> None:
    samples = load_representative(images, SHAPE, Normalization((0.0, 1.0, 2.0), (1.0,)))
    assert samples[0, 0, 0].tolist() == [0, -1, -2]


def test_a_color_image_is_read_as_gray_where_the_model_wants_one_channel(images: Path) -> None:
    assert load_representative(images, (4, 6, 1), UNIT).shape == (3, 4, 6, 1)


@pytest.mark.parametrize(
    ("shape", "scaling", "words"),
    [
        ((6, 4, 3), UNIT, "is 6 x 4 pixels of 3 channels, the model wants 4 x 6"),
        (SHAPE, None, "nothing says how the model takes them"),
        ((72,), UNIT, "is no image"),
    ],
)
def test_images_that_do_not_suit_are_refused(
    shape: tuple[int, ...], scaling: Any, words: str, images: Path
) -> None:
    with pytest.raises(SamplesError, match=words):
        load_representative(images, shape, scaling)


def test_a_damaged_image_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SamplesError, match="holds no PNG or JPEG"):
        load_representative(tmp_path, SHAPE, UNIT)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    with pytest.raises(SamplesError, match="cannot be decoded"):
        load_representative(tmp_path, SHAPE, UNIT)


def save(folder: Path, x: Any, **more: Any) -> Path:
    np.savez(folder / "s.npz", x=x, **more)
    return folder / "s.npz"


def test_real_values_are_taken_as_they_are_unless_they_are_said_to_be_raw(tmp_path: Path) -> None:
    path = save(tmp_path, np.full((2, 3), 51.0))
    assert load_representative(path, (3,), UNIT)[0, 0] == 51
    assert np.isclose(load_representative(path, (3,), UNIT, raw=True)[0, 0], 0.2)


def test_whole_numbers_are_raw(tmp_path: Path) -> None:
    path = save(tmp_path, np.full((2, 3), 51, np.uint8))
    assert np.isclose(load_representative(path, (3,), UNIT)[0, 0], 0.2)
    with pytest.raises(SamplesError, match=r"whole numbers \(uint8\)") as caught:
        load_representative(path, (3,), None)
    assert "--scale 1/255" in caught.value.hint


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((2, 4)), "have shape"),
        (np.zeros((0, 3)), "holds no samples"),
        (np.full((2, 3), np.nan), "NaN"),
        (np.array([["a", "b", "c"]]), "not numbers"),
    ],
)
def test_arrays_that_do_not_suit_are_refused(x: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(SamplesError, match=words):
        load_representative(save(tmp_path, x), (3,), None)


def test_at_most_a_thousand_samples_are_used(tmp_path: Path) -> None:
    assert len(load_representative(save(tmp_path, np.zeros((LIMIT + 5, 3))), (3,), None)) == LIMIT


@pytest.mark.parametrize("row", ["[v]", "v", "v[None]", "[v[None]]"])
def test_a_generator_may_yield_samples_as_litert_s_do(row: str, tmp_path: Path) -> None:
    script = tmp_path / "data.py"
    script.write_text(
        "import numpy as np\ndef representative():\n"
        f"    v = np.ones((2, 3), np.float32)\n    while True:\n        yield {row}\n"
    )
    assert load_representative(script, (2, 3), None).shape == (LIMIT, 2, 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", "yields no samples"),
        ("def representative():\n    raise KeyError('no')", "failed: KeyError"),
        ("def representative():\n    raise SystemExit(0)", "failed: SystemExit: 0"),
        ("import numpy\ndef representative():\n    yield numpy.ones(4)", r"shape \(4,\)"),
    ],
)
def test_a_generator_that_gives_no_samples_is_refused(
    text: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "data.py").write_text(text)
    with pytest.raises(SamplesError, match=words):
        load_representative(tmp_path / "data.py", (2, 3), None)


def test_labels_that_do_not_belong_to_the_samples_are_refused(tmp_path: Path) -> None:
    x = np.zeros((3, 2))
    assert load_labelled(save(tmp_path, x), ["image"])[1] is None
    labels = load_labelled(save(tmp_path, x, y=np.array([1, 2, 3])), ["image"])[1]
    assert labels is not None
    assert labels.tolist() == [1, 2, 3]
    for wrong in (np.zeros(2, int), np.zeros((3, 2), int)):
        with pytest.raises(SamplesError, match="labels of shape"):
            load_labelled(save(tmp_path, x, y=wrong), ["image"])
