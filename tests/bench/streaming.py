"""Measures streaming: samples a second, processor time, and what requests in flight are worth.

python tests/bench/streaming.py                     the real firmware around a trivial engine
python tests/bench/streaming.py --program PROGRAM   any program that prints its port
python tests/bench/streaming.py --port /dev/ttyACM0 --baud 1000000
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import echo_board
from tinyproof.device import Device
from tinyproof.link import DEFAULT_BAUD, Link, open_link
from tinyproof.simulators.faulty import Faults, FaultyLink
from tinyproof.simulators.process import ProcessLink

LATENCY_SECONDS = 0.001
REPEATS = 5


@contextmanager
def opened(options: argparse.Namespace) -> Iterator[Link]:
    """Give a link to the board that the options name."""
    with tempfile.TemporaryDirectory() as folder:
        if options.port:
            link: Link = open_link(options.port, options.baud)
        else:
            program = options.program or echo_board.build(Path(folder))
            link = ProcessLink([program])
        with link:
            yield link


def random_samples(device: Device, count: int) -> list[bytes]:
    """Return ``count`` reproducible samples of the length that the board's model takes."""
    generator = random.Random(0)
    return [generator.randbytes(device.description.input_bytes) for _ in range(count)]


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall and processor seconds of this process for one call."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def one_by_one(device: Device, samples: list[bytes]) -> None:
    """Wait for each answer before the next request."""
    for sample in samples:
        device.infer(sample)


def measure_stream(link: Link, count: int) -> list[str]:
    """Return lines on samples/s and processor time of a stream."""
    device = Device(link)
    device.hello()
    samples = random_samples(device, count)
    runs = [timed(lambda: sum(1 for _ in device.stream(samples))) for _ in range(REPEATS)]
    rates = sorted(count / wall for wall, _ in runs)
    costs = sorted(1e6 * processor / count for _, processor in runs)
    middle = REPEATS // 2
    return [
        f"stream: {rates[middle]:,.0f} samples/s ({rates[0]:,.0f} to {rates[-1]:,.0f})",
        f"host:   {costs[middle]:.1f} us/sample ({costs[0]:.1f} to {costs[-1]:.1f})",
        f"        median (range) of {REPEATS} runs of {count:,} samples",
    ]


def measure_ratio(link: Link, count: int) -> list[str]:
    """Return lines on what requests in flight are worth when each way takes 1 ms longer."""
    late = Faults(latency=LATENCY_SECONDS)
    device = Device(FaultyLink(link, to_board=late, from_board=late))
    device.hello()
    samples = random_samples(device, count)
    streamed, _ = timed(lambda: sum(1 for _ in device.stream(samples)))
    waited, _ = timed(lambda: one_by_one(device, samples))
    return [
        f"with 1 ms of latency each way, {count:,} samples:",
        f"        stream {count / streamed:,.0f} samples/s, one by one {count / waited:,.0f}",
        f"ratio:  {waited / streamed:.1f}",
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--program", help="a program that prints its port")
    parser.add_argument("--port", help="a serial port or URL")
    parser.add_argument("--baud", type=int, default=DEFAULT_BAUD)
    parser.add_argument("--samples", type=int, default=10_000)
    options = parser.parse_args()
    with opened(options) as link:
        lines = measure_stream(link, options.samples)
        lines += measure_ratio(link, max(100, options.samples // 20))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
