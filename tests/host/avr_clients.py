"""Talks to simulated AVR boards, as serial programs and flashers do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import serial


class PatientSerial(serial.Serial):
    """A serial port that, once open, does not throw away what has come already.

    On a busy machine pyserial may take longer to do so than a board without a bootloader to greet.
    """

    def _reset_input_buffer(self) -> None:
        pass


@contextmanager
def client(port: str, baud: int = 115_200, timeout: float = 20) -> Iterator[PatientSerial]:
    link = PatientSerial(port, baud, timeout=timeout)
    try:
        yield link
    finally:
        link.close()


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def echo(link: PatientSerial, data: bytes) -> bytes:
    """Write ``data`` while reading as many bytes back."""
    writer = threading.Thread(target=link.write, args=(data,))
    writer.start()
    answer = link.read(len(data))
    writer.join()
    return bytes(answer)
