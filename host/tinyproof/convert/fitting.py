"""On which targets each form fits: what engine aot takes of them, as ``generate`` estimates it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tinyproof.codegen import generate
from tinyproof.codegen.explain import Room, fit
from tinyproof.codegen.firmware import firmware_of
from tinyproof.errors import ModelError, UnsupportedModelError
from tinyproof.targets import Target


def fitting(model: bytes, rooms: Sequence[Room]) -> str:
    """Return in a few words where engine aot runs the model, or why it does not.

    Args:
        model: the bytes of a ``.tflite`` file.
        rooms: the targets.
    """
    try:
        generated = generate(model)
    except UnsupportedModelError as error:
        where = f"{error.operator}: " if error.operator else ""
        return f"not by engine aot ({where}{error.reason})"
    except ModelError as error:
        return error.sentence
    fits = [found.target for found in (fit(generated, room) for room in rooms) if found.fits]
    misfits = [room.target for room in rooms if room.target not in fits]
    if len(misfits) < len(fits):
        everywhere = f"all {len(rooms)} targets"
        return f"{everywhere} but {', '.join(misfits)}" if misfits else everywhere
    return ", ".join(fits) or "nowhere"


def rooms(targets: Iterable[Target]) -> list[Room]:
    """Return the memory of each target."""
    return [
        Room(target.name, target.flash_bytes, target.ram_bytes, firmware_of(target.mcu))
        for target in targets
    ]
