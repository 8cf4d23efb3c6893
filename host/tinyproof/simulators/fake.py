"""A board made of Python: the whole protocol, any model, no hardware and no time.

For tests of whatever talks to boards. :class:`FakeFirmware` is the board's side, a function of the
bytes it gets; :class:`FakeBoard` is a link to one, with a clock of its own that only moves when
somebody waits::

    device = Device(FakeBoard(FakeFirmware(model=lambda sample: sample[:10])))
    device.hello()
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tinyproof.deadline import Deadline
from tinyproof.errors import PortError
from tinyproof.frame import Decoder, Frame, encode, largest_payload
from tinyproof.link import Link
from tinyproof.messages import (
    Descriptor,
    ErrorAnswer,
    Hello,
    InferAnswer,
    MoreAnswer,
    ProfileAnswer,
    StartedEvent,
    StatusAnswer,
    TensorDescription,
    TicksAnswer,
    TraceAnswer,
)
from tinyproof.protocol import (
    ANSWER,
    ERROR_SENTENCES,
    PART,
    PROTOCOL_VERSION,
    ErrorCode,
    MessageType,
    StartCause,
)

Model = Callable[[bytes], bytes]


class FakeInferenceError(Exception):
    """Raised by a fake's model to have the board answer with an engine's error."""


class FakeCrashError(Exception):
    """Raised by a fake's model to have the board restart by its watchdog."""


def default_model(sample: bytes) -> bytes:
    """Return 10 bytes that tell the sample apart from all others."""
    return zlib.crc32(sample).to_bytes(4, "little") + sample[:6].ljust(6, b"\0")


def describe(
    input_bytes: int = 64, output_bytes: int = 10, *, window: int = 1024, largest_frame: int = 256
) -> Hello:
    """Return what a fake board of one int8 input and one int8 output says of itself."""
    model = Descriptor(
        model_format=1,
        model_sha256=bytes(range(32)),
        engine="aot",
        engine_version="1",
        layers=3,
        inputs=(TensorDescription(9, (1, input_bytes), 1 / 256, -128),),
        outputs=(TensorDescription(9, (1, output_bytes), 0.25, 3),),
    )
    return Hello(
        build_id=bytes(range(16)),
        weights_crc32=0x5EED,
        tick_rate=1_000_000,
        arena_used=368,
        arena_reserved=512,
        free_ram=0,
        largest_frame=largest_frame,
        window=window,
        target="fake",
        model=model,
    )


@dataclass
class FakeFirmware:
    """The board's side of the conversation.

    Attributes:
        hello: what it says of itself; change it before a restart to become another board.
        model: computes the outputs of one sample, or raises :class:`FakeInferenceError` or
            :class:`FakeCrashError`.
        protocol: the version it speaks.
        boot_text: written, outside any frame, when it starts.
        answer_frame: encoded bytes above which its answers travel in parts.
        inferences: since it started.
    """

    hello: Hello = field(default_factory=describe)
    model: Model = default_model
    protocol: int = PROTOCOL_VERSION
    boot_text: bytes = b""
    answer_frame: int = 256
    inferences: int = 0
    _nonce: int = 0
    _ticks: int = 0
    _poison: bytes = b"\0\0"
    _assembly: tuple[int, int, int, bytes] = (-1, 0, 0, b"")  # type, sequence, next part, bytes

    def __post_init__(self) -> None:
        """Forget everything, as a board does that starts."""
        self._decoder = Decoder(0)

    def start(self, cause: StartCause = StartCause.POWER_ON) -> bytes:
        """Restart, and return what the board then sends: its text and the ``started`` event."""
        fresh = replace(self, inferences=0, _nonce=0, _poison=b"\0\0", _assembly=(-1, 0, 0, b""))
        self.__dict__.update(fresh.__dict__)
        event = encode(ANSWER | MessageType.STARTED, 0, StartedEvent(cause, "").pack(), 0)
        return self.boot_text + b"\0" + event

    def take(self, data: bytes) -> bytes:
        """Take received bytes and return those sent in answer."""
        # A hello may come at any time, with seed 0.
        self._decoder.seeds = (self._nonce, 0)
        return b"".join(self._dispatch(frame) for frame in self._decoder.feed(data))

    def _dispatch(self, frame: Frame) -> bytes:
        type_ = frame.type & ~PART
        if type_ == MessageType.HELLO and len(frame.payload) == 4:
            return self._greet(frame)
        if not self._nonce or frame.type & ANSWER:
            return b""
        if frame.type & PART:
            return self._take_part(frame)
        return self._carry_out(frame.type, frame.sequence, frame.payload)

    def _greet(self, frame: Frame) -> bytes:
        self._nonce = int.from_bytes(frame.payload, "little")
        self._decoder.seeds = (self._nonce, 0)
        self._poison = b"\0\0"
        self._assembly = (-1, 0, 0, b"")
        return self._answer(MessageType.HELLO, frame.sequence, self.hello.pack(self.protocol))

    def _take_part(self, frame: Frame) -> bytes:
        index, count = struct.unpack_from("<HH", frame.payload)
        type_ = frame.type & ~PART
        known_type, known, wanted, taken = self._assembly
        if index == 0:
            known_type, known, wanted, taken = type_, frame.sequence, 0, b""
        if (type_, frame.sequence) != (known_type, known) or index > wanted:
            wanted = wanted if (type_, frame.sequence) == (known_type, known) else 0
            return self._refuse(type_, frame.sequence, ErrorCode.PART_ORDER, wanted)
        if index == wanted:
            wanted, taken = wanted + 1, taken + frame.payload[4:]
        self._assembly = (type_, frame.sequence, wanted, taken)
        if wanted < count:
            return self._answer(MessageType(type_), frame.sequence, MoreAnswer(wanted).pack())
        self._assembly = (-1, 0, 0, b"")
        return self._carry_out(type_, frame.sequence, taken)

    def _carry_out(self, type_: int, sequence: int, payload: bytes) -> bytes:
        self._ticks = (self._ticks + 1000) & 0xFFFFFFFF
        wanted = self._wanted_bytes(type_)
        if wanted < 0:
            return self._refuse(type_, sequence, ErrorCode.UNKNOWN_TYPE, type_)
        if len(payload) != wanted:
            return self._refuse(type_, sequence, ErrorCode.BAD_LENGTH, wanted)
        try:
            answer = self._answer_to(MessageType(type_), payload)
        except FakeInferenceError:
            return self._refuse(type_, sequence, ErrorCode.ENGINE, 7)
        if answer is None:
            return self._refuse(type_, sequence, ErrorCode.BAD_LAYER, self.hello.model.layers)
        sent = self._answer(MessageType(type_), sequence, answer)
        return sent + (self.start(StartCause.SOFTWARE) if type_ == MessageType.RESET else b"")

    def _wanted_bytes(self, type_: int) -> int:
        """Return the payload length that a request must have, -1 for an unknown type."""
        sample = self.hello.input_bytes
        sizes = {MessageType.INFER: sample, MessageType.PROFILE: sample}
        sizes |= {MessageType.TRACE: sample + 2, MessageType.POISON: 2}
        sizes |= dict.fromkeys((MessageType.TICKS, MessageType.STATUS, MessageType.RESET), 0)
        return sizes.get(type_, -1)  # type: ignore[call-overload,no-any-return]

    def _answer_to(self, type_: MessageType, payload: bytes) -> bytes | None:
        """Return the answer's payload, None for a layer that does not exist."""
        layers = self.hello.model.layers
        if type_ is MessageType.INFER:
            self.inferences += 1
            return InferAnswer(1000, self.model(payload)).pack()
        if type_ is MessageType.PROFILE:
            return ProfileAnswer(100 * layers, (100,) * layers).pack()
        if type_ is MessageType.TRACE:
            layer = int.from_bytes(payload[:2], "little")
            output = TraceAnswer(layer, self.model(payload[2:])).pack()
            return output if layer < layers else None
        if type_ is MessageType.TICKS:
            return TicksAnswer(self._ticks).pack()
        if type_ is MessageType.STATUS:
            return StatusAnswer(0, 0, self._decoder.dropped, self.inferences).pack()
        if type_ is MessageType.POISON:
            self._poison = payload
        return payload

    def _answer(self, type_: MessageType, sequence: int, payload: bytes) -> bytes:
        """Return one frame, or all parts in a row where one does not do."""
        seed, version = self._nonce, self.protocol
        piece = largest_payload(self.answer_frame) - 4
        if len(payload) <= piece + 4:
            return encode(ANSWER | type_, sequence, payload, seed, version=version)
        pieces = [payload[at : at + piece] for at in range(0, len(payload), piece)]
        heads = [struct.pack("<HH", index, len(pieces)) for index in range(len(pieces))]
        return b"".join(
            encode(ANSWER | PART | type_, sequence, head + part, seed, version=version)
            for head, part in zip(heads, pieces, strict=True)
        )

    def _refuse(self, type_: int, sequence: int, code: ErrorCode, detail: int) -> bytes:
        error = ErrorAnswer(type_, code, detail, ERROR_SENTENCES[code])
        return self._answer(MessageType.ERROR, sequence, error.pack())

    @property
    def poison(self) -> bytes:
        """The ``poison`` request in force: on and pattern."""
        return self._poison


class FakeBoard(Link):
    """A link to fake firmware, in simulated time.

    Like a real board it reads one request, carries it out and answers before it reads the next, and
    loses what arrives when its receive buffer is full.

    Attributes:
        firmware: the board at the other end.
        inference_seconds: simulated time that each read of its input takes.
        overruns: bytes lost because more than the window was sent.
        deaf: whether it stopped reading.
        gone: whether it was unplugged.
    """

    def __init__(
        self,
        firmware: FakeFirmware | None = None,
        *,
        resets_on_open: bool = True,
        inference_seconds: float = 0.0,
    ) -> None:
        """Plug in a board; most restart when their port opens."""
        super().__init__("fake board")
        self.firmware = firmware or FakeFirmware()
        self.inference_seconds = inference_seconds
        self.overruns = 0
        self.deaf = False
        self.gone = False
        self._now = 0.0
        self._received = bytearray()
        self._sent = self.firmware.start(StartCause.EXTERNAL) if resets_on_open else b""

    def clock(self) -> float:
        """Return the simulated time, in seconds."""
        return self._now

    def wait(self, seconds: float) -> None:
        """Let simulated time pass."""
        self._now += seconds

    def restart(self, cause: StartCause = StartCause.WATCHDOG) -> None:
        """Restart the board: what it had received is gone."""
        self._received.clear()
        self._sent += self.firmware.start(cause)

    def _read(self, deadline: Deadline) -> bytes:
        self._check()
        if not self._sent:
            self._work()
        if not self._sent:
            self._now += deadline.remaining
        sent, self._sent = self._sent, b""
        return sent

    def _work(self) -> None:
        """Carry out requests until one is answered."""
        while not self._sent and not self.deaf and b"\0" in self._received:
            end = self._received.index(0) + 1
            frame = bytes(self._received[:end])
            del self._received[:end]
            self._now += self.inference_seconds
            try:
                sent = self.firmware.take(frame)
            except FakeCrashError:
                self.restart()
            else:
                self._sent += sent

    def _write(self, data: bytes, deadline: Deadline) -> None:
        self._check()
        room = max(0, self.firmware.hello.window - len(self._received))
        # Hello and probes may come on top of what the window counts.
        room += 64
        self.overruns += max(0, len(data) - room)
        self._received += data[:room]

    def _close(self) -> None:
        self.gone = True

    def _check(self) -> None:
        if self.gone:
            raise PortError("The fake board is unplugged.", port=self.name)
