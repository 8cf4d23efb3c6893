"""``tinyproof run`` with several targets or models: options, processes, one table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from tinyproof.errors import UsageError
from tinyproof.text import printable, table

if TYPE_CHECKING:
    from tinyproof.matrix import Outcome, Pair

INDEX = "index.json"
PAGE = "index.html"
_DEFAULT = ("native",)
_T = TypeVar("_T")
_OWN = ("target", "port", "model", "out")
_SINGLE = {"baseline": "--baseline", "wire_log": "--wire-log"}


def _names(_: click.Context, __: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    names = tuple(name for text in given for name in text.split(",") if name)
    return _once(names)


def _files(_: click.Context, __: click.Parameter, given: Sequence[str]) -> tuple[Path, ...]:
    """Take commas for separators, unless there is a file of that very name."""
    return _once(
        tuple(
            Path(name)
            for text in given
            for name in ([text] if Path(text).exists() else text.split(","))
            if name
        )
    )


def _once(named: tuple[_T, ...]) -> tuple[_T, ...]:
    """Refuse what is named twice: it would be one run where two were asked for."""
    for index, name in enumerate(named):
        if name in named[:index]:
            raise click.BadParameter(f"{name} is named twice; once is enough.")
    return named


SUBJECT: tuple[Callable[..., Any], ...] = (
    click.option(
        "--target",
        multiple=True,
        default=_DEFAULT,
        show_default=True,
        callback=_names,
        metavar="T[,T...]",
        help="Kind of board; see: tinyproof targets. Several: a run for each, side by side.",
    ),
    click.option(
        "--port",
        multiple=True,
        metavar="[T=]PORT",
        help="Serial port or pyserial URL of the board, or sim for the target's simulator; "
        "native needs none. TARGET=PORT where there are several targets.",
    ),
    click.option(
        "--model",
        multiple=True,
        callback=_files,
        metavar="FILE[,FILE...]",
        help="A .tflite file; without it the digits model, trained if need be. Several: a run for "
        "each.",
    ),
)
"""Options as ``tinyproof.cli.options`` has them, but for any number."""


def is_matrix(given: dict[str, Any]) -> bool:
    """Whether more than one pair is asked for."""
    return len(set(given["target"])) > 1 or len(set(given["model"])) > 1


def one(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of the only pair, as all other commands know them."""
    from tinyproof.matrix import assign_ports

    target = (given["target"] or _DEFAULT)[0]
    port = assign_ports(given["port"], [target]).get(target)
    return given | {"target": target, "port": port, "model": next(iter(given["model"]), None)}


def run_pairs(given: dict[str, Any], context: click.Context) -> int:
    """Run each model on each target, write the index, show it, and return the worst exit code."""
    from tinyproof.matrix import assign_ports, outcome_of, plan, run_all
    from tinyproof.project import find_project
    from tinyproof.storage import check_writable

    for name, option in _SINGLE.items():
        if given[name] is not None:
            raise UsageError(
                f"{option} is for one target and one model.",
                hint="Give each pair a run of its own.",
            )
    folder: Path = given["out"] or find_project().state / "report"
    check_writable(folder)
    targets = given["target"] or _DEFAULT
    pairs = plan(targets, given["model"], assign_ports(given["port"], targets))
    _forget(folder, [pair.name for pair in pairs])
    width = max(len(pair.name) for pair in pairs)
    others = _others(context)

    def command(pair: Pair) -> list[str]:
        port = ["--port", pair.port] if pair.port else []
        model = ["--model", str(pair.model)] if pair.model else []
        return [sys.executable, "-m", "tinyproof", "run", "--target", pair.target, *port, *model,
                *others, "--out", str(folder / pair.name)]  # fmt: skip

    def tell(pair: Pair, line: str) -> None:
        click.echo(f"{pair.name:<{width}}  {printable(line)}", err=True)

    ended = run_all(pairs, command, tell)
    return conclude([outcome_of(pair, folder / pair.name, *ended[pair]) for pair in pairs], folder)


def _forget(folder: Path, names: Sequence[str]) -> None:
    """Remove an earlier run's index and reports: nothing of it may pass for this one's."""
    from tinyproof.report import evidence, files, html, junit, markdown
    from tinyproof.storage import storage_errors

    with storage_errors(folder):
        for index in (INDEX, PAGE):
            (folder / index).unlink(missing_ok=True)
        for module in (files, evidence, html, junit, markdown):
            for name in names:
                (folder / name / module.FILE_NAME).unlink(missing_ok=True)


def _others(context: click.Context) -> list[str]:
    """Return the options that the user gave and that are the same for all pairs."""
    words: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in _OWN:
            value = context.params[name]
            words += parameter.opts[:1] if value is True else [parameter.opts[0], str(value)]
    return words


def conclude(outcomes: Sequence[Outcome], folder: Path) -> int:
    """Write ``index.json`` and ``index.html``, print the table, return the exit code."""
    import json

    from tinyproof.matrix import index_of, model_names, worst
    from tinyproof.report import html
    from tinyproof.storage import write_atomic

    names = model_names(outcome.pair for outcome in outcomes)
    rows = [_row(outcome, names[outcome.pair.model]) for outcome in outcomes]
    write_atomic(folder / INDEX, json.dumps(index_of(outcomes), indent=2) + "\n")
    write_atomic(folder / PAGE, html.render_index(rows))
    for line in _table(outcomes, names):
        click.echo(line)
    click.echo(f"Index: {folder / INDEX}")
    return worst(outcomes)


def _row(outcome: Outcome, model: str) -> Any:
    from tinyproof.report import html

    pair = outcome.pair
    if outcome.report is not None:
        page = f"{pair.name}/{html.FILE_NAME}"
        return html.index_row(outcome.report, page, model if pair.model else "")
    names = (pair.target, "–", model)
    unknown = ("–",) * len(html.INDEX_FIGURES)
    return html.IndexRow(names, False, f"{outcome.failure}: {outcome.sentence}", unknown)


def _table(outcomes: Sequence[Outcome], names: Mapping[Path | None, str]) -> list[str]:
    rows = [("pair", "verdict", "exact", "p50", "")]
    rows += [_cells(outcome, names[outcome.pair.model]) for outcome in outcomes]
    proved = sum(outcome.passed for outcome in outcomes)
    return [*table(rows), f"PROVED: {proved} of {len(outcomes)} pairs."]


def _cells(outcome: Outcome, model: str) -> tuple[str, str, str, str, str]:
    report, pair = outcome.report, outcome.pair
    # The folder's name tells models of one name apart by a number only.
    shared = pair.model is not None and model != pair.model.name
    name = f"{pair.name} ({model})" if shared else pair.name
    verdict = "proved" if outcome.passed else f"exit {outcome.exit_code}"
    exact = f"{report.verdicts['exact']:,} of {report.samples:,}" if report else "-"
    known = report is not None and report.latency_us is not None
    p50 = f"{report.latency_us.p50:,.1f} us" if known else "-"  # type: ignore[union-attr]
    told = "" if outcome.passed else f"{outcome.failure}: {outcome.sentence}"
    return printable(name), verdict, exact, p50, told
