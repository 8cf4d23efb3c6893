"""The conversation beneath the verbs: a session that outlives losses, silence and restarts.

:mod:`tinyproof.flight` sends again what an answer proves lost. When nothing comes for a while, a
small question (``ticks``) is sent behind the others: if it is answered first, they are lost; if the
board is only slow, nothing is computed twice. When that is not answered either, or the board says
that it restarted, it is met again with a new ``hello``, its identity is checked again, and what has
no answer is sent again.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from tinyproof.deadline import Deadline
from tinyproof.diagnosis import STARTS, diagnose, excerpt, is_legible
from tinyproof.errors import (
    BootError,
    DeviceSilentError,
    EchoError,
    PortError,
    ProtocolVersionError,
    TinyProofError,
)
from tinyproof.exchange import Events, Lane, Request
from tinyproof.flight import Flight
from tinyproof.frame import Decoder, Frame
from tinyproof.identity import check_same
from tinyproof.link import Link
from tinyproof.messages import Hello, StartedEvent, board_text
from tinyproof.protocol import ANSWER, PART, PROTOCOL_VERSION, MessageType, StartCause

_KIND = 0x3F
_FIRST_PATIENCE = 0.25  # s without a frame before the first probe, until the board's pace is known
_LEAST_PATIENCE = 0.02
_PATIENCE_PER_GAP = 4.0  # times the longest recent pause between frames
_PATIENCE_PER_ANSWER_SECONDS = 1 / 16  # at most, so that probes and hello fit the deadline
_GAP_DECAY = 0.95  # per chunk received
_TURN = 1 << 32  # ticks after which the board's counter begins anew
_PROBES = 2  # unanswered ones after which the board is met again
_FIRST_PAUSE = 0.1  # s between two hellos; doubles
_LONGEST_PAUSE = 0.5
_RESTARTS_IN_A_ROW = 5
_TEXT_SHOWN = 1000  # characters
_TEXT_SEARCHED = 1 << 14  # bytes: a panic and what the board prints when it starts after it
_TEXT_IN_SENTENCE = 200
_RESTART_HINT = "See what it prints while it restarts: a panic or a watchdog ends it."
_SILENT_HINT = (
    "Check cable and port, and that the board runs TinyProof's firmware: tinyproof flash."
)
_BOOT_HINT = "Check the port and the baud rate, or flash the board: tinyproof flash."
_ECHO_HINT = "Check the port; if a board is there whose sketch echoes: tinyproof flash."
_ZEROS_OF_NOISE = 8  # a port that opens and a board that resets may leave a few
_SLOW_HINT = "Check the board's power and cable; if one inference takes longer, allow more time."


class Session:
    """A conversation over one link.

    Attributes:
        link: the byte stream.
        hello: the board's latest answer to ``hello``; None before the first.
        poison: payload of the ``poison`` request in force, empty if none; restored after a restart.
    """

    def __init__(self, link: Link, answer_seconds: float, nonces: random.Random) -> None:
        """Converse over ``link``, giving up after ``answer_seconds`` without progress."""
        self.link = link
        self.hello: Hello | None = None
        self.poison = b""
        self._events = Events()
        self._answer_seconds = answer_seconds
        self._nonces = nonces
        self._decoder = Decoder()
        self._flight = Flight(self._events)
        self._starts = 0
        self._starts_met = 0
        self._quiet_seconds = 0.0
        self._restarts_in_a_row = 0
        self._last_start = ""
        self._last_cause = StartCause.UNKNOWN
        self._is_restarting = False  # on our request
        self._echoes = False
        self._heard: Hello | None = None  # the latest answer to hello, waited for or not
        self._heard_at = 0.0
        self._gap = _FIRST_PATIENCE / _PATIENCE_PER_GAP
        self._unanswered_probes = 0

    @property
    def events(self) -> Events:
        """What happened on the way, so far."""
        self._events.dropped_frames = self._decoder.dropped
        return self._events

    @property
    def nonce(self) -> int:
        """The seed of every frame's CRC; 0 before the first session."""
        return self._flight.seed

    # -- meeting the board

    def meet(self, deadline: Deadline, quiet_seconds: float = 0.0) -> Hello:
        """Open a new session, the first or another one with the same board.

        Args:
            deadline: when to give up.
            quiet_seconds: how long to send nothing, unless the board says that it started.

        Raises:
            BootError: something else lives on the port.
            DeviceSilentError: nothing does.
            ProtocolVersionError: the firmware speaks another version.
            IdentityError: it is not the board that was met before.
            ClockError: its clock is not what it was before.
        """
        nonce = self._nonces.randrange(1, 1 << 32)
        # The old session's answers stay welcome until the new one begins: a slow board owes some.
        # A refused hello is answered with seed 0.
        self._decoder.seeds = (nonce, *self._decoder.seeds[:1], 0)
        # A board that needs silence once needs it after every restart.
        self._quiet_seconds = max(self._quiet_seconds, quiet_seconds)
        self._listen(deadline.at_most(quiet_seconds))
        answer = self._repeat_hello(nonce.to_bytes(4, "little"), deadline)
        hello = Hello.parse(answer)
        if self.hello:
            check_same(self.hello, hello)
        self.hello = hello
        # An inference that takes longer than the board's counter does to turn cannot be timed.
        self._answer_seconds = min(self._answer_seconds, _TURN / hello.tick_rate)
        self._decoder.seeds = (nonce,)
        self._flight.adopt(hello, nonce)
        self._events.hellos += 1
        self._note_text()
        self._unanswered_probes = 0
        self._heard_at = self.link.clock()
        return hello

    def restart(self, deadline: Deadline) -> Hello:
        """Have the board restart and meet it again; see :meth:`meet`."""
        self.poison = b""
        self._is_restarting = True
        try:
            self.call(Request(MessageType.RESET))
            return self.meet(deadline, self._quiet_seconds)
        finally:
            self._is_restarting = False

    def _listen(self, until: Deadline) -> None:
        """Wait for the board's start in silence: a bootloader would take a frame for an upload."""
        starts = self._starts
        while self._starts == starts and not until.expired:
            self._receive(until)

    def _repeat_hello(self, nonce: bytes, deadline: Deadline) -> bytes:
        """Send ``hello`` until it is answered: the board may be booting, and bytes may get lost."""
        pause = _FIRST_PAUSE
        sent: list[Request] = []
        while not deadline.expired:
            sent.append(Request(MessageType.HELLO, nonce))
            # The zero byte ends whatever the board has received so far.
            self.link.write(b"\0" + self._flight.send_now(sent[-1], 0), deadline)
            wait = deadline.at_most(pause)
            starts = self._starts
            while self._starts == starts and not wait.expired:
                self._receive(wait)
                for request in sent:
                    if request.answer is not None:
                        return request.answer
            pause = min(2 * pause, _LONGEST_PAUSE)
        refusals = (request.error.error() for request in sent if request.error)
        raise next(refusals, self._unmet(deadline))

    def _unmet(self, deadline: Deadline) -> TinyProofError:
        where, waited = self.link.name, f"within {deadline.seconds:g} s"
        if self._echoes:
            return EchoError(f"{where} sends back what it receives: no board.", hint=_ECHO_HINT)
        raw, zeros = self._note_text(), self._decoder.zeros
        wrote = "".join(self._events.texts)
        noise = 0 if is_legible(raw, zeros) else len(raw) + zeros
        if self.hello or not (wrote or zeros >= _ZEROS_OF_NOISE):
            return DeviceSilentError(f"No answer from {where} {waited}.", hint=_SILENT_HINT)
        return self._stranger(f"No answer from TinyProof's firmware on {where} {waited}", noise)

    def _stranger(self, sentence: str, noise: int) -> BootError:
        """Return the error for other firmware, which sent text or ``noise`` bytes that are none."""
        wrote = "".join(self._events.texts)
        meaning = diagnose(wrote)
        shown = excerpt(wrote, _TEXT_SHOWN)
        if noise and not meaning:
            said = f"it sends bytes that are no text, perhaps at another speed ({noise:,} bytes)."
            return BootError(f"{sentence}; {said}", text=shown, hint=_BOOT_HINT)
        said = f"it wrote: {excerpt(wrote, _TEXT_IN_SENTENCE)}"
        advice = meaning.advice if meaning else ""
        if meaning:
            said = f"{meaning.what}; {said}"
        if advice and "tinyproof flash" not in advice:
            advice += " Or put TinyProof's firmware on it: tinyproof flash."
        return BootError(f"{sentence}; {said}", text=shown, hint=advice or _BOOT_HINT)

    def _meet_again(self, deadline: Deadline) -> None:
        """Open a new session in the middle of the work, with everything as it was."""
        has_started = self._starts != self._starts_met
        if has_started:
            self._events.restarts += self._starts - self._starts_met
            self._restarts_in_a_row += 1
        if self._restarts_in_a_row >= _RESTARTS_IN_A_ROW:
            raise self._restless()
        self.meet(deadline, 0.0 if has_started else self._quiet_seconds)
        if self.poison:
            # Nothing may be computed before the poison is in force again.
            held = self._flight.hold()
            self.call(Request(MessageType.POISON, self.poison))
            self._flight.release(held)

    def _restless(self) -> BootError:
        """Return the error for a board that does nothing but restart."""
        self._note_text()
        wrote = "".join(self._events.texts)
        meaning = diagnose(wrote) or STARTS[self._last_cause]
        return BootError(
            f"The board on {self.link.name} restarts again and again ({self._last_start}): "
            f"{meaning.what}.",
            text=excerpt(wrote, _TEXT_SHOWN) or self._last_start,
            hint=meaning.advice or _RESTART_HINT,
        )

    def _note_text(self) -> bytes:
        """Keep the part that matters of what came outside frames; return all of it."""
        raw = self._decoder.take_all_text()
        if raw:
            text = board_text(raw[-_TEXT_SEARCHED:])
            self._events.texts.append(excerpt(text, _TEXT_SHOWN))
        return raw

    # -- requests

    def call(self, request: Request) -> bytes:
        """Return the payload that answers one request.

        Raises:
            DeviceError: the board refused it.
            DeviceSilentError, PortError, BootError, RefusedError, ProtocolError: as :meth:`stream`.
        """
        (done,) = self.stream([request])
        if done.error:
            raise done.error.error()
        return done.answer or b""

    def stream(self, requests: Iterable[Request]) -> Iterator[Request]:
        """Yield each request, in order, once it has an answer or an error.

        When the conversation fails, all that was answered is yielded before the error is raised.

        Raises:
            DeviceSilentError: no progress within ``answer_seconds``.
            PortError: the link ended. Both carry the first request's index that has no answer.
            BootError: the board restarts again and again.
            RefusedError: the board restarted as somebody else.
            ProtocolError: the board breaks the conversation.
        """
        lane = Lane(requests)
        try:
            yield from self._run(lane)
        except TinyProofError as error:
            sample = lane.first_index
            yield from lane.give_rest()
            raise _at_sample(error, sample) from error
        finally:
            self._flight.abandon(lane)

    def _run(self, lane: Lane) -> Iterator[Request]:
        progress = self.link.deadline(self._answer_seconds)
        while True:
            self._send(lane, progress)
            if lane.is_done:
                return
            answered = lane.answered
            self._pump(progress)
            if lane.answered != answered:
                self._restarts_in_a_row = 0
                yield from lane.give()
                progress = self.link.deadline(self._answer_seconds)
                self._heard_at = self.link.clock()
            elif progress.expired:
                raise DeviceSilentError(
                    f"No answer from {self.link.name} within {progress.seconds:g} s.",
                    hint=_SLOW_HINT,
                )

    def _send(self, lane: Lane, deadline: Deadline) -> None:
        was_idle = self._flight.is_empty
        frames = self._flight.fill(lane)
        if frames:
            self.link.write(frames, deadline)
            if was_idle:
                self._heard_at = self.link.clock()

    # -- waiting

    def _pump(self, progress: Deadline) -> None:
        """Wait for answers and take them; ask when there are none."""
        silent_at = self._heard_at + self._patience() * ((2 << self._unanswered_probes) - 1)
        wait = progress.at_most(max(0.0, silent_at - self.link.clock()))
        if self._receive(wait):
            self._note_pace()
        elif self.link.clock() >= silent_at:
            self._break_silence(progress)
        if self._flight.wants_probe:
            self._probe(progress)
        if self._starts != self._starts_met and not self._is_restarting:
            self._meet_again(progress)

    def _receive(self, deadline: Deadline) -> bool:
        """Take the frames that come, the first within the deadline; return whether any came."""
        data = self.link.read(deadline)
        frames = self._decoder.feed(data) if data else []
        for frame in frames:
            kind = frame.type & _KIND
            if not frame.type & ANSWER:
                self._echoes = True
            elif kind == MessageType.STARTED:
                self._take_start(frame)
            elif kind == MessageType.HELLO:
                self._take_hello(frame)
            else:
                self._flight.take(frame)
        return bool(frames)

    def _take_start(self, frame: Frame) -> None:
        event = StartedEvent.parse(frame.payload)
        self._last_start = f"{event.cause.name.lower()} {event.text}".replace("_", " ").strip()
        self._last_cause = event.cause
        self._starts += 1
        if self.hello and not self._is_restarting:
            self._events.causes.append(STARTS[event.cause].what)

    def _take_hello(self, frame: Frame) -> None:
        theirs = frame.payload[0] if frame.payload else frame.version
        if {theirs, frame.version} != {PROTOCOL_VERSION}:
            raise ProtocolVersionError(
                f"The board's firmware speaks protocol version {max(theirs, frame.version)}, "
                f"expected {PROTOCOL_VERSION}.",
                hint="Flash the board again with this TinyProof: tinyproof flash.",
            )
        if not frame.type & PART:
            # Two boards on one line both answer: neither's outputs can be told from the other's.
            hello = Hello.parse(frame.payload)
            check_same(self._heard or hello, hello)
            self._heard = hello
        self._starts_met = self._starts
        self._flight.take(frame)

    def _patience(self) -> float:
        most = self._answer_seconds * _PATIENCE_PER_ANSWER_SECONDS
        return min(most, max(_LEAST_PATIENCE, _PATIENCE_PER_GAP * self._gap))

    def _note_pace(self) -> None:
        """Learn how long the board takes between answers, from pauses that no loss caused."""
        now = self.link.clock()
        if not self._flight.lost_something:
            self._gap = max(now - self._heard_at, _GAP_DECAY * self._gap)
        self._flight.lost_something = False
        self._heard_at = now
        self._unanswered_probes = 0

    def _break_silence(self, progress: Deadline) -> None:
        if self._unanswered_probes < _PROBES:
            self._unanswered_probes += 1
            self._probe(progress)
        else:
            self._meet_again(progress)

    def _probe(self, deadline: Deadline) -> None:
        self._flight.wants_probe = False
        self._events.probes += 1
        frame = self._flight.send_now(Request(MessageType.TICKS), self._flight.seed)
        self.link.write(frame, deadline)


def _at_sample(error: TinyProofError, sample: int) -> TinyProofError:
    """Return the error with the first sample that has no answer, where it can tell one."""
    sentence = f"{error.sentence.rstrip('.')}, at sample {sample}."
    if sample >= 0 and isinstance(error, PortError):
        return PortError(
            sentence, port=error.port, sample=sample, cause=error.cause, hint=error.hint
        )
    if sample >= 0 and isinstance(error, DeviceSilentError):
        return DeviceSilentError(sentence, sample=sample, hint=error.hint)
    return error
