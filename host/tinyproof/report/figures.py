"""Figures that one acts on: where time and memory go, and where the first difference arises."""

from __future__ import annotations

from dataclasses import dataclass

from tinyproof.stats import Latency


@dataclass(frozen=True)
class LayerFigures:
    """One layer as the engine runs it; operators that were fused are one layer.

    Attributes:
        index: position, from 0.
        name: its operators joined with `` + ``.
        operators: names as in the model file, in order.
        shape: of its output.
        macs: multiply-accumulates of one inference.
        ticks: median over the profile runs; None where it was not profiled.
        ticks_min: fewest ticks of a run.
        ticks_max: most ticks of a run.
        share: of the ticks of all layers, 0 to 1; None if they took none.
        cycles_per_mac: clock cycles for each multiply-accumulate; None where the target's clock
            is not known or the layer has none.
    """

    index: int
    name: str
    operators: tuple[str, ...]
    shape: tuple[int, ...]
    macs: int
    ticks: float | None = None
    ticks_min: int | None = None
    ticks_max: int | None = None
    share: float | None = None
    cycles_per_mac: float | None = None


@dataclass(frozen=True)
class ReferenceDistance:
    """How far the reference's answers are from those of another interpreter.

    Attributes:
        interpreter: the other one.
        version: its version.
        kernels: its kernels.
        samples: how many were compared.
        differing: how many are not exact, as ``tinyproof.verdict`` defines it.
        lsb: largest difference of an integer output, 0 if there is none.
        relative: largest difference of a float output, as a share of the sample's largest value.
        class_flips: samples of another class; None without classes.
    """

    interpreter: str
    version: str
    kernels: str
    samples: int
    differing: int
    lsb: int
    relative: float
    class_flips: int | None


@dataclass(frozen=True)
class HostLatency:
    """LiteRT's own latency on the host that ran the test.

    Attributes:
        kernels: ``reference`` or ``default``.
        threads: as given to LiteRT.
        warmup: inferences before the first one that counts.
        latency_us: of each inference, inputs already set, microseconds.
    """

    kernels: str
    threads: int
    warmup: int
    latency_us: Latency


@dataclass(frozen=True)
class BenchFigures:
    """Where the time of a sample goes; docs/measuring.md defines each figure.

    Attributes:
        warmup: inferences before the first one that counts.
        n: inferences timed in each repeat.
        repeats_p50_us: the median latency of each repeat, microseconds.
        device_us: median inference by the board's own ticks, microseconds.
        wire_us: what else one sample takes when each answer is awaited, host time aside.
        host_us: processor time of this program for each sample, microseconds.
        windowed_samples_per_s: with as many requests in flight as the board takes.
        stop_and_wait_samples_per_s: with one request in flight; None if not measured.
        timing_overhead_us: what reading the clock adds to a latency; stated, not subtracted.
        litert: LiteRT on this host; empty where it was not measured.
    """

    warmup: int
    n: int
    repeats_p50_us: tuple[float, ...]
    device_us: float
    wire_us: float
    host_us: float
    windowed_samples_per_s: float
    stop_and_wait_samples_per_s: float | None
    timing_overhead_us: float
    litert: tuple[HostLatency, ...] = ()


@dataclass(frozen=True)
class Section:
    """A section of the image that takes memory on the board.

    Attributes:
        name: as in the ELF file.
        kind: ``text`` (flash), ``data`` (flash and RAM) or ``bss`` (RAM).
        bytes: its size.
    """

    name: str
    kind: str
    bytes: int


@dataclass(frozen=True)
class Symbol:
    """A function or variable of the image.

    Attributes:
        name: as in the ELF file.
        memory: ``flash`` or ``ram``; initialised variables are listed under both.
        bytes: its size.
    """

    name: str
    memory: str
    bytes: int


@dataclass(frozen=True)
class ImageFigures:
    """What the firmware image is made of.

    Attributes:
        sections: all that take memory, in the file's order.
        symbols: the ten largest of flash and the ten largest of RAM, largest first.
    """

    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]


@dataclass(frozen=True)
class HistogramBin:
    """How many elements differ by ``lsb``, device minus reference."""

    lsb: int
    count: int


@dataclass(frozen=True)
class FirstDifference:
    """The first layer whose output on the board is not the reference's.

    Attributes:
        sample: which sample was traced.
        layer: position of the layer, from 0.
        name: its operators joined with `` + ``.
        shape: of its output.
        elements: values in its output.
        differing: values that differ beyond what counts as exact.
        max_lsb: largest difference of an integer output; None for float.
        max_abs: largest difference of a float output; None for integers and if not finite.
        histogram: of integer outputs, by difference in LSB, ascending, zero included.
    """

    sample: int
    layer: int
    name: str
    shape: tuple[int, ...]
    elements: int
    differing: int
    max_lsb: int | None = None
    max_abs: float | None = None
    histogram: tuple[HistogramBin, ...] = ()
