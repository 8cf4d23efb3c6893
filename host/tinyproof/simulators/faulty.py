"""A bad link: wraps any other and damages, loses, repeats and delays what passes, from a seed.

Everything that goes wrong is a function of the seed and of the number of bytes that have passed,
not of how they were cut into chunks, so a failure that was seen once is seen again::

    board = FakeBoard()
    link = FaultyLink(board, seed=7, from_board=Faults(flip=1e-4, garbage=1e-3), to_board=Faults(
        events=(Event(5000, lambda link: board.restart()), Event(9000, disconnect)),
    ))
    device = Device(link)

Rates are probabilities per byte, except ``flip``, which is per bit, as bit error rates are, and
``lose_frame`` and ``repeat_frame``, which are per frame.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tinyproof.deadline import Deadline
from tinyproof.errors import PortError
from tinyproof.frame import encode
from tinyproof.link import Link
from tinyproof.protocol import MessageType

_NEVER = 1 << 62
_LONGEST_GARBAGE = 16
_FOREVER_SECONDS = 1e9


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens once, when so many bytes have passed.

    Attributes:
        offset: bytes that pass in this direction before it happens.
        happen: what: :func:`disconnect`, the result of :func:`stall`, :func:`inject`,
            :func:`reset` or :func:`swap`, or any function of the link.
    """

    offset: int
    happen: Callable[[FaultyLink], bytes | None]


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong in one direction.

    Attributes:
        flip: a bit is inverted; per bit.
        drop: a byte is lost.
        repeat: a byte comes twice.
        swap: a byte changes places with the next.
        garbage: 1 to 16 random bytes come before a byte.
        split: a read ends here, and the next begins.
        lose_frame: a frame is lost, delimiter included; per frame.
        repeat_frame: a frame comes twice; per frame.
        latency: seconds that every byte takes on its way.
        events: what happens at a certain byte.
    """

    flip: float = 0.0
    drop: float = 0.0
    repeat: float = 0.0
    swap: float = 0.0
    garbage: float = 0.0
    split: float = 0.0
    lose_frame: float = 0.0
    repeat_frame: float = 0.0
    latency: float = 0.0
    events: tuple[Event, ...] = ()


def disconnect(link: FaultyLink) -> None:
    """Unplug the board: every use of the link from now on raises :class:`PortError`."""
    link.is_connected = False


def stall(seconds: float = _FOREVER_SECONDS) -> Callable[[FaultyLink], None]:
    """Return an event: for so long nothing passes either way; what is sent meanwhile comes late."""

    def happen(link: FaultyLink) -> None:
        link.stalled_until = link.clock() + seconds

    return happen


def inject(data: bytes) -> Callable[[FaultyLink], bytes]:
    """Return an event: ``data``, a boot message for example, comes in between."""

    def happen(link: FaultyLink) -> bytes:
        return data

    return happen


def swap(opener: Callable[[], Link]) -> Callable[[FaultyLink], None]:
    """Return an event: another board, which ``opener`` opens, takes the place of the one there."""

    def happen(link: FaultyLink) -> None:
        link.inner.close()
        link.inner = opener()

    return happen


def reset(nonce: Callable[[], int]) -> Callable[[FaultyLink], bytes]:
    """Return an event, for bytes to the board: a valid ``reset`` comes in between.

    Args:
        nonce: tells the session's nonce, as ``Device.nonce`` does; 0: nothing happens.
    """

    def happen(link: FaultyLink) -> bytes:
        seed = nonce()
        return b"\0" + encode(MessageType.RESET, 0xFFFF, b"", seed) if seed else b""

    return happen


class _Rare:
    """The positions, in ascending order, of something that happens with a small probability."""

    def __init__(self, rate: float, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self._scale = 0.0 if rate <= 0 else (1.0 / math.log1p(-rate) if rate < 1 else -1e-300)
        self.next = -1
        self.advance()

    def advance(self) -> None:
        """Move to the following position."""
        if not self._scale:
            self.next = _NEVER
            return
        gap = math.log(1.0 - self._random.random()) * self._scale
        self.next += 1 + int(gap)

    def garbage(self) -> bytes:
        """Return a few random bytes."""
        return self._random.randbytes(self._random.randint(1, _LONGEST_GARBAGE))


class _Direction:
    """One way of the link: turns the bytes sent into the chunks received."""

    def __init__(self, faults: Faults, seed: str) -> None:
        kinds = ("drop", "repeat", "swap", "garbage", "split", "lose_frame", "repeat_frame")
        self._rare = {kind: _Rare(getattr(faults, kind), f"{seed} {kind}") for kind in kinds}
        self._flips = _Rare(faults.flip, f"{seed} flip")
        self._events = deque(sorted(faults.events, key=lambda event: event.offset))
        self._passed = 0
        self._frames = 0
        self._frame = bytearray()
        self._held = b""  # the earlier one of two bytes that change places
        self.latency = faults.latency

    def carry(self, data: bytes, link: FaultyLink) -> list[bytes]:
        """Return what arrives of ``data``, in the pieces in which it arrives."""
        pieces = [bytearray()]
        start = 0
        while start < len(data):
            end = min(len(data), start + self._next_fault() - self._passed)
            pieces[-1] += self._lose_and_repeat(data[start:end])
            self._passed += end - start
            start = end
            if start < len(data):
                self._damage(data[start], pieces, link)
                self._passed += 1
                start += 1
        return [bytes(piece) for piece in pieces if piece]

    def _next_fault(self) -> int:
        """Return the position of the next byte that does not simply pass."""
        if self._held:
            return self._passed
        rates = (self._rare[kind].next for kind in ("drop", "repeat", "swap", "garbage", "split"))
        event = self._events[0].offset if self._events else _NEVER
        return max(self._passed, min(*rates, self._flips.next // 8, event))

    def _damage(self, byte: int, pieces: list[bytearray], link: FaultyLink) -> None:
        """Let one byte pass to which at least one thing happens."""
        position = self._passed
        while self._events and self._events[0].offset <= position:
            pieces[-1] += self._events.popleft().happen(link) or b""
        if self._happens("split", position):
            pieces.append(bytearray())
        if self._happens("garbage", position):
            pieces[-1] += self._rare["garbage"].garbage()
        while self._flips.next // 8 == position:
            byte ^= 1 << self._flips.next % 8
            self._flips.advance()
        arriving = bytes([byte]) * (1 + self._happens("repeat", position))
        if self._happens("drop", position):
            arriving = b""
        held, self._held = self._held, b""
        if self._happens("swap", position) and not held:
            self._held, arriving = arriving, b""
        pieces[-1] += self._lose_and_repeat(arriving + held)

    def _happens(self, kind: str, position: int) -> bool:
        rare = self._rare[kind]
        if rare.next != position:
            return False
        rare.advance()
        return True

    def _lose_and_repeat(self, data: bytes) -> bytes:
        """Return ``data`` without the frames that are lost and with some twice."""
        lose, repeat = self._rare["lose_frame"], self._rare["repeat_frame"]
        if lose.next == repeat.next == _NEVER:
            return data
        arriving = bytearray()
        for byte in data:
            lost = lose.next == self._frames
            self._frame.append(byte)
            if not lost:
                arriving.append(byte)
            if byte == 0:
                arriving += self._end_frame(lost)
        return bytes(arriving)

    def _end_frame(self, lost: bool) -> bytes:
        """Count a frame; return it once more if it comes twice."""
        twice = self._happens("repeat_frame", self._frames)
        if lost:
            self._rare["lose_frame"].advance()
        self._frames += 1
        frame = bytes(self._frame) if twice and not lost else b""
        self._frame.clear()
        return frame


class FaultyLink(Link):
    """A link on which things go wrong.

    Attributes:
        inner: the link beneath.
        is_connected: whether the board is still plugged in.
        stalled_until: time on the link's clock before which nothing passes.
    """

    def __init__(
        self,
        inner: Link,
        *,
        seed: int = 0,
        to_board: Faults | None = None,
        from_board: Faults | None = None,
    ) -> None:
        """Wrap ``inner``; what happens to each direction is a function of ``seed``."""
        super().__init__(inner.name)
        self.inner = inner
        self.is_connected = True
        self.stalled_until = 0.0
        self._to_board = _Direction(to_board or Faults(), f"{seed} to")
        self._from_board = _Direction(from_board or Faults(), f"{seed} from")
        self._outgoing: deque[tuple[float, bytes]] = deque()
        self._incoming: deque[tuple[float, bytes]] = deque()

    def clock(self) -> float:
        """Return the time of the link beneath."""
        return self.inner.clock()

    def _read(self, deadline: Deadline) -> bytes:
        while True:
            self._forward(deadline)
            if self._is_due(self._incoming):
                return self._incoming.popleft()[1]
            if deadline.expired:
                return b""
            self._fetch(deadline.at_most(self._seconds_to_next()))

    def _write(self, data: bytes, deadline: Deadline) -> None:
        self._check()
        due = self.clock() + self._to_board.latency
        self._outgoing += [(due, piece) for piece in self._to_board.carry(data, self)]
        self._forward(deadline)

    def _close(self) -> None:
        self.inner.close()

    def _check(self) -> None:
        if not self.is_connected:
            raise PortError(f"{self.name} vanished: the link was cut on purpose.", port=self.name)

    def _forward(self, deadline: Deadline) -> None:
        """Send on what has been on its way for long enough."""
        self._check()
        while self._is_due(self._outgoing):
            self.inner.write(self._outgoing.popleft()[1], deadline)

    def _fetch(self, deadline: Deadline) -> None:
        """Receive what the board sends until the deadline; it arrives later, damaged."""
        data = self.inner.read(deadline)
        due = self.clock() + self._from_board.latency
        self._incoming += [(due, piece) for piece in self._from_board.carry(data, self)]

    def _is_due(self, queue: deque[tuple[float, bytes]]) -> bool:
        now = self.clock()
        return bool(queue) and queue[0][0] <= now and self.stalled_until <= now

    def _seconds_to_next(self) -> float:
        """Return the seconds until something under way arrives."""
        times = [queue[0][0] for queue in (self._outgoing, self._incoming) if queue]
        return max(min(times, default=math.inf), self.stalled_until) - self.clock()
