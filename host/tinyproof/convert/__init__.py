"""Turn Keras models into ``.tflite`` files of several forms, and measure these.

The package itself holds the names of the forms alone, so that help texts cost nothing; its modules
``files``, ``from_keras`` and ``measure`` import tensorflow and LiteRT when they convert or measure
something, not before.
"""

from __future__ import annotations

from tinyproof.convert.forms import FORM_SPECS, Form, FormSpec

__all__ = ["FORM_SPECS", "Form", "FormSpec"]
