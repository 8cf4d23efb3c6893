"""Makes the example frames that the Python and the C tests read.

``python tests/host/wire_examples.py`` writes ``fixtures/wire/frames.json`` again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tinyproof.frame import encode
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
from tinyproof.protocol import ANSWER, PART, ErrorCode, MessageType, StartCause

FRAMES_JSON = Path(__file__).parents[2] / "fixtures" / "wire" / "frames.json"
NONCE = 0x12345678

HELLO = Hello(
    build_id=bytes(range(16)),
    weights_crc32=0xDEADBEEF,
    tick_rate=1_000_000,
    arena_used=368,
    arena_reserved=512,
    free_ram=1024,
    largest_frame=140,
    window=255,
    target="uno",
    model=Descriptor(
        model_format=1,
        model_sha256=bytes(range(32)),
        engine="aot",
        engine_version="1",
        layers=3,
        inputs=(TensorDescription(9, (1, 8, 8, 1), 0.00390625, -128),),
        outputs=(TensorDescription(9, (1, 10), 0.25, 3),),
    ),
)
SAMPLE = bytes(range(64))
OUTPUT = bytes(range(0, 100, 10))


def examples() -> list[dict[str, Any]]:
    """Return every example: requests, answers, parts and the corners of COBS."""
    return [*_requests(), *_answers(), *_parts(), *_corners()]


def _example(
    name: str, type_: int, payload: bytes, seed: int = NONCE, **more: int
) -> dict[str, Any]:
    sequence = more.get("sequence", 7)
    return {
        "name": name,
        "seed": seed,
        "type": type_,
        "sequence": sequence,
        "payload": payload.hex(),
        "encoded": encode(type_, sequence, payload, seed).hex(),
    }


def _requests() -> list[dict[str, Any]]:
    return [
        _example("hello", MessageType.HELLO, NONCE.to_bytes(4, "little"), seed=0),
        _example("infer", MessageType.INFER, SAMPLE),
        _example("profile", MessageType.PROFILE, SAMPLE),
        _example("trace of layer 1", MessageType.TRACE, b"\x01\x00" + SAMPLE),
        _example("ticks", MessageType.TICKS, b""),
        _example("status", MessageType.STATUS, b""),
        _example("poison", MessageType.POISON, b"\x01\xa5"),
        _example("poison of arena and stack", MessageType.POISON, b"\x03\xa5"),
        _example("reset", MessageType.RESET, b""),
        _example("first sequence number", MessageType.TICKS, b"", sequence=0),
        _example("last sequence number", MessageType.TICKS, b"", sequence=0xFFFF),
        _example("seed of all ones", MessageType.TICKS, b"", seed=0xFFFFFFFF),
    ]


def _answers() -> list[dict[str, Any]]:
    started = StartedEvent(StartCause.WATCHDOG, "brown fox")
    error = ErrorAnswer.of(MessageType.TRACE, ErrorCode.BAD_LAYER, 3)
    answers = [
        ("hello answer", MessageType.HELLO, HELLO.pack()),
        ("infer answer", MessageType.INFER, InferAnswer(2500, OUTPUT).pack()),
        ("profile answer", MessageType.PROFILE, ProfileAnswer(2600, (2000, 300, 300)).pack()),
        ("trace answer", MessageType.TRACE, TraceAnswer(1, bytes(72)).pack()),
        ("ticks answer", MessageType.TICKS, TicksAnswer(0xFFFFFFFE).pack()),
        ("status answer", MessageType.STATUS, StatusAnswer(1000, 200, 3, 359).pack()),
        ("poison answer", MessageType.POISON, b"\x01\xa5"),
        ("poison answer, arena and stack", MessageType.POISON, b"\x03\xa5"),
        ("reset answer", MessageType.RESET, b""),
        ("error answer", MessageType.ERROR, error.pack()),
    ]
    event = _example(
        "started event", ANSWER | MessageType.STARTED, started.pack(), seed=0, sequence=0
    )
    return [event, *(_example(name, ANSWER | type_, data) for name, type_, data in answers)]


def _parts() -> list[dict[str, Any]]:
    """One sample of 64 bytes in parts of 24, each acknowledged, and an answer in two parts."""
    pieces = [SAMPLE[at : at + 24] for at in range(0, len(SAMPLE), 24)]
    requests = [
        _example(f"infer part {index}", PART | MessageType.INFER, _part(index, 3, piece))
        for index, piece in enumerate(pieces)
    ]
    taken = [
        _example(f"infer part {n - 1} taken", ANSWER | MessageType.INFER, MoreAnswer(n).pack())
        for n in (1, 2)
    ]
    lost = ErrorAnswer.of(MessageType.INFER, ErrorCode.PART_ORDER, 1)
    missing = _example("infer part 1 missing", ANSWER | MessageType.ERROR, lost.pack())
    answer = InferAnswer(2500, OUTPUT).pack()
    type_ = ANSWER | PART | MessageType.INFER
    halves = [
        _example("infer answer part 0", type_, _part(0, 2, answer[:8])),
        _example("infer answer part 1", type_, _part(1, 2, answer[8:])),
    ]
    return [*requests, *taken, missing, *halves]


def _part(index: int, count: int, data: bytes) -> bytes:
    return index.to_bytes(2, "little") + count.to_bytes(2, "little") + data


def _corners() -> list[dict[str, Any]]:
    """Bodies around COBS's longest group of 254 bytes, with and without zero bytes."""
    sizes = (245, 246, 247, 248, 500, 501, 502)
    full = [_example(f"{n} bytes without a zero", MessageType.INFER, b"\x55" * n) for n in sizes]
    zeros = [_example(f"{n} zero bytes", MessageType.INFER, bytes(n)) for n in (1, 64, 246)]
    return [*full, *zeros]


def text(frames: list[dict[str, Any]]) -> str:
    """Return the file's content: one example a line."""
    return "[\n" + ",\n".join(json.dumps(frame) for frame in frames) + "\n]\n"


if __name__ == "__main__":
    FRAMES_JSON.write_text(text(examples()), encoding="utf-8")
