"""Which kind of model a path names, and how it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinyproof.convert.source import Source
from tinyproof.errors import ModelError
from tinyproof.graph import read_graph
from tinyproof.reference import run_reference

KERAS = (".keras", ".h5", ".hdf5")


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What the user says of a source.

    Attributes:
        inputs: names of a frozen graph's inputs.
        outputs: names of its outputs.
        input_shape: of the input, batch included; fixes sizes that the model leaves free.
        signature: which function of a SavedModel.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    input_shape: tuple[int, ...] | None = None
    signature: str | None = None


def open_source(path: Path, opening: Opening) -> Source:
    """Open a model; nothing in it is executed unless it is a Python file.

    Args:
        path: ``.keras`` or ``.h5`` by Keras, a SavedModel folder, a frozen graph ``.pb``, a
            ``.tflite``, or a Python file with ``build_model()``, which is executed.
        opening: what the user says of it.

    Raises:
        ModelError: missing, of another kind, damaged, or not of one input of a fixed shape.
        ReferenceFailedError: a ``.tflite`` that LiteRT cannot run.
    """
    if path.is_dir():
        return _saved_model(path, opening)
    if not path.is_file():
        raise ModelError(f"There is no file {path}.", hint="Check the path of the model.")
    if path.suffix == ".tflite":
        from tinyproof.convert.from_tflite import TfliteSource

        content = path.read_bytes()
        source = TfliteSource(content, opening.input_shape)
        _try(content)
        return source
    if path.suffix == ".pb":
        from tinyproof.convert.from_graph import open_frozen_graph

        return open_frozen_graph(path, opening.inputs, opening.outputs, opening.input_shape)
    if path.suffix in (*KERAS, ".py"):
        return _keras(path, opening)
    raise ModelError(
        f"{path} is not a model that can be converted.",
        hint="Name a .keras or .h5 file, a SavedModel folder, a frozen graph .pb, a .tflite file, "
        "or a Python file with build_model().",
    )


def _try(content: bytes) -> None:
    """Run a file that others made once, in a process of its own, which it may crash.

    Raises:
        ReferenceFailedError: LiteRT cannot run it.
    """
    graph = read_graph(content)
    size = sum(graph.tensors[index].bytes for index in graph.inputs)
    run_reference(content, [bytes(size)]).close()


def _saved_model(path: Path, opening: Opening) -> Source:
    if not (path / "saved_model.pb").is_file():
        raise ModelError(
            f"The folder {path} is no SavedModel: there is no saved_model.pb in it.",
            hint="Name the folder that model.export(folder) wrote.",
        )
    from tinyproof.convert.from_graph import open_saved_model

    return open_saved_model(path, opening.signature, opening.input_shape)


def _keras(path: Path, opening: Opening) -> Source:
    from tinyproof.convert.from_keras import KerasSource, build_keras, load_keras

    model = build_keras(path) if path.suffix == ".py" else load_keras(path)
    return KerasSource(model, opening.input_shape)
