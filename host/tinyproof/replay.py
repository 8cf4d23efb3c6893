"""Judges a run again from its wire log alone: who answered, what to which sample, and how it ended.

The same decoder reads the same bytes in the same order; what the host asked is in the log as well
as what the board answered. Nothing in a log can make a run pass that the bytes do not prove: the
board's identity, every answer and the reference's outputs are found anew.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tinyproof import reference, surroundings
from tinyproof.budgets import Budgets, judge_budgets, measured
from tinyproof.codegen import Generated
from tinyproof.codegen.tflm import ENGINE as TFLM
from tinyproof.codegen.tflm import generate_tflm
from tinyproof.errors import BootError, ClockError, ProtocolError, TinyProofError, UsageError
from tinyproof.exchange import Request
from tinyproof.firmware import generate_model
from tinyproof.frame import Decoder, Frame
from tinyproof.harness import fingerprints
from tinyproof.hello import Descriptor, Hello
from tinyproof.identity import Identity, check_same
from tinyproof.messages import InferAnswer
from tinyproof.progress import Progress
from tinyproof.protocol import PART, MessageType, Status
from tinyproof.records import Records
from tinyproof.reference import ReferenceRun
from tinyproof.report import (
    BuildInfo,
    Event,
    ModelInfo,
    RunResult,
)
from tinyproof.stats import latency
from tinyproof.verdict import Judgement, Task, find_unstable, judge
from tinyproof.wanted import check_labels
from tinyproof.wirelog import Chunk, End, Header, read_log

_KIND = 0x3F
_PART_HEAD = 4
_LARGEST_REQUEST = 1 << 26


@dataclass
class Listener:
    """Follows a conversation from outside and notes which output answered which sample.

    Attributes:
        output_bytes: of one answer.
        expected: who must answer every hello.
        hello: the board's latest answer to ``hello``.
        answers: for each sample, by its bytes, the outputs and ticks it was answered with.
        sessions: how many hellos were answered.
    """

    output_bytes: int
    expected: Identity
    hello: Hello | None = None
    answers: dict[bytes, list[tuple[bytes, int]]] = field(default_factory=lambda: defaultdict(list))
    sessions: int = 0
    _nonce: int = 0
    _host: Decoder = field(default_factory=lambda: Decoder(0))
    _board: Decoder = field(default_factory=Decoder)
    _asked: dict[int, Request] = field(default_factory=dict)

    def take(self, chunk: Chunk) -> None:
        """Take bytes that passed.

        Raises:
            IdentityError: somebody else answered.
            ProtocolError: an answer is not what the protocol allows.
        """
        decoder, act = (self._board, self._answer) if chunk.is_read else (self._host, self._request)
        for frame in decoder.feed(chunk.data):
            act(frame)

    def _request(self, frame: Frame) -> None:
        kind = frame.type & _KIND
        if kind == MessageType.HELLO and len(frame.payload) == 4:
            self._nonce = int.from_bytes(frame.payload, "little")
            self._board.seeds = (self._nonce, *self._board.seeds[:1], 0)
            self._host.seeds = (self._nonce, *self._host.seeds[:1], 0)
        elif kind in set(MessageType):
            self._ask(frame, MessageType(kind))

    def _ask(self, frame: Frame, kind: MessageType) -> None:
        """Note a request, or one more part of it."""
        known = self._asked.get(frame.sequence)
        payload = frame.payload
        if frame.type & PART:
            index, payload = int.from_bytes(payload[:2], "little"), payload[_PART_HEAD:]
            if index and known is not None and known.type is kind:
                if index == known.parts and len(known.payload) < _LARGEST_REQUEST:
                    known.parts += 1
                    known.payload += payload
                return
        self._asked.pop(frame.sequence, None)
        self._asked[frame.sequence] = Request(kind, payload)

    def _answer(self, frame: Frame) -> None:
        kind = frame.type & _KIND
        if kind == MessageType.HELLO:
            self._greet(frame.payload)
            return
        request = self._asked.get(frame.sequence)
        if request is None or kind not in (request.type, MessageType.ERROR):
            return
        payload: bytes | None = frame.payload
        if frame.type & PART:
            is_last, payload = request.collect(frame.payload)
            if not is_last:
                return
        self._forget_before(frame.sequence)
        if payload is None or self._is_confirmation(request, payload):
            return
        del self._asked[frame.sequence]
        if kind == MessageType.INFER:
            answer = InferAnswer.parse(payload, self.output_bytes)
            self.answers[request.payload].append((answer.output, answer.ticks))

    def _is_confirmation(self, request: Request, payload: bytes) -> bool:
        return request.type is MessageType.INFER and payload[:1] == bytes([Status.MORE])

    def _greet(self, payload: bytes) -> None:
        hello = Hello.parse(payload)
        self.expected.check(hello)
        if self.hello:
            check_same(self.hello, hello)
        self.hello = hello
        self._board.seeds = (self._nonce,)
        self.sessions += 1

    def _forget_before(self, sequence: int) -> None:
        """A board answers in order: what was asked earlier is lost."""
        while (first := next(iter(self._asked))) != sequence:
            del self._asked[first]


@dataclass
class _Found:
    """What a log amounts to, as far as it was read."""

    listener: Listener
    error: TinyProofError | None = None
    seconds: float = 0.0


def replay(path: Path, progress: Progress) -> RunResult:
    """Return what the run of a wire log came to.

    Raises:
        UsageError: not a log, damaged, or of a model that is not usable.
        StorageError, ReferenceFailedError: it cannot be read or judged.
    """
    header, entries = read_log(path)
    generated = _generate(header, progress)
    samples = _samples(header, generated)
    try:
        found = _listen(header, generated, entries)
        outputs, ticks = _attribute(samples, found.listener.answers)
        judgement = None
        if found.listener.hello is not None and any(outputs):
            with progress.step("compare", "with LiteRT"):
                changed = _changed(samples, found.listener.answers)
                judgement = _judge(header, generated, samples, outputs, changed)
        return _result(header, found, judgement, ticks, len(samples), generated)
    finally:
        samples.close()


def _generate(header: Header, progress: Progress) -> Generated:
    """Return what is known of the model; the arena, which nobody will use, has any size."""
    if header.engine == TFLM:
        return generate_tflm(header.model, arena_bytes=0)
    return generate_model(header.model, progress)


def _classes(generated: Generated) -> int:
    return int(np.prod(generated.outputs[0].shape))


def _samples(header: Header, generated: Generated) -> Records:
    size = sum(tensor.bytes for tensor in generated.inputs)
    count = len(header.samples) // size
    if not count or len(header.samples) % size:
        raise UsageError("The wire log's samples do not suit its model.")
    if header.labels is not None:
        if len(header.labels) != count:
            raise UsageError(f"The wire log has {len(header.labels)} labels for {count} samples.")
        if header.task is not Task.TENSOR:
            labels = np.array(header.labels, np.int64)
            check_labels(labels, _classes(generated), header.samples_source)
    samples = Records(size)
    samples.append(header.samples)
    return samples


def _listen(header: Header, generated: Generated, entries: Iterable[Chunk | End]) -> _Found:
    expected = Identity(
        model_sha256=hashlib.sha256(header.model).digest(),
        build_id=header.build_id,
        weights_crc32=generated.weights_crc32,
        target=header.target,
        engine=header.engine,
        descriptor=Descriptor.parse(generated.descriptor),
    )
    listener = Listener(sum(t.bytes for t in generated.outputs), expected)
    found = _Found(listener)
    ended = False
    for entry in entries:
        if ended:
            raise UsageError("The wire log goes on behind its end.")
        if isinstance(entry, End):
            ended, found.error = True, found.error or entry.error
            continue
        found.seconds = entry.seconds
        try:
            if found.error is None:
                listener.take(entry)
        except TinyProofError as error:
            # The rest of the log is still read: damage there must show.
            found.error = error
    if not ended:
        found.error = ProtocolError(
            "The wire log has no end: the run was cut off.", hint="Run again with --wire-log."
        )
    elif listener.hello is None and found.error is None:
        found.error = BootError("In this wire log no board ever answered hello.")
    return found


def _attribute(
    samples: Iterable[bytes], answers: dict[bytes, list[tuple[bytes, int]]]
) -> tuple[list[bytes | None], list[int]]:
    """Give each sample the first of its answers that no equal sample before it was given.

    Raises:
        UsageError: there are answers to samples that were left out, which may be the wrong ones.
    """
    given: dict[bytes, int] = defaultdict(int)
    outputs: list[bytes | None] = []
    ticks = []
    unknown = set(answers).difference(samples)
    if unknown:
        raise UsageError(
            f"The wire log's header lacks samples that were answered: {len(unknown):,}.",
            hint="Give the file as tinyproof run --wire-log wrote it.",
        )
    for sample in samples:
        found = answers.get(sample, [])
        at = given[sample]
        given[sample] += 1
        outputs.append(found[at][0] if at < len(found) else None)
        ticks += [found[at][1]] if at < len(found) else []
    return outputs, ticks


def _changed(samples: Iterable[bytes], answers: dict[bytes, list[tuple[bytes, int]]]) -> set[int]:
    """Return the samples that were ever answered in two ways, by repetitions too."""
    mixed = {key for key, found in answers.items() if len({output for output, _ in found}) > 1}
    return {index for index, sample in enumerate(samples) if sample in mixed}


def _judge(
    header: Header,
    generated: Generated,
    samples: Records,
    outputs: list[bytes | None],
    changed: set[int],
) -> Judgement:
    with ReferenceRun(header.model, samples, engine=header.engine) as run:
        expected = run.collect()
    try:
        return judge(
            generated.outputs,
            expected.records,
            outputs,
            task=header.task,
            tolerance_lsb=header.tolerance_lsb,
            unstable=find_unstable(fingerprints(samples), outputs) | changed,
        )
    finally:
        expected.close()


def _result(
    header: Header,
    found: _Found,
    judgement: Judgement | None,
    ticks: list[int],
    count: int,
    generated: Generated,
) -> RunResult:
    hello = found.listener.hello
    result = RunResult(
        started=datetime.now(UTC),
        duration_s=found.seconds,
        target=header.target,
        provenance=header.provenance,
        engine=header.engine,
        engine_version=hello.model.engine_version if hello else "",
        model=ModelInfo(
            header.model_name, hashlib.sha256(header.model).hexdigest(), len(header.model)
        ),
        reference=reference.describe(header.engine),
        samples=count,
        port=header.port,
        samples_source=header.samples_source,
        samples_sha256=hashlib.sha256(header.samples).hexdigest(),
        judgement=judgement,
        labels=None if header.labels is None else np.array(header.labels, np.int64),
        classes=_classes(generated),
        # A clock that was found to be off measures nothing.
        ticks=np.frombuffer(array("Q", [] if isinstance(found.error, ClockError) else ticks), "Q"),
        tick_hz=hello.tick_rate if hello else 0.0,
        build=BuildInfo(header.build_id.hex()),
        events=(Event("replayed", 1, "judged again from a wire log"),),
        versions=surroundings.versions(),
        error=found.error,
    )
    demanded = Budgets(**header.budgets).over(Budgets(latency_p99_us=header.max_latency_us))
    figures = latency(result.ticks, result.tick_hz)
    known = measured(judgement, result.labels, generated.outputs, figures)
    return replace(result, budgets=judge_budgets(demanded, known))
