"""Requests in flight: window, parts, and what an answer proves lost. Pure: frames in and out.

The board answers in the order of arrival, and every transmission has a sequence number of its own.
So an answer proves that each request sent before it and still unanswered is lost, and that one is
sent again at once. No timer decides that anything is lost.
"""

from __future__ import annotations

from collections import deque

from tinyproof.errors import ProtocolError
from tinyproof.exchange import Events, Lane, Request
from tinyproof.frame import Frame, encode, largest_payload
from tinyproof.messages import ErrorAnswer, Hello, MoreAnswer
from tinyproof.protocol import PART, ErrorCode, MessageType, Status

_KIND = 0x3F
_PART_HEAD_BYTES = 4
_MORE = bytes([Status.MORE])


class Flight:
    """What was sent and has no answer yet, and what is to be sent.

    Attributes:
        seed: the session's CRC seed.
        lost_something: set when an answer proves a loss; whoever looks clears it.
        wants_probe: set when parts are halted until a question behind them is answered.
    """

    def __init__(self, events: Events) -> None:
        """Count into ``events``."""
        self.seed = 0
        self.lost_something = False
        self.wants_probe = False
        self._events = events
        self._window = 0
        self._frame_payload = 1 << 16
        self._part_bytes = 1
        self._sequence = 0
        self._requests: dict[int, Request] = {}  # by sequence number, in the order of transmission
        self._bytes = 0
        self._waiting: deque[Request] = deque()  # to be sent, or in the middle of it
        self._assembling = -1  # sequence number of the parts that the board puts together

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for an answer."""
        return not self._requests

    def adopt(self, hello: Hello, seed: int) -> None:
        """Send what follows in a new session; nothing sent before it will be answered."""
        self.seed = seed
        self._window = hello.window
        self._frame_payload = largest_payload(hello.largest_frame)
        self._part_bytes = self._frame_payload - _PART_HEAD_BYTES
        self._assembling = -1

    # -- sending

    def fill(self, lane: Lane) -> bytes:
        """Return the frames, end to end, that the window has room for now."""
        frames = []
        waiting = self._waiting
        while waiting or self._take_from(lane):
            request = waiting[0]
            if request.halted or (self._bytes and self._bytes + request.size > self._window):
                break
            frames.append(self._next_frame(request))
        return b"".join(frames)

    def send_now(self, request: Request, seed: int) -> bytes:
        """Return the frame of a small request that neither window nor others hold back."""
        sequence = self._enlist(request)
        return encode(request.type, sequence, request.payload, seed)

    def hold(self) -> deque[Request]:
        """Take away what waits to be sent, until it is put back with :meth:`release`."""
        held, self._waiting = self._waiting, deque()
        return held

    def release(self, held: deque[Request]) -> None:
        """Put back what was held."""
        self._waiting.extend(held)

    def abandon(self, lane: Lane) -> None:
        """Forget a lane's requests; those in flight keep their place in the window."""
        for request in self._requests.values():
            if request.lane is lane:
                request.lane = None
        self._waiting = deque(request for request in self._waiting if request.lane is not lane)

    def _take_from(self, lane: Lane) -> bool:
        request = lane.take()
        if request is None:
            return False
        self._waiting.append(request)
        return True

    def _next_frame(self, request: Request) -> bytes:
        """Return the next frame of the request at the head of the queue."""
        if len(request.payload) > self._frame_payload:
            return self._next_part(request)
        self._waiting.popleft()
        request.parts = 1
        sequence = self._enlist(request)
        return encode(request.type, sequence, request.payload, self.seed)

    def _next_part(self, request: Request) -> bytes:
        if request.sequence != self._assembling or not request.sent:
            self._begin_parts(request)
        self._requests.setdefault(request.sequence, request)
        index = request.sent
        request.sent += 1
        self._account(request, (request.sent - request.taken) * request.size)
        if request.sent == request.parts:
            self._waiting.popleft()
        payload = request.part(index, self._part_bytes)
        return encode(PART | request.type, request.sequence, payload, self.seed)

    def _begin_parts(self, request: Request) -> None:
        """Start over with part 0: the board puts only one request together at a time."""
        if self._requests.get(request.sequence) is request:
            del self._requests[request.sequence]
        request.split(self._part_bytes)
        request.sent = request.taken = 0
        self._assembling = self._enlist(request)

    def _enlist(self, request: Request) -> int:
        """Give the request a place in the flight and return its sequence number."""
        sequence = self._sequence
        while sequence in self._requests:
            sequence = (sequence + 1) & 0xFFFF
        self._sequence = (sequence + 1) & 0xFFFF
        request.sequence = sequence
        request.attempts += 1
        self._requests[sequence] = request
        self._account(request, request.size)
        return sequence

    def _account(self, request: Request, size: int) -> None:
        self._bytes += size - request.in_flight
        request.in_flight = size

    # -- receiving

    def take(self, frame: Frame) -> None:
        """Take an answer for the request it belongs to; ignore one that nobody waits for.

        Raises:
            ProtocolError: an answer that does not suit its request.
        """
        request = self._requests.get(frame.sequence)
        if request is None:
            self._events.late_answers += 1
            return
        payload: bytes | None = frame.payload
        if frame.type & PART:
            payload = self._collect(request, frame)
        if payload is not None:
            self._take_whole(request, frame.sequence, frame.type & _KIND, payload)

    def _take_whole(self, request: Request, sequence: int, kind: int, payload: bytes) -> None:
        if kind == request.type:
            if request.parts > 1 and payload[:1] == _MORE:
                self._take_confirmation(request, sequence, MoreAnswer.parse(payload).next)
                return
            request.answer = payload
        elif kind == MessageType.ERROR:
            error = ErrorAnswer.parse(payload)
            if error.request != request.type:
                raise ProtocolError(
                    f"The board refuses message {error.request} in answer to {request.type}."
                )
            if request.parts > 1 and error.code == ErrorCode.PART_ORDER:
                self._halt(request, sequence, error.detail)
                return
            request.error = error
        else:
            raise ProtocolError(f"The board answers message {request.type} with message {kind}.")
        self._lose_before(sequence)
        del self._requests[sequence]
        self._account(request, 0)
        if request.lane:
            request.lane.answered += 1

    def _collect(self, request: Request, frame: Frame) -> bytes | None:
        """Return the whole answer with its last part; if one is missing, the answer is lost."""
        is_last, whole = request.collect(frame.payload)
        if is_last and whole is None:
            self._lose_before(frame.sequence)
            self._lose(self._requests.pop(frame.sequence))
        return whole

    def _take_confirmation(self, request: Request, sequence: int, wanted: int) -> None:
        """Take the board's word that it has the parts before ``wanted``."""
        if wanted > request.sent:
            raise ProtocolError(
                f"The board wants part {wanted} of a request of which it got {request.sent}."
            )
        self._lose_before(sequence)
        request.taken = wanted
        self._account(request, (request.sent - wanted) * request.size)

    def _halt(self, request: Request, sequence: int, wanted: int) -> None:
        """Send no more parts until those under way have been refused, then go on at ``wanted``."""
        self._lose_before(sequence)
        request.taken = min(wanted, request.sent)
        self.wants_probe = not request.halted
        request.halted = True

    def _lose_before(self, sequence: int) -> None:
        """Send again, first and in order, what was sent before a request that is answered."""
        requests = self._requests
        lost = []
        while (first := next(iter(requests))) != sequence:
            lost.append(requests.pop(first))
        for request in reversed(lost):
            self._lose(request)

    def _lose(self, request: Request) -> None:
        is_waiting = request.parts > 1 and request.sent < request.parts
        request.sent = request.taken
        request.halted = False
        request.pieces.clear()
        self._account(request, 0)
        if request.lane is None:
            return
        self.lost_something = True
        self._events.retransmissions += 1
        if not is_waiting:
            self._waiting.appendleft(request)
