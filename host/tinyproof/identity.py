"""Who a board has to be, and the refusal when it is somebody else. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tinyproof.errors import IdentityError
from tinyproof.hello import Hello
from tinyproof.protocol import MODEL_FORMAT

_DIGITS = 16


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
    """

    model_sha256: bytes | None = None
    build_id: bytes | None = None
    weights_crc32: int | None = None
    target: str | None = None
    engine: str | None = None
    model_format: int | None = MODEL_FORMAT

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


def _compare(field: str, wanted: object, got: object) -> None:
    if wanted is not None and wanted != got:
        raise IdentityError(field, wanted=_shown(field, wanted), got=_shown(field, got))


def _shown(field: str, value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()[:_DIGITS] if any(value) else "none (built by hand)"
    return f"{value:08x}" if field == "weights checksum" else str(value)
