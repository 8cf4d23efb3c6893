"""Makes firmware of a model: ``model.h``, the build, and what a board that runs it must say.

Whoever needs firmware, a board at hand or not, gets it here.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinyproof import libraries
from tinyproof.build import Build, build
from tinyproof.codegen import Generated, generate
from tinyproof.codegen.explain import Room, excess
from tinyproof.device import Identity
from tinyproof.errors import BuildError
from tinyproof.hello import Descriptor
from tinyproof.messages import Hello
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.report import Memory
from tinyproof.targets import Target
from tinyproof.tflm import generate_for_tflm, warning_of_old_libraries


@dataclass(frozen=True)
class Firmware:
    """A model built into firmware for one target."""

    target: Target
    engine: str
    model: bytes
    generated: Generated
    build: Build

    @property
    def identity(self) -> Identity:
        """What a board that runs this firmware must say of itself."""
        return Identity(
            model_sha256=bytes.fromhex(self.generated.sha256),
            build_id=self.build.id,
            weights_crc32=self.generated.weights_crc32,
            target=self.target.name,
            engine=self.engine,
            descriptor=Descriptor.parse(self.generated.descriptor),
        )


def generate_model(
    model: bytes, progress: Progress, target: Target | None = None, engine: str | None = None
) -> Generated:
    """Generate ``model.h`` and what the host has to know of it.

    Args:
        model: the ``.tflite`` file.
        progress: told of it.
        target: what it is for; None: whatever runs engine ``aot``.
        engine: the target's first one if not given.

    Raises:
        UsageError: the target has no such engine.
        ModelError: the model is unreadable or not supported.
        ReferenceFailedError, ToolchainError: TFLM cannot run it, or is not there.
    """
    chosen = target.engine(engine) if target else "aot"
    with progress.step("generate", "model.h") as step:
        if target and chosen == "tflm":
            libraries.identity(target, chosen)  # What is missing shows before anything is made.
            generated = generate_for_tflm(model, hosted=target.hosted)
        else:
            generated = generate(model)
        step.result(
            f"{len(generated.layers)} layers, {generated.weight_bytes:,} bytes of weights, "
            f"arena {generated.arena_bytes:,} bytes"
        )
    on_a_board = target is not None and not target.hosted and chosen == "tflm"
    if on_a_board and (warning := warning_of_old_libraries(model)):
        progress.note(warning)
    return generated


def make_firmware(
    project: Project,
    target: Target,
    model: bytes,
    generated: Generated,
    progress: Progress,
    *,
    engine: str | None = None,
    simulated: bool = True,
) -> Firmware:
    """Build the firmware for ``model``, or find it built.

    Args:
        project: whose firmware.
        target: what it is for.
        model: the ``.tflite`` file.
        generated: of the same model; see ``generate_model``.
        progress: told of the build.
        engine: the target's first one if not given.
        simulated: whether it will run on the target's simulator, see ``is_simulated``.

    Raises:
        UsageError: the target has no such engine.
        ToolchainError, BuildError, StorageError: see ``build``.
    """
    chosen = target.engine(engine)
    _check_memory(generated, target)
    with progress.step("build", f"{target.name}, engine {chosen}") as step:
        made = build(project, target, chosen, generated.header, simulated=simulated, step=step)
        step.result(("built" if made.fresh else "up to date") + f", {made.sizes.flash:,} bytes")
    return Firmware(target, chosen, model, generated, made)


def _check_memory(generated: Generated, target: Target) -> None:
    """Refuse a model that cannot fit; compilers would say so less clearly."""
    problems = excess(generated, Room(target.name, target.flash_bytes, target.ram_bytes))
    if problems:
        raise BuildError(
            f"The model does not fit {target.name}: {', and '.join(problems)}.",
            hint="`tinyproof generate --explain` shows which layers take it, and other targets.",
        )


def built_memory(firmware: Firmware, hello: Hello) -> Memory:
    """Return what is known of the memory of a board that has said who it is."""
    return Memory(
        flash=firmware.build.sizes.flash,
        static_ram=firmware.build.sizes.static_ram,
        arena=hello.arena_used,
        arena_reserved=hello.arena_reserved,
        flash_size=firmware.target.flash_bytes or None,
        ram_size=firmware.target.ram_bytes or None,
    )
