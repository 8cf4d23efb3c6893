"""Writes standalone sketches: one sample through a model, for the Arduino IDE or PlatformIO."""

from __future__ import annotations

from tinyproof.sketch.write import ENGINES, Layout, SketchOptions, write_sketch

__all__ = ["ENGINES", "Layout", "SketchOptions", "write_sketch"]
