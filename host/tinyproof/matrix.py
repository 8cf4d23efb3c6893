"""Many models on many targets: a run of its own for each pair, side by side, and one index of all.

Each pair is a process, ``tinyproof run``: nothing that happens to one reaches another. Pairs that
need the same board wait for each other, the others run at once.
"""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from tinyproof.errors import InfrastructureError, TinyProofError, UsageError
from tinyproof.report import Report, load_report
from tinyproof.report import files as report_files
from tinyproof.text import printable

SCHEMA = 1
"""Version of ``index.json``: fields may be added under it, none changes its meaning or vanishes."""
END_SECONDS = 20.0
"""What interrupted runs get to clean up before they are killed."""
SIMULATED = "sim"
_DIGITS = "digits"
_COMPLAINT = re.compile(r"tinyproof: (?P<failure>[a-z]+): (?P<sentence>.*)")
_TEXT_KEPT = 2000


@dataclass(frozen=True, slots=True)
class Pair:
    """One model on one target.

    Attributes:
        name: of its folder, unlike all others'.
        target: name of the target.
        model: the ``.tflite`` file; None for the digits.
        port: as ``--port``; None if none was given.
    """

    name: str
    target: str
    model: Path | None
    port: str | None

    @property
    def board(self) -> str:
        """What pairs share that cannot run at once: the port, or the one simulated board."""
        simulated = self.port in (None, SIMULATED)
        return f"target {self.target}" if simulated else f"port {self.port}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a pair's run ended.

    Attributes:
        pair: which.
        exit_code: of its run.
        report: what it wrote; None if it ended before.
        failure: the failure class; empty if it passed.
        sentence: what happened, printable; empty if it passed.
    """

    pair: Pair
    exit_code: int
    report: Report | None
    failure: str
    sentence: str

    @property
    def passed(self) -> bool:
        """Whether the pair was proved."""
        return self.exit_code == 0


def assign_ports(given: Sequence[str], targets: Sequence[str]) -> dict[str, str]:
    """Return the port of each target that has one.

    Args:
        given: ``TARGET=PORT``, several with commas between, or one port for all.
        targets: the targets' names.

    Raises:
        UsageError: a target has two ports or an empty one, two targets would share a real one, or a
            port is for a target that is not among them.
    """
    names = "|".join(map(re.escape, targets))
    ports: dict[str, str] = {}
    for text in given:
        # A port's own name may hold commas and equal signs.
        for piece in re.split(rf",(?=(?:{names})=)", text):
            own = re.fullmatch(rf"({names})=(.*)", piece, re.DOTALL)
            _demand_sense(own[2] if own else piece, targets, named=bool(own))
            chosen = {own[1]: own[2]} if own else dict.fromkeys(targets, piece)
            if not own and len(targets) > 1 and piece != SIMULATED:
                raise UsageError(
                    f"{printable(piece, limit=80)} is one port for {len(targets)} targets.",
                    hint="Say whose it is: --port TARGET=PORT, once for each board.",
                )
            if twice := ports.keys() & chosen.keys():
                raise UsageError(
                    f"{min(twice)} has two ports.", hint="Give each target one: --port TARGET=PORT."
                )
            ports |= chosen
    return ports


def _demand_sense(port: str, targets: Sequence[str], *, named: bool) -> None:
    """Refuse an empty port, and one for a target that is not among ``targets``."""
    if not port.strip():
        raise UsageError(
            "The port's name is empty.",
            hint="Name a port or a board, see tinyproof ports; or leave --port out.",
        )
    # A URL's own query may look like it.
    begin = "" if named else "^|"
    stranger = re.search(rf"(?:{begin},)([A-Za-z][\w-]*)=", port) if "://" not in port else None
    if stranger:
        raise UsageError(
            f"A port is given for {stranger[1]}, which is not among the targets: "
            f"{', '.join(dict.fromkeys(targets))}.",
            hint=f"Add it: --target {','.join(dict.fromkeys(targets))},{stranger[1]}, or leave its "
            "port out.",
        )


def plan(
    targets: Sequence[str], models: Sequence[Path], ports: Mapping[str, str]
) -> tuple[Pair, ...]:
    """Return all pairs, targets first; what was named twice counts once."""
    pairs: list[Pair] = []
    taken: set[str] = set()
    for target in dict.fromkeys(targets):
        for model in dict.fromkeys(models) or (None,):
            name = _unlike(f"{target}-{model.stem if model else _DIGITS}", taken)
            taken.add(name)
            pairs.append(Pair(name, target, model, ports.get(target)))
    return tuple(pairs)


def model_names(pairs: Iterable[Pair]) -> dict[Path | None, str]:
    """Return what to call each model: its file name, with as many folders as tell all apart."""
    models = [model for model in dict.fromkeys(pair.model for pair in pairs) if model]
    for folders in range(max((len(model.parts) for model in models), default=0)):
        names = {model: "/".join(model.parts[-1 - folders :]) for model in models}
        if len(set(names.values())) == len(models):
            break
    else:
        names = {model: str(model) for model in models}
    return {None: _DIGITS} | {model: names[model] for model in models}


def _unlike(name: str, taken: Iterable[str]) -> str:
    """Return ``name`` as a folder's, with a number where models share a file name."""
    name = re.sub(r"[^\w.+-]", "_", name)
    numbered = (f"{name}-{number}" for number in range(2, 1 << 20))
    return name if name not in taken else next(n for n in numbered if n not in taken)


# -- running


def run_all(
    pairs: Sequence[Pair],
    command: Callable[[Pair], Sequence[str]],
    tell: Callable[[Pair, str], None],
) -> dict[Pair, tuple[int, str]]:
    """Run all pairs and return each one's exit code, and the last line that it complained in.

    Args:
        pairs: what to run.
        command: the process of a pair; what it writes on standard output is dropped.
        tell: gets each line of its standard error, from this thread.

    Raises:
        InfrastructureError: a process cannot be started.
    """
    waiting: dict[str, deque[Pair]] = defaultdict(deque)
    for pair in pairs:
        waiting[pair.board].append(pair)
    lines: queue.Queue[tuple[Pair, str | None]] = queue.Queue()
    running: dict[Pair, subprocess.Popen[str]] = {}
    said: dict[Pair, str] = {}
    ended: dict[Pair, tuple[int, str]] = {}

    def start(board: str) -> None:
        if waiting[board]:
            pair = waiting[board].popleft()
            running[pair] = _start(command(pair))
            threading.Thread(target=_listen, args=(pair, running[pair], lines), daemon=True).start()

    try:
        for board in list(waiting):
            start(board)
        while running:
            pair, line = lines.get()
            if line is None:
                ended[pair] = running.pop(pair).wait(), said.get(pair, "")
                start(pair.board)
                continue
            if _COMPLAINT.match(line):
                said[pair] = line
            tell(pair, line)
    finally:
        _end(list(running.values()))
    return ended


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    """Start a run in a session of its own: an interrupted terminal must not end it behind us."""
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="backslashreplace",
            start_new_session=True,
        )
    except OSError as error:
        raise InfrastructureError(
            f"Cannot start another tinyproof: {error.strerror}.", hint="Run fewer pairs at once."
        ) from error


def _listen(
    pair: Pair, process: subprocess.Popen[str], lines: queue.Queue[tuple[Pair, str | None]]
) -> None:
    assert process.stderr is not None
    with process.stderr:
        for line in process.stderr:
            lines.put((pair, line.rstrip("\n")))
    lines.put((pair, None))


def _end(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Interrupt runs, so that they clean up; kill those that take too long."""
    for process in processes:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
    until = time.monotonic() + END_SECONDS
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


# -- what they came to


def outcome_of(pair: Pair, folder: Path, code: int, said: str) -> Outcome:
    """Return how a run ended that left its report, if any, in ``folder``.

    Only a process that ended with 0 and a report that says the same is a proof.
    """
    report = None
    with suppress(TinyProofError):
        report = load_report(folder)
    if code == 0 and report is not None and report.passed:
        return Outcome(pair, 0, report, "", "")
    failure = report.failure if report else None
    if failure is not None and code:
        sentence = printable(failure.sentence, limit=_TEXT_KEPT)
        return Outcome(pair, code, report, failure.kind, sentence)
    complaint = _COMPLAINT.match(said)
    if complaint and code > 0:
        sentence = printable(complaint["sentence"], limit=_TEXT_KEPT)
        return Outcome(pair, code, report, complaint["failure"], sentence)
    how = f"was ended by signal {-code}" if code < 0 else f"ended with {code} and said nothing"
    return Outcome(pair, TinyProofError.exit_code, report, "internal", f"The run {how}.")


def worst(outcomes: Sequence[Outcome]) -> int:
    """Return the exit code for all of them, at least one; docs/report.md has the order."""
    return min(outcomes, key=_rank).exit_code


_ORDER = (130, 3, 70, 2, 4)


def _rank(outcome: Outcome) -> int:
    """Return a number that is the less, the worse an outcome is."""
    code = outcome.exit_code
    if code == 1:
        return 0 if outcome.failure == "numeric" else len(_ORDER) + 1
    return _ORDER.index(code) + 1 if code in _ORDER else len(_ORDER) + 2 + (code == 0)


def index_of(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the content of ``index.json``; docs/report.md describes it."""
    return {
        "schema": SCHEMA,
        "passed": all(outcome.passed for outcome in outcomes),
        "exit_code": worst(outcomes),
        "pairs": [_entry(outcome) for outcome in outcomes],
    }


def schema() -> dict[str, Any]:
    """Return the JSON Schema of ``index.json``, as published with the package."""
    text = resources.files("tinyproof").joinpath("matrix_schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _entry(outcome: Outcome) -> dict[str, Any]:
    pair, report = outcome.pair, outcome.report
    failure = {"class": outcome.failure, "sentence": outcome.sentence}
    return {
        "name": pair.name,
        "target": pair.target,
        "model": str(pair.model) if pair.model else None,
        "port": pair.port,
        "passed": outcome.passed,
        "exit_code": outcome.exit_code,
        "failure": None if outcome.passed else failure,
        "samples": report.samples if report else None,
        "verdicts": dict(report.verdicts) if report else None,
        "report": f"{pair.name}/{report_files.FILE_NAME}" if report else None,
    }
