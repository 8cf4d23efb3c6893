"""What a model takes, layer by layer, and on which boards it fits. Pure: data in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tinyproof.codegen.firmware import UNKNOWN, Firmware
from tinyproof.codegen.generate import Generated, LayerInfo
from tinyproof.text import table

LAYER_BYTES = 80
"""Flash for a layer's parameters and call, about."""


@dataclass(frozen=True)
class Room:
    """The memory of a target in bytes, 0 is unlimited, and what the firmware takes of it."""

    target: str
    flash: int
    ram: int
    firmware: Firmware = UNKNOWN


@dataclass(frozen=True)
class Fit:
    """Whether a model fits a target.

    Attributes:
        flash: bytes that model and firmware take, estimated.
        ram: bytes of static RAM that arena and firmware take, estimated; without stack.
        problems: what is too large, a clause for each memory; none: it fits.
    """

    target: str
    flash: int
    ram: int
    problems: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether nothing is too large."""
        return not self.problems


def excess(generated: Generated, room: Room) -> tuple[str, ...]:
    """Return what alone is larger than the memory of ``room``, so that no build can succeed."""
    parts = (
        ("flash", "weights take", generated.weight_bytes, room.flash),
        ("RAM", "arena takes", generated.arena_bytes, room.ram),
    )
    return tuple(
        f"its {what} {used:,} bytes of {memory}, there are {there:,}"
        for memory, what, used, there in parts
        if there and used > there
    )


def cramped(static_ram: int, ram: int, stack: int) -> tuple[str, ...]:
    """Return a clause if ``static_ram`` bytes of ``ram`` leave too little for the stack."""
    if not ram or static_ram > ram or static_ram + stack <= ram:
        return ()
    return (f"RAM: {static_ram:,} of {ram:,} bytes leave too little for a stack of about {stack}",)


def fit(generated: Generated, room: Room) -> Fit:
    """Return whether the model fits ``room``; only a build tells to the byte."""
    layers = generated.layers
    code = room.firmware.flash + room.firmware.code(layer.kernel for layer in layers)
    flash = generated.weight_bytes + LAYER_BYTES * len(layers) + code
    ram = generated.arena_bytes + room.firmware.ram
    problems = list(cramped(ram, room.ram, room.firmware.stack))
    if room.flash and flash > room.flash:
        problems.append(
            f"flash: {flash:,} of {room.flash:,} bytes, {generated.weight_bytes:,} of them weights"
        )
    if room.ram and ram > room.ram:
        problems.append(
            f"RAM: {ram:,} of {room.ram:,} bytes, {generated.arena_bytes:,} of them the arena"
        )
    return Fit(room.target, flash, ram, tuple(problems))


def explanation(generated: Generated, rooms: Sequence[Room]) -> dict[str, Any]:
    """Return everything that :func:`text` tells, for JSON; sizes are in bytes."""
    return {
        "sha256": generated.sha256,
        "layers": [asdict(layer) for layer in generated.layers],
        "totals": {
            "macs": generated.macs,
            "weight_bytes": generated.weight_bytes,
            "arena_bytes": generated.arena_bytes,
            "model_bytes": generated.model_bytes,
        },
        "targets": [
            asdict(found) | {"fits": found.fits}
            for found in (fit(generated, room) for room in rooms)
        ],
    }


def text(generated: Generated, rooms: Sequence[Room]) -> str:
    """Return tables of layers and targets, for people."""
    head = ("layer", "operators", "input", "output", "MACs", "weights", "arena in", "arena out")
    rows = [_row(index, layer) for index, layer in enumerate(generated.layers)]
    scratch = max((layer.scratch_bytes for layer in generated.layers), default=0)
    fits = [("target", "flash", "RAM", ""), *(_fit_row(generated, room) for room in rooms)]
    parts = [
        *table([head, *rows], right=(0, 4, 5)),
        "",
        f"Multiply-accumulates: {generated.macs:,}",
        f"Flash for weights:    {generated.weight_bytes:,} bytes",
        f"RAM for the arena:    {generated.arena_bytes:,} bytes, up to {scratch:,} of them scratch",
        "",
        *table(fits, right=(1, 2)),
        "",
        "A target's flash and RAM are estimates, with the firmware where its size is known and",
        "without stack, for which room must be left; a build is refused if it does not fit.",
    ]
    return "\n".join(parts) + "\n"


def _row(index: int, layer: LayerInfo) -> tuple[str, ...]:
    spans = " ".join(f"{start}+{size}" for start, size in layer.arena_in)
    scratch = f" scratch {layer.scratch_bytes}" if layer.scratch_bytes else ""
    return (
        str(index),
        " + ".join(layer.operators),
        " ".join(map(_shape, layer.inputs)),
        _shape(layer.output),
        f"{layer.macs:,}",
        f"{layer.weight_bytes:,}",
        spans,
        f"{layer.arena_out[0]}+{layer.arena_out[1]}{scratch}",
    )


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _fit_row(generated: Generated, room: Room) -> tuple[str, ...]:
    found = fit(generated, room)
    verdict = "fits" if found.fits else "too large: " + "; ".join(found.problems)
    return (room.target, f"{found.flash:,}", f"{found.ram:,}", verdict)
