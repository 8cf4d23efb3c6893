"""Counts what an inference executes on each processor, as a table; the same figures every time.

python tests/bench/kernels.py                      the digits models
python tests/bench/kernels.py MODEL.tflite...      these models
python tests/bench/kernels.py --write [MODEL...]   the digits and these, into docs/speed.md
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.counting import MACHINES, ROOT, Count, count
from tinyproof.errors import TinyProofError

DIGITS = [ROOT / f"fixtures/digits/{name}.tflite" for name in ("int8", "float32")]
PAGE = ROOT / "docs/speed.md"
BEGIN, END = "<!-- counts: written by tests/bench/kernels.py -->", "<!-- end of counts -->"
SMALL = ("atmega328p",)
"""Machines too small for most models; what does not fit is left out."""


def title(model: Path) -> str:
    """Return the model's name for the table."""
    return f"digits {model.stem}" if model in DIGITS else model.stem


def measure(model: Path, names: Sequence[str]) -> Iterator[tuple[str, Count]]:
    """Yield the count on each machine on which the model can run."""
    data = model.read_bytes()
    for name in names:
        try:
            yield name, count(MACHINES[name], data)
        except RuntimeError as error:
            if name not in SMALL:
                raise
            reason = str(error).splitlines()[0]
            sys.stderr.write(f"{title(model)} does not run on {name}: {reason}\n")


def table(models: Sequence[Path], names: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a Markdown table, each as soon as it is known."""
    yield "| model | processor | executed | flash | static RAM | stack | answer |"
    yield "|---|---|--:|--:|--:|--:|---|"
    for model in models:
        for name, found in measure(model, names):
            machine = MACHINES[name]
            answer = "as LiteRT" if found.exact else "**differs from LiteRT**"
            stack = found.stack or "-"
            yield (
                f"| {title(model)} | {machine.title} | {found.executed:,} {machine.unit} "
                f"| {found.flash:,} | {found.ram:,} | {stack} | {answer} |"
            )


def versions(names: Sequence[str]) -> Iterator[str]:
    """Yield a line on the tools that were used and the commit."""
    commands = sorted({MACHINES[name].compiler[0] for name in names})
    commands += sorted({MACHINES[name].tools[-1] for name in names} - {"gcc"})
    for command in commands:
        done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
        yield f"`{done.stdout.splitlines()[0]}`"
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True
    )
    yield f"TinyProof at `{done.stdout.strip()}`"


def write(lines: Sequence[str], names: Sequence[str]) -> None:
    """Put the table into its place in the documentation."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    tools = "Made with " + "; ".join(versions(names)) + "."
    block = "\n".join([BEGIN, *lines, "", tools, END])
    PAGE.write_text(before + block + after)


def main() -> int:
    """Count and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL")
    parser.add_argument("--on", action="append", choices=MACHINES, help="only this processor")
    parser.add_argument("--write", action="store_true", help="update docs/speed.md")
    options = parser.parse_args()
    names = options.on or list(MACHINES)
    models = [*(DIGITS if options.write or not options.models else []), *options.models]
    lines = []
    try:
        for line in table(models, names):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            lines.append(line)
    except (TinyProofError, OSError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.write:
        write(lines, names)
    return 0


if __name__ == "__main__":
    sys.exit(main())
