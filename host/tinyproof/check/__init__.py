"""Whether a model runs on a target, and what it costs there, before anything is flashed."""

from __future__ import annotations
