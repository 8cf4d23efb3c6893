"""Checks a model against engines and targets; builds only when asked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from tinyproof.check.cost import estimate, guessed, speed_of
from tinyproof.check.operators import judge_operators
from tinyproof.check.result import Check, EngineCheck, LayerCost, TargetCheck, TflmBound
from tinyproof.codegen import Generated, generate
from tinyproof.codegen.explain import Fit, Room, cramped, excess, fit
from tinyproof.codegen.firmware import firmware_of
from tinyproof.codegen.lower import lower
from tinyproof.codegen.normalise import normalise
from tinyproof.codegen.plan import live_bytes
from tinyproof.codegen.tflm import ENGINE, generate_tflm
from tinyproof.elf import Sizes
from tinyproof.errors import (
    BuildError,
    InfrastructureError,
    ModelError,
    ReferenceFailedError,
    UnsupportedModelError,
)
from tinyproof.graph import read_graph
from tinyproof.graph.examine import examine
from tinyproof.targets import Target
from tinyproof.tflm import arena_bytes

BOARD_POINTER_BYTES = 4

Build = Callable[[Target, Generated], Sizes]
"""Builds the firmware for a target and returns the sizes of the image."""


def check_model(model: bytes, targets: Sequence[Target], build: Build | None = None) -> Check:
    """Check ``model``, the bytes of a ``.tflite`` file.

    Args:
        model: the file.
        targets: boards to hold it against.
        build: makes flash and RAM exact; None: they are estimated.

    Raises:
        ModelError: malformed, or beyond both engines (custom operators, resource variables, free
            sizes).
        InfrastructureError: a build that fails for another reason than the model's size.
    """
    examine(model)
    operators, refusal = judge_operators(model)
    generated = None if refusal else generate(model)
    layers = _layers(model, generated) if generated else ()
    tflm = _tflm(model)
    aot = EngineCheck("aot", not refusal, refusal, generated.arena_bytes if generated else None)
    return Check(
        sha256=hashlib.sha256(model).hexdigest(),
        model_bytes=len(model),
        operators=operators,
        engines=(aot, tflm),
        layers=layers,
        targets=tuple(
            replace(
                _target(layers, generated, target, build)
                if generated
                else _refused(refusal, target),
                tflm=_bound(model, tflm.arena_bytes, target),
            )
            for target in targets
        ),
    )


def _tflm(model: bytes) -> EngineCheck:
    """Try the model in TFLM itself, in a process of its own."""
    try:
        return EngineCheck("tflm", True, "", arena_bytes(model, pointer_bytes=BOARD_POINTER_BYTES))
    except UnsupportedModelError as error:
        return EngineCheck("tflm", False, error.reason)
    except (ModelError, ReferenceFailedError) as error:
        if "not installed" in error.sentence:
            return EngineCheck("tflm", None, f"{error.sentence} {error.hint}")
        return EngineCheck("tflm", False, error.sentence)
    except InfrastructureError as error:
        return EngineCheck("tflm", None, f"{error.sentence} {error.hint}")


def _bound(model: bytes, arena: int | None, target: Target) -> TflmBound | None:
    """Return what engine tflm takes at least, where the target has it and it takes the model."""
    if arena is None or ENGINE not in target.engines:
        return None
    room = Room(target.name, target.flash_bytes, target.ram_bytes)
    return TflmBound(len(model), arena, excess(generate_tflm(model, arena), room))


def _layers(model: bytes, generated: Generated) -> tuple[LayerCost, ...]:
    normalised = normalise(read_graph(model))
    live = live_bytes(normalised, lower(normalised))
    return tuple(
        LayerCost(
            index,
            " + ".join(layer.operators),
            layer.output,
            layer.macs,
            layer.weight_bytes,
            live[index],
        )
        for index, layer in enumerate(generated.layers)
    )


def _refused(reason: str, target: Target) -> TargetCheck:
    return TargetCheck(
        target=target.name,
        fits=False,
        flash_size=target.flash_bytes,
        ram_size=target.ram_bytes,
        problems=(f"engine aot: {reason}",),
    )


def _target(
    layers: Sequence[LayerCost], generated: Generated, target: Target, build: Build | None
) -> TargetCheck:
    room = Room(target.name, target.flash_bytes, target.ram_bytes, firmware_of(target.mcu))
    estimated = fit(generated, room)
    found = TargetCheck(
        target=target.name,
        fits=estimated.fits,
        flash=estimated.flash,
        flash_size=target.flash_bytes,
        ram=estimated.ram,
        ram_size=target.ram_bytes,
        problems=estimated.problems,
    )
    if build is not None:
        found = _exact(found, generated, target, build)
    changes = () if found.fits else tuple(_changes(layers, generated, found, estimated))
    return _timed(replace(found, changes=changes), generated, target)


def _exact(found: TargetCheck, generated: Generated, target: Target, build: Build) -> TargetCheck:
    """Put the sizes of a build in place of the estimates."""
    try:
        sizes = build(target, generated)
    except BuildError as error:
        return replace(found, fits=False, problems=(error.sentence,))
    problems = cramped(sizes.static_ram, target.ram_bytes, firmware_of(target.mcu).stack)
    return replace(
        found,
        fits=not problems,
        exact=True,
        flash=sizes.flash,
        ram=sizes.static_ram,
        problems=problems,
    )


def _changes(
    layers: Sequence[LayerCost], generated: Generated, found: TargetCheck, estimated: Fit
) -> Sequence[str]:
    """Name the layers that take most of what is too large."""
    steps = []
    if found.flash_size and estimated.flash > found.flash_size:
        heavy = max(layers, key=lambda layer: layer.weight_bytes)
        steps.append(
            f"layer {heavy.index} ({heavy.name}) holds {heavy.weight_bytes:,} of the "
            f"{generated.weight_bytes:,} bytes of weights: give it fewer units or filters"
        )
        if _is_real(generated):
            steps.append("convert to int8: a quarter of the weights' bytes")
    if found.ram_size and estimated.ram > found.ram_size:
        wide = max(layers, key=lambda layer: layer.live_bytes)
        steps.append(
            f"layer {wide.index} ({wide.name}) needs {wide.live_bytes:,} bytes of arena at once: "
            "make its input smaller, or pool or stride before it"
        )
    return steps


def _is_real(generated: Generated) -> bool:
    return any(layer.kernel.endswith("_f32") and layer.macs for layer in generated.layers)


def _timed(found: TargetCheck, generated: Generated, target: Target) -> TargetCheck:
    """Add what an inference costs, where the processor was measured."""
    speed = speed_of(target.name)
    if speed is None:
        return found
    costs = estimate(generated, speed.rates)
    cycles = speed.unit == "cycles" and target.clock_hz
    return replace(
        found,
        unit=speed.unit,
        cost=sum(costs),
        layer_costs=costs,
        latency_us=1e6 * sum(costs) / target.clock_hz if cycles else None,
        error_percent=speed.error(real=_is_real(generated)),
        guessed=guessed(generated, speed.rates),
    )
