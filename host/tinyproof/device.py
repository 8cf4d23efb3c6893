"""A board in conversation: its verbs, from ``hello`` to a stream of a hundred thousand samples.

::

    with open_link("/dev/ttyACM0", 115_200) as link:
        device = Device(link)
        device.hello()
        device.check_identity(Identity(model_sha256=digest))
        for answer in device.stream(samples):
            ...
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from tinyproof.deadline import Deadline
from tinyproof.errors import DeviceError, ProtocolError, SamplesError, TinyProofError
from tinyproof.exchange import Events, Request
from tinyproof.identity import Identity
from tinyproof.link import Link
from tinyproof.messages import (
    Hello,
    InferAnswer,
    ProfileAnswer,
    StatusAnswer,
    TicksAnswer,
    TraceAnswer,
)
from tinyproof.protocol import MessageType, Poison
from tinyproof.session import Session

__all__ = ["Answer", "Device", "Events", "Identity"]

HELLO_SECONDS = 10.0
ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a board made of one sample.

    Attributes:
        index: the sample's position in the stream, from 0.
        output: all outputs, in order, without gaps; empty if the board gave an error.
        ticks: from the start of the first layer to the end of the last; 0 with an error.
        attempts: times the sample was sent; 1 on a link that loses nothing.
        error: why there is no output, None if there is one.
    """

    index: int
    output: bytes
    ticks: int
    attempts: int
    error: DeviceError | None


class Device:
    """An open conversation with one board.

    Every verb but :meth:`hello` and :meth:`reset` gives up after ``answer_seconds`` without
    progress. All of them raise :class:`PortError` when the link ends, :class:`DeviceSilentError`
    when nothing comes, :class:`ProtocolError` when the board breaks the protocol,
    :class:`DeviceError` when it refuses, :class:`RefusedError` when it restarts as another board.
    """

    def __init__(
        self,
        link: Link,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        nonces: random.Random | None = None,
    ) -> None:
        """Converse over ``link``, which the device closes with itself.

        Args:
            link: the byte stream.
            answer_seconds: longest time without progress; must exceed the longest inference.
            nonces: where session nonces come from; the system's randomness if not given.
        """
        self.link = link
        self._session = Session(link, answer_seconds, nonces or random.SystemRandom())

    @property
    def events(self) -> Events:
        """What the conversation met with on its way, so far."""
        return self._session.events

    @property
    def description(self) -> Hello:
        """The board's latest answer to ``hello``.

        Raises:
            TinyProofError: :meth:`hello` was not called.
        """
        if self._session.hello is None:
            raise TinyProofError("The device was used before hello().")
        return self._session.hello

    @property
    def nonce(self) -> int:
        """The session's nonce, the seed of every CRC; 0 before the first session."""
        return self._session.nonce

    def close(self) -> None:
        """Close the link."""
        self.link.close()

    def __enter__(self) -> Self:
        """Return the device itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    # -- who it is

    def hello(self, deadline: Deadline | None = None, *, quiet_seconds: float = 0.0) -> Hello:
        """Open a session; a board that is still booting is waited for.

        Called again, it meets the same board once more and refuses any other.

        Args:
            deadline: when to give up; ``HELLO_SECONDS`` from now if not given.
            quiet_seconds: how long to send nothing unless the board says that it started: opening
                the port may have reset it, and a bootloader may be listening.

        Raises:
            BootError: something else than TinyProof's firmware answers; carries what it wrote.
            DeviceSilentError: nothing answers.
            ProtocolVersionError: the firmware speaks another protocol version.
        """
        return self._session.meet(deadline or self.link.deadline(HELLO_SECONDS), quiet_seconds)

    def check_identity(self, expected: Identity) -> None:
        """Refuse a board that is not the expected one.

        One that restarts as another board is refused by whatever verb meets it again.

        Raises:
            IdentityError: names the field that differs.
        """
        expected.check(self.description)

    # -- inference

    def stream(self, samples: Iterable[bytes]) -> Iterator[Answer]:
        """Yield the answer to each sample, in order, with as many under way as the board can take.

        Samples are taken as they are needed. A sample that the board fails at yields an answer with
        an error. When the conversation ends early, all that was answered is yielded first, even
        what lies behind the first sample without an answer, which the error then names.

        Args:
            samples: each all inputs, in order, without gaps: ``description.input_bytes`` bytes.

        Raises:
            SamplesError: a sample of another length.
        """
        for request in self._session.stream(self._inferences(samples)):
            yield self._answer_of(request)

    def infer(self, sample: bytes) -> Answer:
        """Return the answer to one sample; an inference that fails raises :class:`DeviceError`."""
        (answer,) = self.stream([sample])
        if answer.error:
            raise answer.error
        return answer

    def profile(self, sample: bytes) -> ProfileAnswer:
        """Return the ticks of each layer, for one sample."""
        self._check_sample(sample, 0)
        answer = ProfileAnswer.parse(self._call(MessageType.PROFILE, sample))
        if len(answer.layers) != self.description.model.layers:
            raise ProtocolError(
                f"The board profiles {len(answer.layers)} layers, "
                f"expected {self.description.model.layers}."
            )
        return answer

    def trace(self, layer: int, sample: bytes) -> TraceAnswer:
        """Return what layer ``layer``, from 0, computes for one sample."""
        self._check_sample(sample, 0)
        payload = layer.to_bytes(2, "little") + sample
        answer = TraceAnswer.parse(self._call(MessageType.TRACE, payload))
        if answer.layer != layer:
            raise ProtocolError(f"The board traces layer {answer.layer}, expected {layer}.")
        return answer

    # -- the board itself

    def ticks(self) -> int:
        """Return the board's clock, in ticks; it wraps at 2^32."""
        return TicksAnswer.parse(self._call(MessageType.TICKS)).ticks

    def status(self) -> StatusAnswer:
        """Return how the board is doing."""
        return StatusAnswer.parse(self._call(MessageType.STATUS))

    def poison(self, arena: bool, pattern: int = 0xA5, *, stack: bool = False) -> None:
        """Have arena, stack or both filled with ``pattern`` before each inference, or neither.

        A board that restarts on its own is told again.
        """
        what = Poison.ARENA * arena | Poison.STACK * stack
        payload = bytes([what, pattern])
        if self._call(MessageType.POISON, payload) != payload:
            raise ProtocolError("The board's answer to poison is not what was asked for.")
        self._session.poison = payload if what else b""

    def reset(self, deadline: Deadline | None = None) -> Hello:
        """Restart the board and meet it again, without poison.

        Args:
            deadline: when to give up; ``HELLO_SECONDS`` from now if not given.
        """
        return self._session.restart(deadline or self.link.deadline(HELLO_SECONDS))

    def _call(self, type_: MessageType, payload: bytes = b"") -> bytes:
        return self._session.call(Request(type_, payload))

    def _inferences(self, samples: Iterable[bytes]) -> Iterator[Request]:
        size = self.description.input_bytes
        for index, sample in enumerate(samples):
            if len(sample) != size:
                self._check_sample(sample, index)
            yield Request(MessageType.INFER, sample, index)

    def _check_sample(self, sample: bytes, index: int) -> None:
        wanted = self.description.input_bytes
        if len(sample) != wanted:
            raise SamplesError(
                f"Sample {index} has {len(sample)} bytes, the board's model takes {wanted}.",
                hint="Check the samples' shape and type against the model's inputs.",
            )

    def _answer_of(self, request: Request) -> Answer:
        if request.error:
            return Answer(request.index, b"", 0, request.attempts, request.error.error())
        answer = InferAnswer.parse(request.answer or b"", self.description.output_bytes)
        return Answer(request.index, answer.output, answer.ticks, request.attempts, None)
