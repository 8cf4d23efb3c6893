"""The one place that imports tensorflow and Keras: silently, and kept to the processor."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from types import ModuleType

from tinyproof.errors import ToolchainError

_STDERR = 2


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Discard what libraries print: Python's streams, warnings, and C++ logs on descriptor 2.

    tensorflow's converter and LiteRT write to descriptor 2 directly, whatever the log level.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as sink:
        sys.stderr.flush()
        saved = os.dup(_STDERR)
        try:
            os.dup2(sink.fileno(), _STDERR)
            with (
                contextlib.redirect_stdout(sink),
                contextlib.redirect_stderr(sink),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore")
                yield
        finally:
            os.dup2(saved, _STDERR)
            os.close(saved)


def require(module: str) -> ModuleType:
    """Import ``module`` of the ``train`` extra.

    Raises:
        ToolchainError: it, or something it needs, is not installed.
    """
    try:
        with quiet():
            return importlib.import_module(module)
    except ImportError as error:
        missing = error.name or module
        raise ToolchainError(
            f"Training and converting need the Python package {missing}, which cannot be imported.",
            hint="Install it: pip install 'tinyproof[train]'.",
        ) from error


def tensorflow() -> ModuleType:
    """Import tensorflow (seconds, the first time) with its log silenced and graphics cards unused.

    A model of a few hundred parameters is slower on a graphics card, and not reproducible there.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    return require("tensorflow")


def keras() -> ModuleType:
    """Import Keras, on tensorflow."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    tensorflow()
    return require("keras")
