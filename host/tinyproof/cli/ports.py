"""``tinyproof ports``: the boards that are attached, what they may be, what they run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tinyproof.asking import Reply
    from tinyproof.discovery import Attached

_USER_FILE = "(user)"


@click.command(short_help="List attached boards, ask what they run, give them names.")
@click.option(
    "--ask",
    is_flag=True,
    help="Ask every board what it runs. Opening a port restarts many boards; a busy port is left "
    "alone.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--save",
    is_flag=False,
    flag_value=_USER_FILE,
    metavar="[FILE]",
    help="Add the boards to a bench map; without FILE to the user's own.",
)
@click.option(
    "--as",
    "given",
    multiple=True,
    metavar="PORT=TARGET",
    help="What a board is, where its USB id leaves it open; may be repeated.",
)
def command(ask: bool, as_json: bool, save: str | None, given: tuple[str, ...]) -> None:
    """List the serial ports that are attached: USB id, serial number, likely targets.

    A bench map gives boards names, by serial number, that --port takes in every command. Runs read
    the one named in TINYPROOF_BENCH, else bench.toml in the current folder, else the user's own.

    \b
    Examples:
      tinyproof ports
      tinyproof ports --ask
      tinyproof ports --save bench.toml --as /dev/ttyUSB0=esp32dev
    """
    from tinyproof import benchmap, discovery
    from tinyproof.asking import ask_all
    from tinyproof.project import find_project
    from tinyproof.targets import load_targets

    targets = load_targets(find_project())
    named = dict(_assignment(text, targets) for text in given)
    file = None if save is None else benchmap.user_file() if save == _USER_FILE else Path(save)
    boards = discovery.attached(targets.values(), benchmap.load(file))
    named = dict(_board_port(port, boards, target) for port, target in named.items())
    replies = ask_all(boards, targets) if ask else {}
    if as_json:
        click.echo(json.dumps([_record(b, replies.get(b.port)) for b in boards], indent=2))
    else:
        _show(boards, replies)
    if file is not None:
        _save(file, boards, replies, named)


def _assignment(text: str, targets: Mapping[str, object]) -> tuple[str, str]:
    port, _, target = text.partition("=")
    if target not in targets:
        raise click.UsageError(f"--as {text}: PORT=TARGET is wanted; see tinyproof targets.")
    return port, target


def _board_port(given: str, boards: Sequence[Attached], target: str) -> tuple[str, str]:
    """Return the port that ``given`` names, which may be a link to it, and the target."""
    for board in boards:
        if Path(given).resolve() == Path(board.port).resolve():
            return board.port, target
    attached = ", ".join(board.port for board in boards) or "none"
    raise click.UsageError(
        f"--as {given}={target}: {given} is not attached; the ports that are: {attached}."
    )


def _record(board: Attached, reply: Reply | None) -> dict[str, Any]:
    from tinyproof import ports

    return {
        "port": board.port,
        "usb_id": board.usb_text,
        "serial_number": board.serial_number,
        "product": board.product,
        "name": board.name,
        "targets": list(board.targets),
        "busy": [{"pid": h.pid, "name": h.name} for h in ports.foreign_holders(board.port)],
        "firmware": None if reply is None else _firmware(reply),
    }


def _firmware(reply: Reply) -> dict[str, str]:
    answer = {"state": reply.state, "text": reply.text}
    if reply.hello:
        model = reply.hello.model
        answer |= {"target": reply.hello.target, "engine": model.engine}
        answer |= {"model": model.model_sha256.hex(), "build": reply.hello.build_id.hex()}
    return answer


def _show(boards: Sequence[Attached], replies: Mapping[str, Reply]) -> None:
    if not boards:
        click.echo("No serial ports. Plug in a board with a data cable, or use --port sim.")
    for board in boards:
        for line in _lines(board, replies.get(board.port)):
            click.echo(line)
    if boards and not replies:
        click.echo("What they run: tinyproof ports --ask (opening a port restarts many boards).")


def _lines(board: Attached, reply: Reply | None) -> Iterator[str]:
    from tinyproof import ports
    from tinyproof.text import printable

    parts = [board.port, board.name, board.usb_text or "no USB", board.serial_number or "-"]
    yield "  ".join(printable(part) for part in [*parts, board.product] if part)
    likely = f"one of {', '.join(board.targets)}" if len(board.targets) > 1 else ""
    yield f"    target    {likely or ''.join(board.targets) or 'unknown'}"
    held = ports.foreign_holders(board.port)
    if held and reply is None:
        names = ", ".join(f"{holder.name} (process {holder.pid})" for holder in held)
        yield f"    busy      {names}"
    if reply:
        yield f"    firmware  {reply.text}"


def _save(
    file: Path,
    boards: Sequence[Attached],
    replies: Mapping[str, Reply],
    named: Mapping[str, str],
) -> None:
    """Add to the bench map what is certain, and say what is left out and why.

    Raises:
        PortError: there is nothing to save, and no bench map.
    """
    from tinyproof import benchmap
    from tinyproof.errors import PortError

    found = []
    for board in boards:
        target = named.get(board.port) or _certain(board, replies.get(board.port))
        if board.name:
            click.echo(f"{board.port}: is {board.name} already.")
        elif not board.serial_number:
            click.echo(f"{board.port}: left out, it has no serial number of its own.")
        elif target is None:
            click.echo(f"{board.port}: left out, say what it is: --as {board.port}=TARGET")
        else:
            found.append((board.serial_number, target))
    for entry in benchmap.save(file, found):
        click.echo(f"{entry.name}: {entry.target}, serial number {entry.serial_number}")
    if not file.exists():
        raise PortError(
            "Nothing to save: no attached board has a serial number of its own and a known target.",
            port="",
            hint="Attach one, or say what it is: --as PORT=TARGET.",
        )
    click.echo(f"Bench map: {file}" if found else f"Nothing new to save in {file}")


def _certain(board: Attached, reply: Reply | None) -> str | None:
    """Return what the board says it is, else the only target that it can be, unless by a guess."""
    if reply and reply.hello:
        return reply.hello.target
    return board.targets[0] if len(board.targets) == 1 and not board.is_guess else None
