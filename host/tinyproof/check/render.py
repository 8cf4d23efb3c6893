"""A check as text for people. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinyproof.check.result import Check, EngineCheck, TargetCheck
from tinyproof.text import count, table


def text(check: Check) -> str:
    """Return all of it: operators, engines, layers, targets, what to change."""
    parts = [
        *_operators(check),
        "",
        *(_engine(engine) for engine in check.engines),
        "",
        *_layers(check),
        *_targets(check.targets),
        *_notes(check.targets),
    ]
    return "\n".join(parts) + "\n"


def _operators(check: Check) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [("", "operator", "types", "engine aot", "TFLM")]
    rows += [
        (str(o.index), o.name, o.types, o.aot or "ok", (o.tflm and "no such operator") or "ok")
        for o in check.operators
    ]
    yield from table(rows, right=(0,))
    for operator in check.operators:
        if operator.advice:
            yield f"  change operator {operator.index} ({operator.name}): {operator.advice}"


def _engine(engine: EngineCheck) -> str:
    name = {"aot": "Engine aot:", "tflm": "TFLM:"}[engine.engine]
    if engine.accepted is None:
        return f"{name:<12}not tried: {engine.reason}"
    if not engine.accepted:
        return f"{name:<12}refused: {engine.reason}"
    how = "" if engine.engine == "aot" else " at most, on a board of 32 bits"
    return f"{name:<12}accepted, arena {engine.arena_bytes:,} bytes{how}"


def _layers(check: Check) -> Iterator[str]:
    if not check.layers:
        return
    timed = next((target for target in check.targets if target.layer_costs), None)
    head = ("layer", "operators", "output", "MACs", "weights", "arena live")
    rows = [(*head, f"{timed.unit}, {timed.target}") if timed else head]
    for layer in check.layers:
        row = (
            str(layer.index),
            layer.name,
            "x".join(map(str, layer.shape)) or "scalar",
            f"{layer.macs:,}",
            f"{layer.weight_bytes:,}",
            f"{layer.live_bytes:,}",
        )
        rows.append((*row, f"{timed.layer_costs[layer.index]:,.0f}") if timed else row)
    yield from table(rows, right=(0, 3, 4, 5, 6))
    yield ""


def _targets(targets: Sequence[TargetCheck]) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [
        ("target", "", "flash", "of", "RAM", "of", "one inference, estimated")
    ]
    for target in targets:
        rows += [_target(target), *_with_tflm(target)]
    yield from table(rows, right=(2, 3, 4, 5))


def _target(target: TargetCheck) -> tuple[str, ...]:
    if target.flash is None or target.ram is None:
        return (target.target, "refused", "", "", "", "", "")
    about = "" if target.exact else "~"
    return (
        target.target,
        "fits" if target.fits else "TOO LARGE",
        f"{about}{target.flash:,}",
        f"{target.flash_size:,}" if target.flash_size else "-",
        f"{about}{target.ram:,}",
        f"{target.ram_size:,}" if target.ram_size else "-",
        _time(target),
    )


def _with_tflm(target: TargetCheck) -> Iterator[tuple[str, ...]]:
    if target.tflm is None:
        return
    yield (
        f"{target.target}, engine tflm",
        "TOO LARGE" if target.tflm.problems else "may fit",
        f">{target.tflm.flash:,}",
        f"{target.flash_size:,}" if target.flash_size else "-",
        f">{target.tflm.ram:,}",
        f"{target.ram_size:,}" if target.ram_size else "-",
        "not known",
    )


def _time(target: TargetCheck) -> str:
    if target.cost is None:
        return "not known: this processor was not measured"
    error = f"; off by at most {target.error_percent:.0f} % so far" if target.error_percent else ""
    cost = f"{target.cost:,.0f} {target.unit}"
    if target.latency_us is None:
        return f"{cost}, not cycles{error}"
    return f"{target.latency_us / 1000:,.2f} ms ({cost}){error}"


def _notes(targets: Sequence[TargetCheck]) -> Iterator[str]:
    for target in targets:
        for problem in target.problems:
            yield f"{target.target}: {problem}"
        for change in target.changes:
            yield f"{target.target}: change: {change}"
        for problem in target.tflm.problems if target.tflm else ():
            yield f"{target.target}, engine tflm: {problem}"
    if any(target.flash is not None and not target.exact for target in targets):
        yield "~ is an estimate, without stack and, except on AVR, without the firmware itself;"
        yield "--build makes flash and RAM exact."
    if any(target.tflm for target in targets):
        yield "> is the least: the model's file and the arena. TFLM's code and data come on top."
    kinds = sorted({kind for target in targets for kind in target.guessed})
    if kinds:
        yield f"Not measured, guessed: {count(len(kinds), 'kind')} of layers ({', '.join(kinds)})."
