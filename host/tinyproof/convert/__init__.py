"""Turn Keras models into ``.tflite`` files of several forms, and measure these.

Importing this package costs nothing: tensorflow and LiteRT are imported when something is
converted or measured, not before.
"""

from __future__ import annotations

from tinyproof.convert.files import convert_file
from tinyproof.convert.forms import FORM_SPECS, Form, FormSpec
from tinyproof.convert.from_keras import convert_keras
from tinyproof.convert.measure import FormRow, measure_form, measure_forms

__all__ = [
    "FORM_SPECS",
    "Form",
    "FormRow",
    "FormSpec",
    "convert_file",
    "convert_keras",
    "measure_form",
    "measure_forms",
]
