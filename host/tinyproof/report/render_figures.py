"""Rows of the terminal's table that tell where time and memory go, and where a fault arises."""

from __future__ import annotations

from collections.abc import Iterator

from tinyproof.report.figures import (
    BenchFigures,
    FirstDifference,
    HostLatency,
    ImageFigures,
    LayerFigures,
)
from tinyproof.report.model import Report

SHOWN_LAYERS = 12
"""More layers than these: the slowest are shown."""
SHOWN_BINS = 9
SHOWN_SYMBOLS = 3


def figure_rows(report: Report) -> Iterator[tuple[str, str]]:
    """Yield name and value of each row; none for what was not measured."""
    if report.first_difference:
        yield "fault", fault_clause(report.first_difference)
        if report.first_difference.histogram:
            yield "LSB", _histogram(report.first_difference)
    if report.bench:
        yield from _bench(report.bench)
        yield from _layers(report.layers)
        if report.image:
            yield from _image(report.image)


def fault_clause(found: FirstDifference) -> str:
    """Return what differs first, such as ``layer 1, SOFTMAX (1x10): 3 of 10 values, ...``."""
    text = f"layer {found.layer}, {found.name} ({_shape(found.shape)}): "
    text += f"{found.differing:,} of {found.elements:,} values differ"
    if found.max_lsb is not None:
        text += f", by up to {found.max_lsb:,} LSB"
    elif found.max_abs is not None:
        text += f", by up to {found.max_abs:.3g}"
    return f"{text}, in sample {found.sample:,}"


def _histogram(found: FirstDifference) -> str:
    bins = sorted(found.histogram, key=lambda item: -item.count)[:SHOWN_BINS]
    shown = [f"{item.lsb}: {item.count:,}" for item in sorted(bins, key=lambda item: item.lsb)]
    rest = len(found.histogram) - len(bins)
    return ", ".join(shown) + (f", and {rest} more" if rest else "")


def _bench(bench: BenchFigures) -> Iterator[tuple[str, str]]:
    repeats = bench.repeats_p50_us
    yield (
        "bench",
        f"{len(repeats)} repeats of {bench.n:,} after {bench.warmup}: p50 "
        f"{_us(min(repeats, default=0))} to {_us(max(repeats, default=0))} us",
    )
    yield (
        "one sample",
        f"device {_us(bench.device_us)} us, wire {_us(bench.wire_us)} us, "
        f"host {_us(bench.host_us)} us",
    )
    rate = f"{bench.windowed_samples_per_s:,.0f} samples/s with requests in flight"
    waited = bench.stop_and_wait_samples_per_s
    if waited:
        rate += f", {waited:,.0f} with one ({bench.windowed_samples_per_s / waited:.1f} times)"
    yield "streaming", rate
    yield "timing", f"adds at most {bench.timing_overhead_us:.3g} us to a layer"
    for found in bench.litert:
        yield "LiteRT", _host(found)


def _host(found: HostLatency) -> str:
    figures = found.latency_us
    threads = "1 thread" if found.threads == 1 else f"{found.threads} threads"
    return (
        f"{found.kernels} kernels, {threads}: p50 {_us(figures.p50)}, p99 {_us(figures.p99)} us "
        f"(n = {figures.n:,} after {found.warmup:,})"
    )


def _layers(layers: tuple[LayerFigures, ...]) -> Iterator[tuple[str, str]]:
    shown = sorted(layers, key=lambda layer: -(layer.ticks or 0))[:SHOWN_LAYERS]
    for layer in sorted(shown, key=lambda layer: layer.index):
        if layer.ticks is None:
            continue
        text = f"{layer.name} ({_shape(layer.shape)}), {layer.ticks:,.0f} ticks"
        if layer.share is not None:
            text += f", {layer.share:.1%}"
        if layer.cycles_per_mac is not None:
            text += f", {layer.cycles_per_mac:.3g} cycles/MAC"
        yield f"layer {layer.index}", text
    if len(layers) > len(shown):
        yield "layers", f"{len(layers) - len(shown)} faster ones are in report.json"


def _image(image: ImageFigures) -> Iterator[tuple[str, str]]:
    for memory in ("flash", "ram"):
        symbols = [symbol for symbol in image.symbols if symbol.memory == memory]
        largest = ", ".join(f"{s.name} {s.bytes:,}" for s in symbols[:SHOWN_SYMBOLS])
        if largest:
            yield memory if memory == "flash" else "RAM", f"{largest} bytes"


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "one value"


def _us(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
