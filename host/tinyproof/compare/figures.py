"""Every figure of two comparable reports as a row: exact ones, and those that vary. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tinyproof.compare import noise
from tinyproof.compare.model import PROVED, Change, Row
from tinyproof.compare.noise import Measured
from tinyproof.report import Provenance, Report
from tinyproof.report.figures import LayerFigures

_GOOD_VERDICTS = ("exact",)


def rows(old: Report, new: Report, allowed: float) -> Iterator[Row]:
    """Yield all figures; ``allowed`` is a share of the old value that none counts as worse."""
    yield from _verdicts(old, new)
    yield from _latencies(old, new, allowed)
    yield from layer_rows(old, new, allowed)
    yield from _memory(old, new, allowed)
    yield from _throughput(old, new, allowed)


def is_bench(report: Report) -> bool:
    """Whether its latencies were measured with nothing arriving."""
    return report.bench is not None


def judge(
    name: str,
    unit: str,
    old: float | None,
    new: float | None,
    *,
    band: float = 0.0,
    more_is_better: bool = False,
) -> Row:
    """Return a row: worse or better where the difference is larger than ``band``."""
    if old is None or new is None:
        return Row(name, unit, old, new, 0.0, Change.UNJUDGED)
    change = Change.SAME
    if abs(new - old) > max(band, 0.0):
        change = Change.BETTER if (new > old) == more_is_better else Change.WORSE
    return Row(name, unit, old, new, band, change)


def _verdicts(old: Report, new: Report) -> Iterator[Row]:
    yield judge(PROVED, "", int(old.passed), int(new.passed), more_is_better=True)
    for name in old.verdicts:
        before, after = old.verdicts[name], new.verdicts.get(name, 0)
        if before or after:
            yield judge(f"{name} answers", "", before, after, more_is_better=name in _GOOD_VERDICTS)
    if old.accuracy or new.accuracy:
        shares = [100 * r.accuracy.device if r.accuracy else None for r in (old, new)]
        yield judge("accuracy", "%", *shares, more_is_better=True)


def _latencies(old: Report, new: Report, allowed: float) -> Iterator[Row]:
    """Yield the latencies. On a host only what was repeated is judged.

    Answers of a stream are computed while the next request arrives, whose bytes interrupt: where
    time is counted exactly, the quiet latency is exact and that of the stream is not. For the same
    reason the percentiles of a ``run`` and of a ``bench`` are different things.
    """
    alike = is_bench(old) == is_bench(new)
    floor = noise.LATENCY_FLOOR[old.provenance]
    repeated = all(r.bench and r.bench.repeats_p50_us for r in (old, new))
    hosted, exact = noise.is_hosted(old), old.provenance is Provenance.CYCLE_EXACT
    was, now = noise.p50(old), noise.p50(new)
    if not alike or (hosted and not repeated):
        yield _unjudged("p50 latency", was, now)
    else:
        streamed = floor if repeated else noise.RECEIVING_FLOOR
        yield _varying("p50 latency", was, now, streamed, allowed)
    was, now = _p99(old), _p99(new)
    if not alike or hosted:
        yield _unjudged("p99 latency", was, now)
    else:
        yield _varying("p99 latency", was, now, noise.TAIL_FLOOR, allowed)
    if hosted:
        yield _unjudged("quiet latency", _quiet(old), _quiet(new))
    else:
        yield _varying("quiet latency", _quiet(old), _quiet(new), floor, allowed, exact=exact)


def _p99(report: Report) -> Measured | None:
    return Measured(report.latency_us.p99) if report.latency_us else None


def _quiet(report: Report) -> Measured | None:
    return None if report.quiet_latency_us is None else Measured(report.quiet_latency_us)


def _unjudged(name: str, old: Measured | None, new: Measured | None) -> Row:
    before, after = old.value if old else None, new.value if new else None
    return Row(name, "us", before, after, 0.0, Change.UNJUDGED)


def _varying(
    name: str,
    old: Measured | None,
    new: Measured | None,
    floor: float,
    allowed: float,
    *,
    exact: bool = False,
) -> Row:
    """Return the row of a time in microseconds."""
    if old is None or new is None:
        return _unjudged(name, old, new)
    band = allowed * old.value
    if not exact:
        band = max(band, noise.band(old, new, floor))
    return judge(name, "us", old.value, new.value, band=band)


def layer_rows(old: Report, new: Report, allowed: float) -> Iterator[Row]:
    """Yield the time of each layer; layers of both runs belong together by name and order."""
    exact = old.provenance is Provenance.CYCLE_EXACT
    floor = noise.LATENCY_FLOOR[old.provenance]
    for before, after in paired(old.layers, new.layers):
        figures = after or before
        assert figures
        name = f"layer {figures.index} ({figures.name})"
        was = noise.layer(before, old) if before else None
        now = noise.layer(after, new) if after else None
        yield _varying(name, was, now, floor, allowed, exact=exact)


def paired(
    old: tuple[LayerFigures, ...], new: tuple[LayerFigures, ...]
) -> list[tuple[LayerFigures | None, LayerFigures | None]]:
    """Return layers of the same operators and shape in pairs; those without a partner alone."""
    rest = list(new)
    pairs: list[tuple[LayerFigures | None, LayerFigures | None]] = []
    for before in old:
        key = (before.name, before.shape)
        partner = next((after for after in rest if (after.name, after.shape) == key), None)
        if partner is not None:
            rest.remove(partner)
        pairs.append((before, partner))
    return pairs + [(None, after) for after in rest]


def _memory(old: Report, new: Report, allowed: float) -> Iterator[Row]:
    for name, field in (
        ("flash", "flash"),
        ("static RAM", "static_ram"),
        ("arena", "arena"),
        ("stack", "stack"),
    ):
        before, after = getattr(old.memory, field), getattr(new.memory, field)
        band = noise.STACK_BYTES if name == "stack" else 0
        yield judge(name, "bytes", before, after, band=max(band, allowed * (before or 0)))


def _throughput(old: Report, new: Report, allowed: float) -> Iterator[Row]:
    before, after = (r.throughput.samples_per_s if r.throughput else None for r in (old, new))
    if noise.is_hosted(old):
        yield Row("throughput", "samples/s", before, after, 0.0, Change.UNJUDGED)
        return
    band = max(noise.THROUGHPUT_FLOOR, allowed) * (before or 0.0)
    yield judge("throughput", "samples/s", before, after, band=band, more_is_better=True)
