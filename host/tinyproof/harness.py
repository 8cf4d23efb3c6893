"""Brings model, firmware and board together: the one place where a board's identity is demanded.

``run``, ``verify`` and the pytest plugin all get their boards here, so that none of them can assert
anything about firmware that is not the expected one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from tinyproof.access import hold_board, is_simulated, meet
from tinyproof.budgets import Budgets, Verified, judge_budgets, measured, target_budgets
from tinyproof.clock import demand_clock
from tinyproof.device import Answer, Device
from tinyproof.errors import ArenaError
from tinyproof.firmware import Firmware, built_memory, generate_model, make_firmware
from tinyproof.frame import encoded_size
from tinyproof.link import Observer, observed
from tinyproof.messages import Hello
from tinyproof.ports import is_attached
from tinyproof.progress import Progress
from tinyproof.project import Project
from tinyproof.protocol import ErrorCode
from tinyproof.reference import ReferenceRun
from tinyproof.report import Budget, Memory
from tinyproof.samples import PreparedSamples, SampleSet, prepare
from tinyproof.simulators.start import SimulatedBoard
from tinyproof.stats import latency
from tinyproof.subject import Subject
from tinyproof.targets import Target, find_target
from tinyproof.verdict import Judgement, Task, find_unstable, judge

ANSWER_HEAD = 5
"""Bytes before the outputs in an answer: status and ticks."""


@dataclass(frozen=True)
class Board:
    """A board in conversation that has proved to run the expected firmware.

    Attributes:
        device: the conversation.
        firmware: what it runs.
        port: its name for people.
        provenance: what its figures are worth: board, cycle-exact, emulator or host.
        simulator: the simulated board, which knows simulated time; None for all others.
        tolerance_lsb: k of ``verify`` where none is given; None: only exact answers pass.
        budgets: what ``verify`` holds a stream to.
        judgements: what ``verify`` found, latest last.
    """

    device: Device
    firmware: Firmware
    port: str
    provenance: str
    simulator: SimulatedBoard | None = None
    tolerance_lsb: int | None = None
    budgets: Budgets = field(default_factory=Budgets)
    judgements: list[Verified] = field(default_factory=list)
    _watched: set[int] = field(default_factory=set, init=False, repr=False)

    @property
    def hello(self) -> Hello:
        """What the board last said of itself."""
        return self.device.description

    @property
    def frame_bytes(self) -> tuple[int, int]:
        """Bytes of one request and of one answer on the line, each as one frame."""
        request, answer = self.hello.input_bytes, self.hello.output_bytes + ANSWER_HEAD
        return encoded_size(request), encoded_size(answer)

    def prepare(self, samples: SampleSet) -> PreparedSamples:
        """Bring samples into the bytes that the model takes; see ``samples.prepare``."""
        return prepare(samples, self.firmware.generated.inputs)

    def stream(self, samples: Iterable[bytes]) -> Iterator[Answer]:
        """Yield the board's answer to each sample, in order; see ``Device.stream``."""
        return self.device.stream(samples)

    def verify(
        self,
        samples: PreparedSamples,
        *,
        task: Task | None = None,
        tolerance_lsb: int | None = None,
    ) -> Verified:
        """Stream samples, compare every answer with the reference, and judge the budgets.

        Args:
            samples: from ``prepare``.
            task: whether classes matter; by default they do if there are labels.
            tolerance_lsb: k of the verdicts close and tie; by default the board's.

        Raises:
            DeviceSilentError, PortError: the board did not answer all of them.
            ClockError: a latency is demanded, all answers pass, and the board's clock is off; the
                verdicts are the last of ``judgements``.
        """
        engine = self.firmware.engine
        with ReferenceRun(self.firmware.model, samples.records, engine=engine) as reference:
            given = list(self.stream(samples))
            expected = reference.collect()
        answers = [answer.output or None for answer in given]
        try:
            judgement = judge(
                self.firmware.generated.outputs,
                expected.records,
                answers,
                task=task or default_task(samples),
                tolerance_lsb=self.tolerance_lsb if tolerance_lsb is None else tolerance_lsb,
                unstable=find_unstable(fingerprints(samples), answers),
            )
        finally:
            expected.close()
        # Kept whatever becomes of the budgets: no refusal may hide a wrong answer.
        self.judgements.append(Verified(**vars(judgement)))
        budgets = self._judge_budgets(judgement, samples, given)
        self.judgements[-1] = Verified(**vars(judgement), budgets=budgets)
        return self.judgements[-1]

    def _judge_budgets(
        self, judgement: Judgement, samples: PreparedSamples, answers: Sequence[Answer]
    ) -> tuple[Budget, ...]:
        if not self.budgets.given():
            return ()
        if judgement.passed and self.budgets.demands_latency and self.simulator is None:
            self._demand_clock()
        ticks = [answer.ticks for answer in answers if answer.error is None]
        figures = latency(ticks, self.hello.tick_rate)
        outputs = self.firmware.generated.outputs
        found = measured(judgement, samples.labels, outputs, figures, self.memory())
        return judge_budgets(self.budgets, found)

    def _demand_clock(self) -> None:
        """Watch the board's clock, once in each session."""
        session = self.device.events.hellos
        if session not in self._watched:
            demand_clock(self.device)
            self._watched.add(session)

    def memory(self) -> Memory:
        """Ask the board for its marks, and add what the build knows.

        Raises:
            DeviceSilentError, PortError: the board did not answer.
        """
        status = self.device.status()
        return replace(
            built_memory(self.firmware, self.hello),
            stack=status.stack_used or None,
            free_ram=status.free_ram or None,
        )

    def properties(self) -> Iterator[tuple[str, str]]:
        """Yield what a test report should say about this board, as names and values."""
        yield "target", self.firmware.target.name
        yield "port", self.port
        yield "provenance", self.provenance
        yield "engine", self.firmware.engine
        yield "model.sha256", self.firmware.generated.sha256
        yield "build", self.firmware.build.id_hex


def default_task(samples: PreparedSamples) -> Task:
    """Return ``classification`` where there are labels, else ``tensor``."""
    return Task.TENSOR if samples.labels is None else Task.CLASSIFICATION


def fingerprints(samples: Iterable[bytes]) -> Iterator[bytes]:
    """Yield something short that is equal for equal samples, whatever their size."""
    return (hashlib.blake2b(sample, digest_size=16).digest() for sample in samples)


@contextmanager
def attach(
    project: Project,
    firmware: Firmware,
    port: str | None,
    progress: Progress,
    *,
    flash: bool = True,
    despite_echo: bool = False,
    observer: Observer | None = None,
) -> Iterator[Board]:
    """Meet the board on ``port`` and demand that it runs ``firmware``.

    Args:
        project: where locks are kept.
        firmware: what must answer.
        port: a serial port or pyserial URL; ``sim`` or, for a target that is a program, None: its
            simulator.
        progress: told of the meeting.
        flash: whether a board that runs something else is flashed; otherwise it is refused.
        despite_echo: whether it is flashed also where the port echoes.
        observer: told of every chunk that passes, from the first on.

    Raises:
        UsageError: see ``access.is_simulated``.
        PortError, BootError, DeviceSilentError: nobody is met.
        RefusedError: somebody else is met.
        ArenaError: the board's arena is too small for the model.
        FlashError, ToolchainError: see ``flash.upload``.
    """
    target = firmware.target
    simulated = is_simulated(target, port)
    with ExitStack() as stack:
        access = stack.enter_context(hold_board(project, target, firmware.build, port))
        access = replace(access, open=observed(access.open, observer))
        meeting = meet(
            project,
            firmware.build,
            firmware.identity,
            access,
            progress,
            flash=flash,
            despite_echo=despite_echo,
        )
        device = stack.enter_context(meeting)
        _check_arena(device.description)
        worth = provenance(target, access.port, simulated=simulated)
        yield Board(device, firmware, device.link.port, worth, access.simulator)


def provenance(target: Target, port: str | None, *, simulated: bool) -> str:
    """Return what figures of a run on ``port`` are worth: one of ``targets.PROVENANCES``.

    A board is what is attached to this machine. Behind a pseudo-terminal is a program, behind a
    socket a board or a program: nobody can tell, and no more is claimed than is known.
    """
    if simulated:
        return target.provenance
    return "board" if port and is_attached(port) else "emulator"


def _check_arena(hello: Hello) -> None:
    """Refuse a board whose engine did not start for want of memory."""
    if hello.arena_used > hello.arena_reserved:
        raise ArenaError(
            f"The arena of {hello.target} is too small for the model: it needs at least "
            f"{hello.arena_used:,} bytes, it has {hello.arena_reserved:,}.",
            code=ErrorCode.ARENA,
            detail=hello.arena_used,
            hint=f"Add -DTP_TFLM_ARENA_BYTES={hello.arena_used} to the target's build_flags, or "
            "take a smaller model.",
        )


@contextmanager
def open_session(
    project: Project,
    subject: Subject,
    progress: Progress,
    *,
    target: str,
    port: str | None = None,
    engine: str | None = None,
    tolerance_lsb: int | None = None,
    budgets: Budgets | None = None,
    baud: int | None = None,
    flash: bool = True,
    despite_echo: bool = False,
) -> Iterator[Board]:
    """Build the firmware for a subject and meet its board; what the pytest plugin stands on.

    ``budgets`` are demanded beyond those of ``target.ini``.

    Raises:
        TinyProofError: see ``make_firmware`` and ``attach``.
    """
    found = find_target(project, target)
    if baud is not None:
        found = replace(found, baud=baud)
    found.engine(engine)
    demanded = (budgets or Budgets()).over(target_budgets(found))
    simulated = is_simulated(found, port)
    generated = generate_model(subject.model, progress, found, engine)
    firmware = make_firmware(
        project, found, subject.model, generated, progress, engine=engine, simulated=simulated
    )
    with attach(project, firmware, port, progress, flash=flash, despite_echo=despite_echo) as board:
        yield replace(board, tolerance_lsb=tolerance_lsb, budgets=demanded)
