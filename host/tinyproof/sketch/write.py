"""Puts a standalone sketch together: model, one sample, LiteRT's answer to it, and the sources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen import Generated, generate
from tinyproof.errors import SamplesError, UnsupportedModelError, UsageError
from tinyproof.graph import TensorType
from tinyproof.libraries import engine_libraries
from tinyproof.project import Project
from tinyproof.reference import describe, run_reference
from tinyproof.samples import SampleSet, prepare
from tinyproof.sketch import content, tflm
from tinyproof.sketch.content import BakedSample
from tinyproof.sketch.folder import check_free, write_folder
from tinyproof.sketch.sources import load_library, select
from tinyproof.subject import Subject, find_samples
from tinyproof.targets import Target, load_targets
from tinyproof.tflm import generate_for_tflm

ENGINES = ("aot", "tflm")
LIBRARY = "src/tinyproof/"
"""Folder of the copied sources, below the sketch: the Arduino IDE compiles ``src`` and no other."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_SCORES = (TensorType.INT8, TensorType.FLOAT32)


class Layout(StrEnum):
    """Whose project a sketch is."""

    ARDUINO = "arduino"
    PLATFORMIO = "platformio"


@dataclass(frozen=True)
class SketchOptions:
    """What to write.

    Attributes:
        out: the folder; its name becomes the sketch's.
        engine: ``aot`` or ``tflm``.
        layout: Arduino IDE's or PlatformIO's.
        index: which sample is baked in, from 0.
        force: replace the files of a sketch that is there.
    """

    out: Path
    engine: str = "aot"
    layout: Layout = Layout.ARDUINO
    index: int = 0
    force: bool = False


def write_sketch(project: Project, subject: Subject, options: SketchOptions) -> Path:
    """Write a sketch that runs ``subject``'s model on one of its samples; return its main file.

    Raises:
        UsageError: the folder's name is no sketch's, or it holds something.
        UnsupportedModelError: the engine or the sketch does not support the model.
        SamplesError: there is no such sample.
        ReferenceFailedError: the reference cannot run the model.
        ToolchainError: engine ``tflm`` is asked for, and TFLM is not installed.
        StorageError: the folder cannot be written.
    """
    folder = options.out.absolute()
    name = _sketch_name(folder)
    check_free(folder, force=options.force)
    is_tflm = options.engine == "tflm"
    made = generate_for_tflm(subject.model, hosted=False) if is_tflm else generate(subject.model)
    sample = bake(subject, made, options.index, options.engine)
    library, main = _places(name, options.layout)
    files = {str(Path(main).with_name("sample.h")): content.sample_header(sample)}
    if is_tflm:
        files[main] = tflm.sketch(name, sample, subject.model, made.arena_bytes)
        files[str(Path(main).with_name("model.h"))] = tflm.model_header(subject.model)
    else:
        files[main] = content.sketch(name, library, sample)
        sources = select(load_library(project), made.header) | {"model.h": made.header}
        files |= {LIBRARY + file: text for file, text in sources.items()}
    if options.layout is Layout.PLATFORMIO:
        files["platformio.ini"] = _platformio_ini(project, options.engine)
    write_folder(folder, files, own=LIBRARY, force=options.force)
    return folder / main


def bake(subject: Subject, generated: Generated, index: int, engine: str) -> BakedSample:
    """Return one sample of ``subject`` with the answer of the engine's reference.

    Raises:
        UnsupportedModelError: more than one input or output, or scores of another type.
        SamplesError: there is no such sample.
        ReferenceFailedError: LiteRT cannot run the model.
    """
    for what, tensors in (("input", generated.inputs), ("output", generated.outputs)):
        if len(tensors) != 1:
            raise UnsupportedModelError(f"a sketch has one {what}, this model {len(tensors)}")
    (output,) = generated.outputs
    if output.type not in _SCORES:
        raise UnsupportedModelError(f"a sketch prints scores, this output is {output.type.name}")
    samples = find_samples(subject, generated)
    values = _row(samples, index)
    label = None if samples.labels is None else int(samples.labels[index])
    one = SampleSet.from_arrays(values[np.newaxis], source=samples.source)
    record = prepare(one, generated.inputs)[0]
    outputs = run_reference(subject.model, [record], engine=engine)
    try:
        expected = np.frombuffer(outputs.records[0], output.dtype)
    finally:
        outputs.close()
    return BakedSample(
        values=values.astype(np.float32) if values.dtype.kind == "f" else values,
        label=label,
        source=f"Sample {index} of {Path(samples.source).name}",
        input=generated.inputs[0],
        output=output,
        expected=expected,
        reference=describe(engine).interpreter,
    )


def _row(samples: SampleSet, index: int) -> NDArray[Any]:
    rows = samples.array(samples.names[0])
    total = rows.shape[0] if rows.shape else 0
    if not 0 <= index < total:
        raise SamplesError(
            f"There is no sample {index} in {samples.source}, which has {total:,}.",
            hint=f"Give --index 0 to {max(0, total - 1)}.",
        )
    for block in rows.blocks(1024):
        if index < len(block):
            return np.array(block[index])
        index -= len(block)
    raise SamplesError(f"{samples.source} ends early.", hint="Save the samples again.")


def _sketch_name(folder: Path) -> str:
    if not _NAME.fullmatch(folder.name):
        raise UsageError(
            f"{folder.name!r} is no name for a sketch.",
            hint="Name the folder with letters, digits, - and _, beginning with a letter or digit.",
        )
    return folder.name


def _places(name: str, layout: Layout) -> tuple[str, str]:
    """Return the library's path as the main file includes it, and the main file's path."""
    if layout is Layout.ARDUINO:
        return LIBRARY, f"{name}.ino"
    return LIBRARY.removeprefix("src/"), "src/main.cpp"


def _platformio_ini(project: Project, engine: str) -> str:
    """Return the environments of all targets that have the Arduino framework and the engine."""
    targets = [
        target
        for target in load_targets(project).values()
        if "arduino" in target.frameworks and engine in target.engines
    ]
    if not targets:
        raise UsageError(
            f"No target with the Arduino framework has engine {engine}.", hint="tinyproof targets"
        )
    names = [target.name for target in targets]
    default = next((name for name in ("uno", "esp32dev") if name in names), names[0])
    return content.platformio_ini({t.name: _options(t, engine) for t in targets}, default)


def _options(target: Target, engine: str) -> dict[str, str]:
    options = {"platform": target.options["platform"].strip(), "board": target.board}
    options["framework"] = "arduino"
    if libraries := engine_libraries(target, engine):
        options["lib_deps"] = "\n    ".join(("", *libraries))
    return options
