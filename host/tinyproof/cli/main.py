"""The ``tinyproof`` command: its subcommands, and how each error ends the process."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from types import FrameType

import click

from tinyproof import __version__
from tinyproof.errors import TinyProofError

EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130

# Command name -> module that defines it as `command`; imported only when called or listed, so that
# no command pays for the imports of another.
COMMANDS = {
    "run": "tinyproof.cli.run",
    "train": "tinyproof.cli.train",
    "convert": "tinyproof.cli.convert",
    "generate": "tinyproof.cli.generate",
    "build": "tinyproof.cli.build",
    "verify": "tinyproof.cli.verify",
    "targets": "tinyproof.cli.targets",
    "ports": "tinyproof.cli.ports",
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
    """Run the command line and return its exit code; every error becomes one sentence on stderr."""
    args = sys.argv[1:] if argv is None else argv
    verbose = "--verbose" in args or "-v" in args
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = cli.main(args, prog_name="tinyproof", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, click.Abort):
        _complain("interrupted: Stopped; everything that was started has been ended.", "")
        return EXIT_INTERRUPTED
    except click.UsageError as error:
        context = f"See '{error.ctx.command_path} --help'." if error.ctx else ""
        _complain(f"usage: {error.format_message()}", context)
        return error.exit_code
    except TinyProofError as error:
        if verbose:
            traceback.print_exc()
        _complain(f"{error.failure}: {error.sentence}", error.hint)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output left; nothing more can be said to it, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_INTERNAL
    except Exception as error:
        if verbose:
            traceback.print_exc()
        _complain(
            f"internal: {type(error).__name__}: {error}",
            "This is a fault of TinyProof: run again with --verbose and report what it shows.",
        )
        return EXIT_INTERNAL


def _interrupt(signum: int, frame: FrameType | None) -> None:
    # A terminated harness cleans up exactly as an interrupted one does.
    raise KeyboardInterrupt


def _complain(sentence: str, hint: str) -> None:
    click.echo(f"tinyproof: {sentence}", err=True)
    if hint:
        click.echo(f"  next: {hint}", err=True)
