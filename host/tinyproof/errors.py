"""Every error TinyProof raises on purpose, in one tree.

::

    TinyProofError                     exit 70   a fault of ours
    ├── UsageError                     exit 2    usage       wrong options or bad input
    │   ├── ModelError                           model file unreadable or malformed
    │   │   └── UnsupportedModelError            an operator, option or type we refuse
    │   └── SamplesError                         samples or labels unusable
    ├── RefusedError                   exit 3    what answers is not what was expected
    │   ├── IdentityError                        identity    other firmware or other model
    │   ├── ProtocolVersionError                 protocol    firmware of another protocol version
    │   ├── ClockError                           clock       the board's clock is off
    │   └── IncomparableError                    identity    two reports of different things
    └── InfrastructureError            exit 4    nothing was proved, nothing was disproved
        ├── ToolchainError                       toolchain   compiler, PlatformIO, simulator missing
        ├── BuildError                           build       the firmware does not compile or fit
        ├── FlashError                           flash       the upload failed
        ├── PortError                            port        no such port, busy, vanished
        ├── BootError                            boot        the board runs, but not our firmware
        ├── ProtocolError                        protocol    the board breaks the conversation
        │   └── DeviceError                                  the board answered with an error code
        │       └── ArenaError                   memory      its arena is too small for the model
        ├── DeviceSilentError                    port        no answer within the deadline
        ├── ReferenceFailedError                 toolchain   LiteRT failed on this model
        └── StorageError                         storage     folder not writable, disk full

Each carries a ``sentence`` (what happened: wanted, got, where), a ``hint`` (the next step for the
user), the process's ``exit_code`` and ``failure``, the one-word class that reports and JUnit show.
Errors of other libraries are mapped to these where they enter, and nowhere else.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar


class TinyProofError(Exception):
    """Base of all errors; itself raised only for faults of TinyProof's own.

    Attributes:
        sentence: what happened, one sentence, without a trailing newline.
        hint: the next step for the user, one sentence; may be empty.
        exit_code: what the command line ends with.
        failure: the failure class in reports, one word.
    """

    exit_code: ClassVar[int] = 70
    failure: ClassVar[str] = "internal"

    def __init__(self, sentence: str, *, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


class UsageError(TinyProofError):
    """Wrong options or bad input; nothing was started."""

    exit_code = 2
    failure = "usage"


class ModelError(UsageError):
    """The model file is missing, empty, truncated, malformed or hostile."""


class UnsupportedModelError(ModelError):
    """A valid model that an engine refuses.

    Attributes:
        operator: TFLite operator name such as ``CONV_2D``; empty for the model as a whole.
        index: the operator's position in the graph, from 0; -1 for the model as a whole.
        reason: why, a clause without a full stop.
    """

    def __init__(self, reason: str, *, operator: str = "", index: int = -1, hint: str = "") -> None:
        where = f"operator {index} ({operator}): " if operator else ""
        super().__init__(f"The model is not supported: {where}{reason}.", hint=hint)
        self.operator = operator
        self.index = index
        self.reason = reason


class SamplesError(UsageError):
    """Samples or labels that do not suit the model."""


class RefusedError(TinyProofError):
    """What answers is not what was asked for, so nothing is asserted about it."""

    exit_code = 3
    failure = "identity"


class IdentityError(RefusedError):
    """The board runs other firmware, another model or other weights.

    Attributes:
        field: what differs, for example ``model``.
        wanted: the value expected, printable.
        got: the value the board gave, printable.
    """

    def __init__(self, field: str, *, wanted: str, got: str, hint: str = "") -> None:
        super().__init__(
            f"The board's {field} is {got}, expected {wanted}.",
            hint=hint or "Flash the board again: tinyproof flash.",
        )
        self.field = field
        self.wanted = wanted
        self.got = got


class ProtocolVersionError(RefusedError):
    """The firmware speaks another protocol version."""

    failure = "protocol"


class ClockError(RefusedError):
    """The board's clock and the host's disagree, so its latencies mean nothing."""

    failure = "clock"


class IncomparableError(RefusedError):
    """Two reports differ in what must be equal for a comparison to mean anything."""


class InfrastructureError(TinyProofError):
    """Nothing was proved and nothing was disproved: a tool, a port or a board failed."""

    exit_code = 4
    failure = "port"


class ToolchainError(InfrastructureError):
    """A compiler, PlatformIO or a simulator is missing or unusable."""

    failure = "toolchain"


class BuildError(InfrastructureError):
    """The firmware did not build.

    Attributes:
        log: path of the complete build log, empty if none was written.
    """

    failure = "build"

    def __init__(self, sentence: str, *, hint: str = "", log: str = "") -> None:
        super().__init__(sentence, hint=hint)
        self.log = log


class FlashError(InfrastructureError):
    """The upload to the board failed."""

    failure = "flash"


class PortCause(Enum):
    """Whose trouble a port's is."""

    BOARD = "it was there, then it failed"
    BUSY = "another process has it"
    ABSENT = "it was never there"
    FORBIDDEN = "this user may not open it"


class PortError(InfrastructureError):
    """The port does not exist, is busy, is not permitted, or vanished.

    Attributes:
        port: the port's name or URL.
        cause: only ``BOARD`` is a board's own.
        sample: index of the first sample without an answer, -1 if none was under way.
    """

    def __init__(
        self,
        sentence: str,
        *,
        port: str,
        sample: int = -1,
        cause: PortCause = PortCause.BOARD,
        hint: str = "",
    ) -> None:
        super().__init__(sentence, hint=hint)
        self.port = port
        self.cause = cause
        self.sample = sample


class BootError(InfrastructureError):
    """Something lives on the port, but it is not TinyProof's firmware.

    Attributes:
        text: what it printed, control characters escaped.
    """

    failure = "boot"

    def __init__(self, sentence: str, *, text: str = "", hint: str = "") -> None:
        super().__init__(sentence, hint=hint)
        self.text = text


class EchoError(BootError):
    """The port sends back what it receives: a loop of wire, a program, or a sketch that echoes."""


class ProtocolError(InfrastructureError):
    """A well-formed frame with a content that the protocol does not allow."""

    failure = "protocol"


class DeviceError(ProtocolError):
    """The board answered with an error code.

    Attributes:
        code: the protocol's error code.
        detail: the code's 32-bit detail value.
    """

    def __init__(self, sentence: str, *, code: int, detail: int = 0, hint: str = "") -> None:
        super().__init__(sentence, hint=hint)
        self.code = code
        self.detail = detail


class ArenaError(DeviceError):
    """The board's arena is too small for the model; ``detail`` is the bytes needed."""

    failure = "memory"


class DeviceSilentError(InfrastructureError):
    """The board did not answer within the deadline.

    Attributes:
        sample: index of the first sample without an answer, -1 if none was under way.
    """

    def __init__(self, sentence: str, *, sample: int = -1, hint: str = "") -> None:
        super().__init__(sentence, hint=hint)
        self.sample = sample


class ReferenceFailedError(InfrastructureError):
    """LiteRT could not run the model."""

    failure = "toolchain"


class StorageError(InfrastructureError):
    """A file could not be written: folder not writable, disk full."""

    failure = "storage"
