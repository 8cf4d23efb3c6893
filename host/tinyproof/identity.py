"""Who a board has to be, and the refusal when it is somebody else. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tinyproof.errors import ClockError, IdentityError
from tinyproof.hello import Descriptor, Hello, TensorDescription
from tinyproof.protocol import MODEL_FORMAT

_DIGITS = 16
_DESCRIBED = {
    "engine_version": "engine version",
    "layers": "number of layers",
    "inputs": "description of its inputs",
    "outputs": "description of its outputs",
}
"""Fields of a descriptor that nothing else of an identity tells, and their names."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What is expected of a board; None where anything will do.

    Attributes:
        model_sha256: SHA-256 of the ``.tflite`` file, 32 bytes.
        build_id: 16 bytes, of firmware sources, flags and model together.
        weights_crc32: over the weights as linked; the board computes it itself.
        target: the target's name.
        engine: ``aot`` or ``tflm``.
        model_format: version of ``model.h``.
        descriptor: what ``model.h`` says of the model; answers are cut and named by it.
    """

    model_sha256: bytes | None = None
    build_id: bytes | None = None
    weights_crc32: int | None = None
    target: str | None = None
    engine: str | None = None
    model_format: int | None = MODEL_FORMAT
    descriptor: Descriptor | None = None

    @classmethod
    def of(cls, hello: Hello) -> Identity:
        """Return everything by which a board can be told from others."""
        return cls(
            model_sha256=hello.model.model_sha256,
            build_id=hello.build_id,
            weights_crc32=hello.weights_crc32,
            target=hello.target,
            engine=hello.model.engine,
            model_format=hello.model.model_format,
            descriptor=hello.model,
        )

    def check(self, hello: Hello) -> None:
        """Refuse a board that is somebody else.

        Raises:
            IdentityError: names the first field that differs, with what was wanted and got.
        """
        met = Identity.of(hello)
        _compare("target", self.target, met.target)
        _compare("engine", self.engine, met.engine)
        _compare("model format", self.model_format, met.model_format)
        _compare("model", self.model_sha256, met.model_sha256)
        _compare("build id", self.build_id, met.build_id)
        _compare("weights checksum", self.weights_crc32, met.weights_crc32)
        for name, words in _DESCRIBED.items() if self.descriptor else ():
            _compare(words, getattr(self.descriptor, name), getattr(hello.model, name))


def check_same(before: Hello, now: Hello) -> None:
    """Refuse a board that is not the one that was met before, or whose clock is not what it was.

    Raises:
        IdentityError: it is somebody else.
        ClockError: its ticks have another length, so that no latency of the two can be told.
    """
    Identity.of(before).check(now)
    if now.tick_rate != before.tick_rate:
        raise ClockError(
            f"The board restarted with another clock: {now.tick_rate:,} ticks a second, before "
            f"{before.tick_rate:,}.",
            hint="Check its power, and what sets its clock when it starts.",
        )


def _compare(field: str, wanted: object, got: object) -> None:
    if wanted is not None and wanted != got:
        raise IdentityError(field, wanted=_shown(field, wanted), got=_shown(field, got))


def _shown(field: str, value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()[:_DIGITS] if any(value) else "none (built by hand)"
    if isinstance(value, tuple):
        return ", ".join(map(_tensor, value)) or "none"
    return f"{value:08x}" if field == "weights checksum" else str(value)


def _tensor(tensor: TensorDescription) -> str:
    shape = "x".join(map(str, tensor.shape)) or "scalar"
    return f"{tensor.dtype} {shape} (scale {tensor.scale:g}, zero point {tensor.zero_point})"
