"""Turn models of many kinds into ``.tflite`` files of several forms, and measure these.

The package itself holds the names of the forms alone, so that help texts cost nothing; its modules
import tensorflow and LiteRT when they convert or measure something, not before.
"""

from __future__ import annotations

from tinyproof.convert.forms import FORM_SPECS, ZOO_FORMS, Form, FormSpec

__all__ = ["FORM_SPECS", "ZOO_FORMS", "Form", "FormSpec"]
