"""The forms a model is converted to: which numbers it stores, computes with and exchanges."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """Names of the forms; also the stems of their files."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    DYNAMIC_RANGE = "dynamic_range"
    INT8_FLOAT_IO = "int8_float_io"
    INT8 = "int8"
    INT16X8 = "int16x8"


@dataclass(frozen=True)
class FormSpec:
    """What the converter is told for one form.

    Attributes:
        title: one line for tables and help texts.
        optimize: quantize the weights.
        calibrate: quantize activations too, which needs representative samples.
        integer_io: inputs and outputs are integers as well; needs ``calibrate``.
        half: weights are stored as float16.
        wide: activations are int16 instead of int8; needs ``calibrate``.
    """

    title: str
    optimize: bool = False
    calibrate: bool = False
    integer_io: bool = False
    half: bool = False
    wide: bool = False

    @property
    def weights_only(self) -> bool:
        """Whether weights are int8 and activations float32."""
        return self.optimize and not self.calibrate and not self.half


FORM_SPECS: dict[Form, FormSpec] = {
    Form.FLOAT32: FormSpec("float32 throughout"),
    Form.FLOAT16: FormSpec("float16 weights, float32 activations", optimize=True, half=True),
    Form.DYNAMIC_RANGE: FormSpec("int8 weights, float32 activations", optimize=True),
    Form.INT8_FLOAT_IO: FormSpec("int8, float32 input and output", optimize=True, calibrate=True),
    Form.INT8: FormSpec("int8 throughout", optimize=True, calibrate=True, integer_io=True),
    Form.INT16X8: FormSpec(
        "int16 activations, int8 weights", optimize=True, calibrate=True, integer_io=True, wide=True
    ),
}

ZOO_FORMS = (Form.FLOAT32, Form.DYNAMIC_RANGE, Form.INT8_FLOAT_IO, Form.INT8)
"""The forms of the models that are trained here; also those kept in ``fixtures/``."""
