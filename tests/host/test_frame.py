"""Framing: what was encoded comes out, whole and alone, however the bytes arrive."""

from __future__ import annotations

import json
from typing import Any

import pytest
import wire_examples
from hypothesis import given
from hypothesis import strategies as st

from tinyproof.frame import SMALLEST_FRAME, Decoder, Frame, encode, encoded_size, largest_payload
from tinyproof.protocol import ANSWER, MessageType

SEEDS = st.integers(0, 0xFFFFFFFF)
TYPES = st.sampled_from([*MessageType, *(ANSWER | type_ for type_ in MessageType)])
SEQUENCES = st.integers(0, 0xFFFF)
# Zeros, ones and long groups are what COBS treats specially.
PAYLOADS = st.one_of(
    st.binary(max_size=80),
    st.lists(st.sampled_from([b"\0", b"\1", b"\xff", b"\n" * 254]), max_size=12).map(b"".join),
)
Message = tuple[int, int, bytes]
"""Type, sequence number and payload."""
MESSAGES = st.tuples(TYPES, SEQUENCES, PAYLOADS)


def frames_of(messages: list[Message]) -> list[Frame]:
    return [Frame(1, *message) for message in messages]


def encode_one(message: Message, seed: int) -> bytes:
    type_, sequence, payload = message
    return encode(type_, sequence, payload, seed)


def feed_in_chunks(decoder: Decoder, data: bytes, sizes: list[int]) -> list[Frame]:
    got: list[Frame] = []
    for size in sizes:
        got += decoder.feed(data[:size])
        data = data[size:]
    return got + decoder.feed(data)


@given(st.lists(MESSAGES, max_size=5), SEEDS, st.lists(st.integers(0, 40), max_size=30))
def test_frames_come_out_of_any_chunks(
    messages: list[Message], seed: int, sizes: list[int]
) -> None:
    data = b"".join(encode_one(message, seed) for message in messages)
    decoder = Decoder(seed)
    assert feed_in_chunks(decoder, data, sizes) == frames_of(messages)
    assert decoder.dropped == 0
    assert decoder.take_all_text() == b""


@given(MESSAGES, SEEDS, st.data())
def test_a_truncated_frame_is_dropped_and_the_next_one_found(
    message: Message, seed: int, data: st.DataObject
) -> None:
    encoded = encode_one(message, seed)
    kept = data.draw(st.integers(0, len(encoded) - 2))
    decoder = Decoder(seed)
    assert decoder.feed(encoded[:kept] + b"\0" + encoded) == frames_of([message])
    assert decoder.dropped == (kept > 0)


@given(MESSAGES, SEEDS, st.data())
def test_a_flipped_bit_is_dropped(message: Message, seed: int, data: st.DataObject) -> None:
    encoded = bytearray(encode_one(message, seed))
    bit = data.draw(st.integers(0, 8 * len(encoded) - 1))
    encoded[bit // 8] ^= 1 << bit % 8
    assert Decoder(seed).feed(bytes(encoded) + b"\0") == []


@given(st.lists(MESSAGES, min_size=1, max_size=4), SEEDS, st.data())
def test_damage_never_makes_another_frame(
    messages: list[Message], seed: int, data: st.DataObject
) -> None:
    raw = bytearray(b"".join(encode_one(message, seed) for message in messages))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
        raw += b"\0"
    sent = frames_of(messages)
    assert all(received in sent for received in Decoder(seed).feed(bytes(raw)))


@given(st.binary(max_size=300), MESSAGES, SEEDS)
def test_a_frame_survives_garbage_before_and_after(
    garbage: bytes, message: Message, seed: int
) -> None:
    decoder = Decoder(seed)
    got = decoder.feed(garbage + b"\0" + encode_one(message, seed) + garbage + b"\0")
    assert got == frames_of([message])


@given(st.text(st.characters(min_codepoint=10, max_codepoint=126), max_size=200), SEEDS)
def test_a_frame_that_directly_follows_text_is_found(text: str, seed: int) -> None:
    answer = (ANSWER | MessageType.INFER, 258, bytes(range(15)))
    decoder = Decoder(seed)
    assert decoder.feed(text.encode() + encode_one(answer, seed)) == frames_of([answer])
    assert decoder.take_text() == text.encode()


@given(MESSAGES, SEEDS, SEEDS)
def test_a_frame_of_another_session_is_dropped(message: Message, seed: int, other: int) -> None:
    type_, sequence, payload = message
    if seed == other or type_ == ANSWER | MessageType.STARTED:
        other = seed ^ 1
        type_ = MessageType.INFER
    assert Decoder(other).feed(encode(type_, sequence, payload, seed)) == []


def test_a_decoder_takes_frames_of_each_of_its_seeds() -> None:
    old, new = encode(0x82, 1, b"old", 5), encode(0x82, 2, b"new", 6)
    assert [f.payload for f in Decoder(6, 5).feed(old + new)] == [b"old", b"new"]


def test_a_started_event_is_found_in_any_session() -> None:
    event = encode(ANSWER | MessageType.STARTED, 0, b"\1", 0)
    assert [f.payload for f in Decoder(77).feed(event)] == [b"\1"]


def test_only_hello_answers_of_another_version_are_let_through() -> None:
    hello = encode(ANSWER | MessageType.HELLO, 3, b"\2", 9, version=2)
    infer = encode(ANSWER | MessageType.INFER, 3, b"\2", 9, version=2)
    assert Decoder(9).feed(infer + hello) == [Frame(2, 0x81, 3, b"\2")]


def test_what_is_not_a_frame_is_kept_as_text() -> None:
    decoder = Decoder(1)
    decoder.feed(b"ets Jun  8 2016\r\n\0rst:0x1")
    assert decoder.take_text() == b"ets Jun  8 2016\r\n"
    assert decoder.take_all_text() == b"rst:0x1"
    assert decoder.take_all_text() == b""


def test_endless_text_is_kept_within_bounds() -> None:
    decoder = Decoder(1, largest=1000, text_bytes=500)
    for _ in range(100):
        decoder.feed(b"a" * 99 + b"\n")
    assert len(decoder.take_all_text()) <= 1500
    for _ in range(100):
        decoder.feed(b"b" * 99 + b"\0")
    assert decoder.take_text() == (b"b" * 99 * 6)[:500]


def test_a_frame_that_is_too_long_is_dropped() -> None:
    long = encode(0x82, 1, bytes(200), 1)
    decoder = Decoder(1, largest=100)
    assert decoder.feed(long[:150]) == []
    assert decoder.feed(long[150:] + encode(0x82, 2, b"x", 1)) == [Frame(1, 0x82, 2, b"x")]
    assert decoder.dropped >= 1


@given(PAYLOADS)
def test_the_encoded_size_is_never_underestimated(payload: bytes) -> None:
    size = len(encode(2, 0, payload, 1))
    assert size <= encoded_size(len(payload)) <= size + 2 + len(payload) // 254


def test_the_largest_payload_fits_and_one_more_byte_does_not() -> None:
    for frame_bytes in range(SMALLEST_FRAME, 1100):
        payload = largest_payload(frame_bytes)
        assert payload == 0 or encoded_size(payload) <= frame_bytes
        assert encoded_size(payload + 1) > frame_bytes


@pytest.mark.parametrize("example", wire_examples.examples(), ids=lambda e: str(e["name"]))
def test_an_example_decodes_to_what_it_says(example: dict[str, Any]) -> None:
    (got,) = Decoder(example["seed"]).feed(bytes.fromhex(example["encoded"]))
    assert got == Frame(1, example["type"], example["sequence"], bytes.fromhex(example["payload"]))


def test_the_examples_in_the_fixtures_are_the_ones_we_make() -> None:
    written = json.loads(wire_examples.FRAMES_JSON.read_text(encoding="utf-8"))
    assert written == wire_examples.examples(), "run python tests/host/wire_examples.py"
