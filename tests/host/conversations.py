"""Conversations with the board made of Python: meets it, and knows what it ought to answer."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tinyproof.device import Answer, Device
from tinyproof.errors import TinyProofError
from tinyproof.link import Link
from tinyproof.simulators.fake import default_model


def samples(count: int, size: int = 64) -> list[bytes]:
    return [random.Random(index).randbytes(size) for index in range(count)]


def met(link: Link, answer_seconds: float = 10.0, hello_seconds: float = 60.0) -> Device:
    device = Device(link, answer_seconds=answer_seconds, nonces=random.Random(1))
    device.hello(link.deadline(hello_seconds))
    return device


def outputs(inputs: list[bytes]) -> list[bytes]:
    return [default_model(sample) for sample in inputs]


def until_error(answers: Iterator[Answer]) -> tuple[list[Answer], TinyProofError]:
    """Collect the answers up to the error that ends the stream."""
    got: list[Answer] = []
    try:
        for answer in answers:
            got.append(answer)
    except TinyProofError as error:
        return got, error
    raise AssertionError("the stream did not fail")
