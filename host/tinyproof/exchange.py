"""One exchange with a board, and lanes of them that come out in the order they went in. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tinyproof.frame import encoded_size
from tinyproof.messages import ErrorAnswer
from tinyproof.payload import Reader
from tinyproof.protocol import MessageType

_LARGEST_ANSWER = 1 << 26
_AHEAD = 4096


@dataclass(slots=True)
class Events:
    """What a conversation met with on its way, for the report.

    Attributes:
        hellos: sessions opened, the first included.
        restarts: times the board said that it had restarted, after the first hello.
        retransmissions: requests sent again because request or answer was lost.
        probes: questions asked because the board was silent.
        late_answers: answers to requests that were not waiting for one any more.
        dropped_frames: pieces from the board that held bytes, but no intact frame.
        texts: what the board wrote outside frames before each hello, printable; the last 16.
        causes: of the restarts, in words; the last 16.
    """

    hellos: int = 0
    restarts: int = 0
    retransmissions: int = 0
    probes: int = 0
    late_answers: int = 0
    dropped_frames: int = 0
    texts: deque[str] = field(default_factory=lambda: deque(maxlen=16))
    causes: deque[str] = field(default_factory=lambda: deque(maxlen=16))


class Request:
    """One request, from its making to its answer.

    Attributes:
        type: the message type.
        payload: all of it, however many frames it takes.
        index: the sample's, -1 if it is none.
        attempts: times it was sent.
        answer: the answer's payload, None while there is none.
        error: what the board refused it with, None if it did not.
        lane: where it goes when it is answered; None when nobody waits for it.
        sequence: of the latest transmission.
        size: bytes one of its frames takes at most.
        in_flight: bytes of it that the board may not have read yet.
        parts: parts it travels in; 1 = in one frame, without part numbers.
        sent: parts sent, of the current transmission.
        taken: parts that the board has confirmed.
        halted: whether parts must wait until everything under way has been answered or lost.
    """

    __slots__ = (
        "answer",
        "attempts",
        "error",
        "halted",
        "in_flight",
        "index",
        "lane",
        "parts",
        "payload",
        "pieces",
        "sent",
        "sequence",
        "size",
        "taken",
        "type",
    )

    def __init__(self, type_: MessageType, payload: bytes = b"", index: int = -1) -> None:
        """Make a request that fits one frame."""
        self.type = type_
        self.payload = payload
        self.index = index
        self.attempts = 0
        self.answer: bytes | None = None
        self.error: ErrorAnswer | None = None
        self.lane: Lane | None = None
        self.sequence = -1
        self.size = encoded_size(len(payload))
        self.in_flight = 0
        self.parts = 1
        self.sent = 0
        self.taken = 0
        self.halted = False
        self.pieces: list[bytes] = []

    @property
    def is_answered(self) -> bool:
        """Whether the board has answered, be it with an error."""
        return self.answer is not None or self.error is not None

    def split(self, part_bytes: int) -> None:
        """Let the request travel in parts of at most ``part_bytes`` bytes of the payload each."""
        self.parts = -(-len(self.payload) // part_bytes)
        self.size = encoded_size(part_bytes + 4)

    def part(self, index: int, part_bytes: int) -> bytes:
        """Return part ``index`` behind its number and the number of parts."""
        head = index.to_bytes(2, "little") + self.parts.to_bytes(2, "little")
        return head + self.payload[index * part_bytes : (index + 1) * part_bytes]

    def collect(self, payload: bytes) -> tuple[bool, bytes | None]:
        """Take a part of the answer; return whether it is the last, and the answer if complete."""
        reader = Reader("part of an answer", payload)
        index, count = reader.unpack("HH")
        reader.require(index < count, "part number", f"{index} of {count}")
        piece = reader.rest()
        reader.require(len(piece) * count <= _LARGEST_ANSWER, "number of parts", count)
        if index == 0:
            self.pieces.clear()
        if index == len(self.pieces):
            self.pieces.append(piece)
        return index == count - 1, b"".join(self.pieces) if len(self.pieces) == count else None


class Lane:
    """Requests of one stream: taken from a source as needed, given back in the same order.

    Attributes:
        answered: how many have an answer or an error.
    """

    def __init__(self, requests: Iterable[Request]) -> None:
        """Take from ``requests``, lazily."""
        self._source = iter(requests)
        self._taken: deque[Request] = deque()
        self._exhausted = False
        self.answered = 0

    @property
    def is_done(self) -> bool:
        """Whether everything was taken, answered and given back."""
        return self._exhausted and not self._taken

    @property
    def first_index(self) -> int:
        """Index of the first request taken and not answered, -1 if there is none."""
        return next((r.index for r in self._taken if not r.is_answered), -1)

    def take(self) -> Request | None:
        """Return the next request; None at the end, or when too many wait for an older one."""
        if self._exhausted or len(self._taken) >= _AHEAD:
            return None
        request = next(self._source, None)
        if request is None:
            self._exhausted = True
            return None
        request.lane = self
        self._taken.append(request)
        return request

    def give(self) -> Iterator[Request]:
        """Yield the requests whose turn it is, each answered."""
        taken = self._taken
        while taken and taken[0].is_answered:
            yield taken.popleft()

    def give_rest(self) -> Iterator[Request]:
        """Yield every answered request that still waits for an older one, and leave the others."""
        rest, self._taken = self._taken, deque()
        for request in rest:
            request.lane = None
            if request.is_answered:
                yield request
