"""What a check found, as values; ``--json`` prints them as they are."""

from __future__ import annotations

from dataclasses import dataclass

from tinyproof.check.operators import OperatorVerdict


@dataclass(frozen=True)
class EngineCheck:
    """What an engine says of the whole model.

    Attributes:
        engine: ``aot`` or ``tflm``.
        accepted: whether it runs the model; None if that could not be tried.
        reason: why not.
        arena_bytes: what it needs for tensors: of aot what the board will say, of tflm a bound
            for boards with 32-bit pointers; None if it does not run it.
    """

    engine: str
    accepted: bool | None
    reason: str = ""
    arena_bytes: int | None = None


@dataclass(frozen=True)
class LayerCost:
    """One layer of engine aot.

    Attributes:
        name: its operators, joined with " + ".
        shape: of its output.
        macs: multiply-accumulates.
        weight_bytes: in flash.
        live_bytes: of the arena in use while it runs.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    macs: int
    weight_bytes: int
    live_bytes: int


@dataclass(frozen=True)
class TflmBound:
    """What engine tflm takes of a target at least: TFLM's own code and data come on top.

    Attributes:
        flash: bytes of the model's file.
        ram: bytes of the arena that is reserved.
        problems: what is too large already, a clause each; none: it may fit.
    """

    flash: int
    ram: int
    problems: tuple[str, ...]


@dataclass(frozen=True)
class TargetCheck:
    """How the model does on one target with engine aot; ``tflm`` tells of the other engine.

    Attributes:
        target: its name.
        fits: whether it is accepted and nothing is too large.
        exact: whether flash and RAM are those of a build; otherwise they are estimates.
        flash: bytes of the image; None if engine aot refuses the model.
        flash_size: what there is; 0 is unlimited.
        ram: bytes of static RAM, without stack.
        ram_size: what there is; 0 is unlimited.
        problems: what is too large, a clause each.
        changes: what to change, a clause each.
        unit: ``cycles`` or ``instructions``; empty if the processor was not measured.
        cost: of one inference, in that unit, estimated.
        layer_costs: of each layer.
        latency_us: microseconds; None unless the unit is cycles.
        error_percent: by how much the estimate was off at most, for models whose cost is known.
        guessed: kinds of layers that were not measured.
        tflm: None where the target does not have engine tflm, or TFLM does not take the model.
    """

    target: str
    fits: bool
    exact: bool = False
    flash: int | None = None
    flash_size: int = 0
    ram: int | None = None
    ram_size: int = 0
    problems: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    unit: str = ""
    cost: float | None = None
    layer_costs: tuple[float, ...] = ()
    latency_us: float | None = None
    error_percent: float | None = None
    guessed: tuple[str, ...] = ()
    tflm: TflmBound | None = None


@dataclass(frozen=True)
class Check:
    """All of it.

    Attributes:
        sha256: of the ``.tflite``, hexadecimal.
        model_bytes: its size.
        operators: in the file's order.
        engines: aot and tflm.
        layers: of engine aot; none if it refuses the model.
        targets: those asked for.
    """

    sha256: str
    model_bytes: int
    operators: tuple[OperatorVerdict, ...]
    engines: tuple[EngineCheck, ...]
    layers: tuple[LayerCost, ...]
    targets: tuple[TargetCheck, ...]

    @property
    def fits(self) -> bool:
        """Whether it fits every target asked for."""
        return all(target.fits for target in self.targets)
