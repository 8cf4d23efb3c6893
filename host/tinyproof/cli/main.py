"""The ``tinyproof`` command: its subcommands, and how each error ends the process."""

from __future__ import annotations

import importlib
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from tinyproof import __version__
from tinyproof.cli import streams
from tinyproof.cli.contained import is_contained, run_contained
from tinyproof.cli.streams import complain
from tinyproof.errors import TinyProofError, UsageError

EXIT_INTERRUPTED = 130
_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)

# Command name -> module that defines it as `command`; imported only when called or listed, so that
# no command pays for the imports of another.
COMMANDS = {
    "run": "tinyproof.cli.run",
    "bench": "tinyproof.cli.bench",
    "train": "tinyproof.cli.train",
    "convert": "tinyproof.cli.convert",
    "check": "tinyproof.cli.check",
    "generate": "tinyproof.cli.generate",
    "sketch": "tinyproof.cli.sketch",
    "build": "tinyproof.cli.build",
    "flash": "tinyproof.cli.flash",
    "verify": "tinyproof.cli.verify",
    "compare": "tinyproof.cli.compare",
    "history": "tinyproof.cli.history",
    "replay": "tinyproof.cli.replay",
    "chaos": "tinyproof.cli.chaos",
    "quantization": "tinyproof.cli.quantization",
    "report": "tinyproof.cli.report",
    "simulate": "tinyproof.cli.simulate",
    "targets": "tinyproof.cli.targets",
    "ports": "tinyproof.cli.ports",
    "boards": "tinyproof.cli.boards",
    "doctor": "tinyproof.cli.doctor",
    "init": "tinyproof.cli.init",
    "pio": "tinyproof.cli.pio",
}


class LazyGroup(click.Group):
    """A group whose subcommands are imported when they are needed, in the table's order."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, main job first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand; None if there is none of that name."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = importlib.import_module(module).command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand; a library that calls ``sys.exit(0)`` must not end it as a success."""
        try:
            return super().invoke(ctx)
        except SystemExit as error:
            raise RuntimeError(f"SystemExit: {error}") from error


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 proved; 1 the board disagrees or misses a budget; 2 wrong usage or bad "
    "input; 3 refused (other firmware, model or protocol, clock off); 4 infrastructure (no board, "
    "no toolchain, port busy, board silent, disk full); 70 a fault of ours; 130 interrupted.",
)
@click.version_option(__version__, prog_name="tinyproof")
@click.option("--verbose", "-v", is_flag=True, help="Show the trace of an error.")
@click.pass_context
def cli(ctx: click.Context, verbose: bool) -> None:
    """Prove, on the board, that a TinyML model behaves as it did on the desk.

    \b
    Examples:
      tinyproof run                                    train the digits, prove them on this machine
      tinyproof run --target uno --port sim            ... on a simulated Arduino Uno
      tinyproof run --model m.tflite --samples s.npz   ... with a model of your own
      tinyproof doctor                                 what this machine has and lacks
    """
    ctx.obj = verbose


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code; every error becomes one sentence on stderr.

    Without ``argv`` this is the console script: what native code may crash runs in a child then.
    """
    args = sys.argv[1:] if argv is None else argv
    streams.guard()
    with _termination_interrupts():
        try:
            is_child_wanted = argv is None and is_contained(args)
            return run_contained(args) if is_child_wanted else _run(args)
        except (KeyboardInterrupt, click.Abort):
            complain("interrupted: Stopped; everything that was started has been ended.")
            return EXIT_INTERRUPTED
        except click.ClickException as error:
            complain(f"usage: {error.format_message()}", _help_of(error))
            return UsageError.exit_code
        except TinyProofError as error:
            _trace(args)
            complain(f"{error.failure}: {error.sentence}", error.hint)
            return error.exit_code
        except Exception as error:
            _trace(args)
            complain(
                f"internal: {type(error).__name__}: {error}",
                "This is a fault of TinyProof: report what tinyproof --verbose ... shows.",
            )
            return TinyProofError.exit_code


def _run(args: list[str]) -> int:
    try:
        code = cli.main(args, prog_name="tinyproof", standalone_mode=False)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    sys.stdout.flush()
    return code if isinstance(code, int) else 0


@contextmanager
def _termination_interrupts() -> Iterator[None]:
    """Let a terminated command, or one whose terminal closes, clean up as if interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = {number: signal.signal(number, _interrupt) for number in _ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _help_of(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"See: {context.command_path} --help" if context else ""


def _trace(args: list[str]) -> None:
    if "--verbose" in args or "-v" in args:
        traceback.print_exc()
