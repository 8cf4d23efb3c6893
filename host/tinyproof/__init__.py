"""TinyProof proves, on the board, that a TinyML model behaves as it did on the desk."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
