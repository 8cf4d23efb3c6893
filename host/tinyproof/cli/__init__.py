"""The command line: options and wiring, no logic. One module per family of commands."""

from __future__ import annotations

from tinyproof.cli.main import main

__all__ = ["main"]
