"""What the payloads of answers say: one frozen class per message, strict in what it takes. Pure.

``docs/protocol.md`` has the layouts. Every ``parse`` raises :class:`ProtocolError` for a payload of
the wrong length or with a value that is not allowed. Text from a board is made harmless for
terminals here, where it enters.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tinyproof.errors import ArenaError, DeviceError, ProtocolError
from tinyproof.hello import Descriptor, Hello, TensorDescription
from tinyproof.payload import Reader, board_text
from tinyproof.protocol import ERROR_SENTENCES, ErrorCode, MessageType, StartCause, Status

__all__ = [
    "Descriptor",
    "ErrorAnswer",
    "Hello",
    "InferAnswer",
    "MoreAnswer",
    "ProfileAnswer",
    "StartedEvent",
    "StatusAnswer",
    "TensorDescription",
    "TicksAnswer",
    "TraceAnswer",
    "board_text",
]

_INFER = struct.Struct("<BI")


@dataclass(frozen=True, slots=True)
class InferAnswer:
    """The outcome of one inference.

    Attributes:
        ticks: from the start of the first layer to the end of the last; wraps at 2^32.
        output: all outputs, in order, without gaps.
    """

    ticks: int
    output: bytes

    def pack(self) -> bytes:
        """Return the answer's payload."""
        return _INFER.pack(Status.OK, self.ticks) + self.output

    @classmethod
    def parse(cls, payload: bytes, output_bytes: int) -> InferAnswer:
        """Return the answer that ``payload`` is; the output must have ``output_bytes`` bytes."""
        if len(payload) != _INFER.size + output_bytes:
            raise ProtocolError(
                f"The board's answer to infer has {len(payload)} bytes, "
                f"expected {_INFER.size + output_bytes}."
            )
        status, ticks = _INFER.unpack_from(payload)
        if status != Status.OK:
            raise ProtocolError(f"The board's answer to infer has status {status}, expected 0.")
        return cls(ticks, payload[_INFER.size :])


@dataclass(frozen=True, slots=True)
class MoreAnswer:
    """A part was taken.

    Attributes:
        next: index of the part the board wants now.
    """

    next: int

    def pack(self) -> bytes:
        """Return the answer's payload."""
        return struct.pack("<BH", Status.MORE, self.next)

    @classmethod
    def parse(cls, payload: bytes) -> MoreAnswer:
        """Return the answer that ``payload`` is."""
        reader = Reader("answer to a part", payload)
        status, index = reader.unpack("BH")
        reader.end()
        reader.require(status == Status.MORE, "status", status)
        return cls(index)


@dataclass(frozen=True, slots=True)
class ProfileAnswer:
    """Ticks per layer of one inference.

    Attributes:
        ticks: the whole inference, with the cost of observing it.
        layers: ticks of each layer.
    """

    ticks: int
    layers: tuple[int, ...]

    def pack(self) -> bytes:
        """Return the answer's payload."""
        count = len(self.layers)
        return struct.pack(f"<BH{count}II", Status.OK, count, *self.layers, self.ticks)

    @classmethod
    def parse(cls, payload: bytes) -> ProfileAnswer:
        """Return the answer that ``payload`` is."""
        reader = Reader("answer to profile", payload)
        status, count = reader.unpack("BH")
        reader.require(status == Status.OK, "status", status)
        layers = reader.unpack(f"{count}I")
        answer = cls(reader.number("I"), layers)
        reader.end()
        return answer


@dataclass(frozen=True, slots=True)
class TraceAnswer:
    """What one layer computed.

    Attributes:
        layer: index in the engine's plan, from 0.
        output: the layer's outputs, in order, without gaps.
    """

    layer: int
    output: bytes

    def pack(self) -> bytes:
        """Return the answer's payload."""
        return struct.pack("<BH", Status.OK, self.layer) + self.output

    @classmethod
    def parse(cls, payload: bytes) -> TraceAnswer:
        """Return the answer that ``payload`` is."""
        reader = Reader("answer to trace", payload)
        status, layer = reader.unpack("BH")
        reader.require(status == Status.OK, "status", status)
        return cls(layer, reader.rest())


@dataclass(frozen=True, slots=True)
class TicksAnswer:
    """The board's clock.

    Attributes:
        ticks: wraps at 2^32.
    """

    ticks: int

    def pack(self) -> bytes:
        """Return the answer's payload."""
        return struct.pack("<I", self.ticks)

    @classmethod
    def parse(cls, payload: bytes) -> TicksAnswer:
        """Return the answer that ``payload`` is."""
        reader = Reader("answer to ticks", payload)
        answer = cls(reader.number("I"))
        reader.end()
        return answer


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """How the board is doing.

    Attributes:
        free_ram: bytes now, 0 = unknown.
        stack_used: high-water mark since boot, bytes, 0 = unknown.
        dropped_frames: damaged or too long, since boot.
        inferences: since boot.
    """

    free_ram: int
    stack_used: int
    dropped_frames: int
    inferences: int

    def pack(self) -> bytes:
        """Return the answer's payload."""
        return struct.pack(
            "<IIII", self.free_ram, self.stack_used, self.dropped_frames, self.inferences
        )

    @classmethod
    def parse(cls, payload: bytes) -> StatusAnswer:
        """Return the answer that ``payload`` is."""
        reader = Reader("answer to status", payload)
        answer = cls(*reader.unpack("IIII"))
        reader.end()
        return answer


@dataclass(frozen=True, slots=True)
class StartedEvent:
    """The board has just started.

    Attributes:
        cause: ``UNKNOWN`` too for a number that this version does not know.
        text: what the port adds, printable; may be empty.
    """

    cause: StartCause
    text: str

    def pack(self) -> bytes:
        """Return the event's payload."""
        return bytes([self.cause]) + self.text.encode()

    @classmethod
    def parse(cls, payload: bytes) -> StartedEvent:
        """Return the event that ``payload`` is."""
        reader = Reader("started event", payload)
        cause = reader.number("B")
        try:
            known = StartCause(cause)
        except ValueError:
            known = StartCause.UNKNOWN
        return cls(known, board_text(reader.rest(), limit=300))


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """A request that the board refused or failed at.

    Attributes:
        request: the refused request's type.
        code: an :class:`ErrorCode`, or a number that this version does not know.
        detail: see the protocol's table of errors.
        sentence: the board's words, printable.
    """

    request: int
    code: int
    detail: int
    sentence: str

    @classmethod
    def of(cls, request: MessageType, code: ErrorCode, detail: int = 0) -> ErrorAnswer:
        """Return the answer with the code's own sentence."""
        return cls(request, code, detail, ERROR_SENTENCES[code])

    def pack(self) -> bytes:
        """Return the answer's payload."""
        return struct.pack("<BBI", self.request, self.code, self.detail) + self.sentence.encode()

    @classmethod
    def parse(cls, payload: bytes) -> ErrorAnswer:
        """Return the answer that ``payload`` is."""
        reader = Reader("error answer", payload)
        request, code, detail = reader.unpack("BBI")
        return cls(request, code, detail, board_text(reader.rest(), limit=300))

    def error(self) -> DeviceError:
        """Return the exception that tells the user."""
        names = {int(known): known.name.lower() for known in MessageType}
        request = names.get(self.request, f"request {self.request}")
        sentence = self.sentence.rstrip(".") or "it gave no reason"
        kind = ArenaError if self.code == ErrorCode.ARENA else DeviceError
        return kind(
            f"The board refused {request}: {sentence} (code {self.code}, detail {self.detail}).",
            code=self.code,
            detail=self.detail,
        )
