"""The console script, and ``python -m tinyproof``: stopped while it still loads, it says so too."""

from __future__ import annotations

import sys

_INTERRUPTED = 130


def main() -> int:
    """Run the command line and return its exit code."""
    try:
        from tinyproof.cli import main as run

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("tinyproof: interrupted: Stopped before anything was started.\n")
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
