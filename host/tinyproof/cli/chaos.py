"""``tinyproof chaos``: a campaign of faults against a board, and its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tinyproof.cli import options

if TYPE_CHECKING:
    from tinyproof.chaos import Row


@click.command()
@options.target
@options.port
@click.option("--runs", type=click.IntRange(min=1), default=100, show_default=True, metavar="N")
@click.option("--seed", type=int, default=0, show_default=True, metavar="S")
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    default=359,
    show_default=True,
    metavar="K",
    help="Samples streamed in each run.",
)
@click.option("--fault", multiple=True, metavar="NAME", help="Only this fault; may be repeated.")
def command(
    target: str, port: str | None, runs: int, seed: int, samples: int, fault: tuple[str, ...]
) -> int:
    """Stream the digits over links that fail in every way.

    Ends with 0 if no wrong answer was taken, none was lost, and every run ended as its fault
    allows. The same seed does the same damage at the same bytes.

    \b
    Examples:
      tinyproof chaos --runs 1000 --seed 7
      tinyproof chaos --fault "flip 1e-4" --runs 10 --samples 50000
      tinyproof chaos --target uno --port sim --runs 20 --samples 40
    """
    from tinyproof.chaos import campaign
    from tinyproof.cli.console import ConsoleProgress
    from tinyproof.patients import open_patient
    from tinyproof.project import find_project

    progress, rows = ConsoleProgress(), dict[str, "Row"]()
    with (
        open_patient(find_project(), target, port, progress) as patient,
        progress.step("chaos", f"{runs:,} runs, seed {seed}") as step,
    ):
        made = campaign(patient, runs=runs, seed=seed, samples=samples, only=fault)
        for number, row in enumerate(made, 1):
            rows[row.case] = row
            step.update(number, runs, row.case)
    _show(list(rows.values()))
    return 0 if all(row.passed for row in rows.values()) else 1


_COLUMNS = ("fault", "runs", "frames", "ends", "wrong", "missing", "hung", "left", "resent",
            "restarts", "longest")  # fmt: skip


def _show(rows: list[Row]) -> None:
    lines = [_COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_COLUMNS))]
    for line in lines:
        cells = zip(line, widths, (0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1), strict=True)
        text = "  ".join(c.rjust(w) if right else c.ljust(w) for c, w, right in cells)
        click.echo(text.rstrip())
    for row in rows:
        if not row.passed:
            for remark in row.remarks:
                click.echo(f"{row.case}: {remark}")
    totals = [sum(getattr(row, name) for row in rows) for name in ("runs", "frames", "wrong")]
    verdict = "held" if all(row.passed for row in rows) else "FAILED"
    click.echo(f"{verdict}: {totals[0]:,} runs, {totals[1]:,} frames, {totals[2]:,} wrong answers.")


def _cells(row: Row) -> tuple[str, ...]:
    ends = ", ".join(f"{number:,} {end}" for end, number in sorted(row.ends.items()))
    counts = (row.wrong, row.missing, row.hung, row.left_over, row.retransmissions, row.restarts)
    return (row.case, f"{row.runs:,}", f"{row.frames:,}", ends, *(f"{n:,}" for n in counts),
            f"{row.longest_s:.1f} s")  # fmt: skip
