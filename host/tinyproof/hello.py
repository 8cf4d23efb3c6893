"""The answer to ``hello``: what a board is, what it runs and what it can take. Pure.

``docs/protocol.md`` has the layouts.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyproof.payload import Reader, name_bytes
from tinyproof.protocol import BUILD_ID_BYTES, PROTOCOL_VERSION

ELEMENT_TYPES: dict[int, np.dtype[Any]] = {
    0: np.dtype("<f4"),
    1: np.dtype("<f2"),
    2: np.dtype("<i4"),
    3: np.dtype("u1"),
    4: np.dtype("<i8"),
    6: np.dtype("?"),
    7: np.dtype("<i2"),
    9: np.dtype("i1"),
    10: np.dtype("<f8"),
}
"""TFLite's ``TensorType`` numbers and what NumPy calls them, in the byte order of the wire."""

SHA256_BYTES = 32
SMALLEST_LARGEST_FRAME = 32
"""Encoded bytes that every board must be able to take at once."""
_LARGEST_TENSOR = 1 << 30
_LARGEST_RANK = 8


@dataclass(frozen=True, slots=True)
class TensorDescription:
    """An input or output as the board describes it.

    Attributes:
        type: TFLite's ``TensorType`` number.
        shape: dimensions, the batch of 1 included.
        scale: real value of one step, float32; 0 when not quantized.
        zero_point: stored value that means 0.
    """

    type: int
    shape: tuple[int, ...]
    scale: float
    zero_point: int

    @property
    def name(self) -> str:
        """Boards do not keep names: always empty."""
        return ""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Element type, in the byte order of the wire."""
        return ELEMENT_TYPES[self.type]

    @property
    def size(self) -> int:
        """Bytes of the whole tensor."""
        return math.prod(self.shape) * self.dtype.itemsize

    def pack(self) -> bytes:
        """Return the bytes of the descriptor's form."""
        dimensions = struct.pack(f"<{len(self.shape)}I", *self.shape)
        quantization = struct.pack("<fi", self.scale, self.zero_point)
        return bytes([self.type, len(self.shape)]) + dimensions + quantization

    @classmethod
    def take(cls, reader: Reader) -> TensorDescription:
        """Take one description off a payload."""
        type_, rank = reader.unpack("BB")
        reader.require(type_ in ELEMENT_TYPES, "tensor type", type_)
        reader.require(rank <= _LARGEST_RANK, "tensor rank", rank)
        shape = reader.unpack(f"{rank}I")
        scale, zero_point = reader.unpack("fi")
        reader.require(math.isfinite(scale) and scale >= 0, "scale", scale)
        tensor = cls(type_, shape, scale, zero_point)
        reader.require(tensor.size <= _LARGEST_TENSOR, "tensor shape", shape)
        return tensor


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What the code generator writes about a model, and the board sends on.

    Attributes:
        model_format: version of ``model.h``.
        model_sha256: SHA-256 of the ``.tflite`` file, 32 bytes.
        engine: ``aot`` or ``tflm``.
        engine_version: the engine's own version.
        layers: layers of the engine's plan; fused ones count as one.
        inputs: in the model's order.
        outputs: in the model's order.
    """

    model_format: int
    model_sha256: bytes
    engine: str
    engine_version: str
    layers: int
    inputs: tuple[TensorDescription, ...]
    outputs: tuple[TensorDescription, ...]

    def pack(self) -> bytes:
        """Return the bytes that follow the target's name in the ``hello`` answer."""
        head = struct.pack("<H", self.model_format) + self.model_sha256
        names = name_bytes(self.engine) + name_bytes(self.engine_version)
        counts = struct.pack("<HBB", self.layers, len(self.inputs), len(self.outputs))
        return head + names + counts + b"".join(t.pack() for t in self.inputs + self.outputs)

    @classmethod
    def take(cls, reader: Reader) -> Descriptor:
        """Take a descriptor off a payload."""
        model_format = reader.number("H")
        digest = reader.take(SHA256_BYTES)
        engine, engine_version = reader.name(), reader.name()
        layers, inputs, outputs = reader.unpack("HBB")
        tensors = tuple(TensorDescription.take(reader) for _ in range(inputs + outputs))
        first, last = tensors[:inputs], tensors[inputs:]
        return cls(model_format, digest, engine, engine_version, layers, first, last)

    @classmethod
    def parse(cls, payload: bytes) -> Descriptor:
        """Return the descriptor that ``payload`` is."""
        reader = Reader("model descriptor", payload)
        descriptor = cls.take(reader)
        reader.end()
        return descriptor


_HELLO_NUMBERS = "IIIIIHI"


@dataclass(frozen=True, slots=True)
class Hello:
    """The board's answer to ``hello``: who it is, what it runs, what it can take.

    Attributes:
        build_id: 16 bytes; zeros for firmware built by hand.
        weights_crc32: computed by the board over the weights as linked.
        tick_rate: ticks per second, at least 1.
        arena_used: bytes.
        arena_reserved: bytes.
        free_ram: bytes, 0 = unknown.
        largest_frame: most bytes of a frame that the board takes, encoded, delimiter included.
        window: bytes the board can receive while it computes.
        target: the target's name.
        model: the model descriptor.
    """

    build_id: bytes
    weights_crc32: int
    tick_rate: int
    arena_used: int
    arena_reserved: int
    free_ram: int
    largest_frame: int
    window: int
    target: str
    model: Descriptor

    @property
    def input_bytes(self) -> int:
        """Bytes of one sample: all inputs, in order, without gaps."""
        return sum(tensor.size for tensor in self.model.inputs)

    @property
    def output_bytes(self) -> int:
        """Bytes of one answer: all outputs, in order, without gaps."""
        return sum(tensor.size for tensor in self.model.outputs)

    def pack(self, protocol: int = PROTOCOL_VERSION) -> bytes:
        """Return the answer's payload."""
        numbers = struct.pack(
            "<" + _HELLO_NUMBERS,
            self.weights_crc32,
            self.tick_rate,
            self.arena_used,
            self.arena_reserved,
            self.free_ram,
            self.largest_frame,
            self.window,
        )
        head = bytes([protocol]) + self.build_id + numbers
        return head + name_bytes(self.target) + self.model.pack()

    @classmethod
    def parse(cls, payload: bytes) -> Hello:
        """Return the answer that ``payload`` is; its protocol version must be ours."""
        reader = Reader("answer to hello", payload)
        protocol = reader.number("B")
        reader.require(protocol == PROTOCOL_VERSION, "protocol version", protocol)
        build_id = reader.take(BUILD_ID_BYTES)
        weights, rate, used, reserved, free, frame, window = reader.unpack(_HELLO_NUMBERS)
        target, model = reader.name(), Descriptor.take(reader)
        hello = cls(build_id, weights, rate, used, reserved, free, frame, window, target, model)
        reader.end()
        reader.require(hello.tick_rate > 0, "tick rate", hello.tick_rate)
        reader.require(
            hello.largest_frame >= SMALLEST_LARGEST_FRAME, "largest frame", hello.largest_frame
        )
        reader.require(hello.window > 0, "window", hello.window)
        return hello


def describe_board(hello: Hello) -> Iterator[tuple[str, str]]:
    """Yield what a board says of itself as names and values for people."""
    model = hello.model
    yield "target", hello.target
    yield "engine", f"{model.engine} {model.engine_version}"
    yield "model", model.model_sha256.hex()
    yield "build", hello.build_id.hex() if any(hello.build_id) else "built by hand"
    yield "weights", f"{hello.weights_crc32:08x}"
    yield "arena", f"{hello.arena_used:,} of {hello.arena_reserved:,} bytes"
    yield "clock", f"{hello.tick_rate:,} ticks/s"
    yield "window", f"{hello.window:,} bytes"
