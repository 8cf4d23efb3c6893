"""Turn Keras models into ``.tflite`` files of several forms, and measure these.

Importing this package imports no tensorflow; :func:`convert_keras` does, when it is called.
"""

from __future__ import annotations

from tinyproof.convert.forms import Form
from tinyproof.convert.from_keras import convert_keras
from tinyproof.convert.measure import FormRow, measure_form

__all__ = ["Form", "FormRow", "convert_keras", "measure_form"]
