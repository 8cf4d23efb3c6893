"""How large an arena TensorFlow Lite Micro needs for a model on a board.

TFLM's own allocator tells what stays in use, on this machine, in the process of the reference.
While TFLM allocates it needs more than that: it plans at the place where the tensors will be, and
for a small model the plan is larger than they are (``planning_bytes``). And a board differs from
this machine in three ways, each of which is bounded:

- Pointers have 4 bytes instead of 8. TFLM's ``TfLiteEvalTensor`` and ``NodeAndRegistration``
  consist of pointers and numbers padded to them, so they take half. Everything else is counted as
  it is here, which is never too little: no other struct grows on a smaller machine.
- Optimised kernels (CMSIS-NN, ESP-NN) take scratch memory that the reference kernels do not: for
  the largest convolution, two columns of its input as 16-bit numbers, as CMSIS-NN's
  ``arm_convolve_s8_get_buffer_size`` has it. One operator runs at a time, so the largest counts.
- The board's library is of another date: ``MARGIN`` of what TFLM keeps for good.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tinyproof.codegen import Generated
from tinyproof.codegen.tflm import generate_tflm
from tinyproof.errors import ReferenceFailedError
from tinyproof.graph import Graph, Operator, read_graph
from tinyproof.records import Records
from tinyproof.reference import ReferenceRun

MARGIN = 1 / 8
"""Of the persistent memory, for libraries of another date."""
ALIGNMENT = 16
POINTER_BYTES = 8
"""On the machines that tflite-micro's package exists for."""
DEADLINE_S = 60.0


@dataclass(frozen=True)
class ArenaUse:
    """What TFLM's recording allocator reports; bytes, on this machine.

    Attributes:
        head: tensors and scratch memory, planned to overlap in time.
        tail: what is kept for good.
        pointers: the part of ``tail`` that halves with the size of a pointer.
    """

    head: int
    tail: int
    pointers: int

    @property
    def total(self) -> int:
        """What stays in use on this machine."""
        return self.head + self.tail

    def scaled_tail(self, pointer_bytes: int) -> int:
        """Return a bound of ``tail`` for pointers of so many bytes, at most those here."""
        return self.tail - self.pointers + self.pointers * pointer_bytes // POINTER_BYTES


_HEAD = r"Arena allocation head (\d+) bytes"
_TAIL = r"Arena allocation tail (\d+) bytes"
_EVAL = r"'TfLiteEvalTensor data' used (\d+) bytes"
_KNOWN = "0.dev20261023182759"
_NODES = r"'NodeAndRegistration struct' used (\d+) bytes"


def parse_arena(said: str) -> ArenaUse:
    """Read what the allocator printed.

    Raises:
        ReferenceFailedError: it is not what is known of it.
    """
    found = [re.search(pattern, said) for pattern in (_HEAD, _TAIL, _EVAL, _NODES)]
    figures = [int(match[1]) for match in found if match]
    if len(figures) < len(found):
        raise ReferenceFailedError(
            "TensorFlow Lite Micro did not tell what its arena takes.",
            hint=f"Install the version that is known: python -m pip install tflite-micro=={_KNOWN}",
        )
    head, tail, tensors, nodes = figures
    return ArenaUse(head, tail, tensors + nodes)


def measure_arena(model: bytes) -> ArenaUse:
    """Return what TFLM's arena takes on this machine.

    Raises:
        ReferenceFailedError: TFLM cannot run the model.
        ToolchainError: TFLM is not installed.
    """
    none = Records(1)
    try:
        with ReferenceRun(model, none, engine="tflm", deadline_s=DEADLINE_S) as run:
            outputs = run.collect()
    finally:
        none.close()
    outputs.close()
    return parse_arena(outputs.said)


def arena_bytes(model: bytes, *, pointer_bytes: int) -> int:
    """Return the size of an arena that suffices on a board; see the module for how.

    Raises:
        ModelError, ReferenceFailedError, ToolchainError: see ``measure_arena``.
    """
    use, graph = measure_arena(model), read_graph(model)
    head = max(use.head + scratch_bytes(graph), planning_bytes(graph))
    wanted = head + use.scaled_tail(pointer_bytes) + use.tail * MARGIN
    return -(-int(wanted) // ALIGNMENT) * ALIGNMENT + ALIGNMENT


def scratch_bytes(graph: Graph) -> int:
    """Return what an optimised convolution may want beyond the reference kernels, in bytes."""
    return max((_columns(graph, operator) for operator in graph.operators), default=0)


def planning_bytes(graph: Graph) -> int:
    """Return a bound of what TFLM's planner takes while it plans, in bytes.

    For each tensor an ``AllocationInfo`` (32 bytes here), for each that moves what
    ``GreedyMemoryPlanner::per_buffer_size`` says (40), for each request of scratch memory the same
    and a ``ScratchBufferRequest`` (16); TFLM keeps room for 12 requests more than there are, and
    the reference kernels make one an operator at most.
    """
    requests = len(graph.operators)
    moving = sum(tensor.data is None for tensor in graph.tensors)
    infos = 32 * (len(graph.tensors) + requests)
    return infos + 40 * (moving + requests) + 16 * (12 + requests)


def _columns(graph: Graph, operator: Operator) -> int:
    """Return two columns of a convolution's input, height x width x channels of 16 bits each."""
    if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        return 0
    _, height, width, channels = graph.tensors[operator.inputs[1]].shape
    return 2 * 2 * height * width * channels


def warning_of_old_libraries(model: bytes) -> str:
    """Return what to know before a library on a board runs the model; empty if nothing.

    Since TensorFlow 2.17 the converter gives FULLY_CONNECTED a scale for each output. TFLM takes
    that since 27 September 2024 (tflite-micro pull request 2673), has refused it since 28 May 2024
    (2602), and took the first scale for all of them before.
    """
    graph = read_graph(model)
    for operator in graph.operators:
        if operator.name == "FULLY_CONNECTED":
            weights = graph.tensors[operator.inputs[1]].quantization
            if weights is not None and weights.per_channel:
                return (
                    "FULLY_CONNECTED has a scale for each output here: libraries of TFLM from "
                    "before September 2024, as those that are named for boards, refuse that or "
                    "answer wrongly. Convert it with --per-tensor-dense; float32 is not concerned."
                )
    return ""


def generate_for_tflm(model: bytes, *, hosted: bool) -> Generated:
    """Return ``model.h`` for engine ``tflm``, its arena sized for a board or for this machine.

    Raises:
        ModelError, ReferenceFailedError, ToolchainError: see ``measure_arena`` and
            ``codegen.tflm.generate_tflm``.
    """
    generate_tflm(model, ALIGNMENT)  # A model beyond TFLM is refused before TFLM sees it.
    return generate_tflm(model, arena_bytes(model, pointer_bytes=POINTER_BYTES if hosted else 4))
