"""The text of a sketch: the sample, the program around the engine, PlatformIO's project. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyproof.codegen import ctext
from tinyproof.codegen.descriptor import Interface
from tinyproof.text import printable

BAUD = 9600
_SHADES = " .:-=+*#%@"
_DRAWN = 48
"""The largest picture, in values a side, that is drawn in a comment."""
_FLOAT_TOLERANCE = 1e-5
"""Of the largest score's magnitude: what counts as equal for float32, as in every verdict."""


@dataclass(frozen=True, eq=False)
class BakedSample:
    """One sample with what the reference answers to it.

    Attributes:
        values: real values as float32, or the model's own integers; shape as the input's.
        label: the right class, None if it is not known.
        source: where it comes from, for people.
        input: the model's input.
        output: its output.
        expected: (scores,) in the output's own type: what the reference answers.
        reference: which that is, such as ``LiteRT``.
    """

    values: NDArray[Any]
    label: int | None
    source: str
    input: Interface
    output: Interface
    expected: NDArray[Any]
    reference: str = "LiteRT"

    @property
    def expected_class(self) -> int:
        """Index of the largest score, the first of equals."""
        return int(self.expected.argmax())

    @property
    def digits(self) -> int:
        """Decimals that tell neighbouring quantized scores apart; 6 for float32."""
        if self.output.scale <= 0:
            return 6
        return min(7, max(2, 2 - math.floor(math.log10(self.output.scale))))

    @property
    def tolerance(self) -> float:
        """How far a real score may be from the expected one; quantized ones must be equal."""
        if self.output.scale > 0:
            return 0.0
        return _FLOAT_TOLERANCE * float(np.abs(self.expected).max(initial=0.0))


def sample_header(sample: BakedSample) -> str:
    """Return ``sample.h``: the values, the quantization, the expected scores."""
    values, expected = sample.values.reshape(-1), sample.expected.reshape(-1)
    label = "" if sample.label is None else f", which is a {sample.label}"
    source = printable(sample.source).replace("*/", "* /")
    parts = [f"/* {source}{label}.", *_drawing(sample.values), " */"]
    parts += ["#ifndef SAMPLE_H", "#define SAMPLE_H", "", "#include <Arduino.h>", ""]
    parts += ["/* A real value is (quantized value - zero point) * scale. */"]
    parts += [*_quantization("INPUT", sample.input), *_quantization("OUTPUT", sample.output), ""]
    parts += [f"#define VALUES {values.size}", f"#define SCORES {expected.size}"]
    parts += [f"#define SCORE_DIGITS {sample.digits} /* decimals that are printed */", ""]
    parts += [_array("sample_values", "VALUES", values), ""]
    parts += [f"/* What {sample.reference} answers, computed when this sketch was written. */"]
    parts += [f"#define EXPECTED_CLASS {sample.expected_class}"]
    parts += [f"#define SCORE_TOLERANCE {ctext.number(np.float32(sample.tolerance))}"]
    parts += [_array("expected_scores", "SCORES", expected), "", "#endif", ""]
    return "\n".join(parts)


def _quantization(name: str, tensor: Interface) -> list[str]:
    if tensor.scale <= 0:
        return []
    return [
        f"#define {name}_SCALE {ctext.number(np.float32(tensor.scale))}",
        f"#define {name}_ZERO_POINT ({tensor.zero_point})",
    ]


def _array(name: str, size: str, values: NDArray[Any]) -> str:
    kind = ctext.element_type(values)
    return f"static const {kind} {name}[{size}] PROGMEM = {{\n{ctext.array(values, '    ')}\n}};"


def _drawing(values: NDArray[Any]) -> list[str]:
    """Return the lines of a comment that show a picture of one channel; none for anything else."""
    sides = [side for side in values.shape if side != 1]
    if len(sides) != 2 or max(sides) > _DRAWN:
        return []
    rows = values.reshape(sides)
    low, high = float(rows.min()), float(rows.max())
    level = (rows.astype(np.float64) - low) / ((high - low) or 1.0) * (len(_SHADES) - 1)
    lines = ("".join(2 * _SHADES[round(v)] for v in row).rstrip() for row in level.tolist())
    return [" *", *(f" *     {line}".rstrip() for line in lines)]


def sketch(name: str, library: str, sample: BakedSample) -> str:
    """Return the program over engine ``aot``; ``library`` is the path of its folder, with slash."""
    return _SKETCH.format(
        head=head(name, "TinyProof's engine aot: plain C, no interpreter, weights in flash."),
        library=library,
        baud=BAUD,
        check=check(sample),
        **conversion(sample),
    )


def conversion(sample: BakedSample) -> dict[str, str]:
    """Return how a baked-in value becomes one of the model's inputs: types and expressions in C."""
    quantizes = sample.input.scale > 0 and sample.values.dtype.kind == "f"
    return {
        "input": ctext.C_TYPES[np.dtype(sample.input.dtype).str[1:]],
        "output": ctext.element_type(sample.expected),
        "given": ctext.element_type(sample.values),
        "read": _READ[sample.values.dtype.str[1:]],
        "quantize": QUANTIZE if quantizes else "",
        "value": "quantized(real)" if quantizes else "real",
    }


def head(name: str, engine: str) -> str:
    """Return the sketch's first comment."""
    return f"""\
/* {name}: one sample through the model, its scores on the serial port at {BAUD} baud.
 *
 * Written by `tinyproof sketch`; from here on it is yours. {engine}
 * It prints the scores separated by commas, the class, and whether both are the expected ones.
 */"""


def check(sample: BakedSample) -> str:
    """Return the functions that print scores and hold them against the expected ones."""
    real = "(score - OUTPUT_ZERO_POINT) * OUTPUT_SCALE" if sample.output.scale > 0 else "score"
    return _CHECK.format(
        output=ctext.element_type(sample.expected),
        real=real,
        read=_READ[sample.expected.dtype.str[1:]],
    )


def platformio_ini(environments: Mapping[str, Mapping[str, str]], default: str) -> str:
    """Return ``platformio.ini``: options of each environment, one of which is built by default."""
    parts = [
        "; Written by `tinyproof sketch`; from here on it is yours.",
        ";   pio run -t upload, then pio device monitor",
        f"[platformio]\ndefault_envs = {default}\n",
        f"[env]\nmonitor_speed = {BAUD}\n",
    ]
    for name, options in environments.items():
        lines = [f"{key} = {value}" for key, value in options.items()]
        parts.append("\n".join([f"[env:{name}]", *lines]) + "\n")
    return "\n".join(parts)


_READ = {"i1": "(int8_t)pgm_read_byte", "i4": "(int32_t)pgm_read_dword", "f4": "pgm_read_float"}

QUANTIZE = """
/* Rounds half away from zero and saturates, as LiteRT's QUANTIZE does. */
static int8_t quantized(float real) {
    const long value = lround(real / INPUT_SCALE) + INPUT_ZERO_POINT;

    return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}
"""

_CHECK = """\
static float real_score({output} score) {{
    return {real};
}}

static {output} expected_score(int index) {{
    return {read}(&expected_scores[index]);
}}

static int class_of(const {output} *scores) {{
    int best = 0;

    for (int index = 1; index < SCORES; index++) {{
        if (scores[index] > scores[best]) {{
            best = index;
        }}
    }}
    return best;
}}

static bool as_expected(const {output} *scores) {{
    for (int index = 0; index < SCORES; index++) {{
        const float off = real_score(scores[index]) - real_score(expected_score(index));

        if (!(fabs(off) <= SCORE_TOLERANCE)) {{
            return false;
        }}
    }}
    return class_of(scores) == EXPECTED_CLASS;
}}

static void print_score(int index, {output} score) {{
    if (index != 0) {{
        Serial.print(',');
    }}
    Serial.print(real_score(score), SCORE_DIGITS);
}}

static void report(const {output} *scores) {{
    for (int index = 0; index < SCORES; index++) {{
        print_score(index, scores[index]);
    }}
    Serial.print(F("\\npredicted class: "));
    Serial.println(class_of(scores));
    Serial.print(F("sanity check: expected class "));
    Serial.print(EXPECTED_CLASS);
    Serial.print(F(", scores "));
    for (int index = 0; index < SCORES; index++) {{
        print_score(index, expected_score(index));
    }}
    Serial.println(as_expected(scores) ? F(": OK") : F(": MISMATCH"));
}}
"""

_SKETCH = """\
{head}
#include <Arduino.h>

#include "sample.h"
#include "{library}engine.h"

static {output} scores[SCORES];
static bool ready;
{quantize}
{check}
static bool predict(void) {{
    for (uint16_t index = 0; index < VALUES; index++) {{
        const {given} real = {read}(&sample_values[index]);
        const {input} value = {value};

        tp_engine_write_input((uint32_t)index * sizeof value, (const uint8_t *)&value,
                              sizeof value);
    }}
    if (tp_engine_invoke() != 0) {{
        return false;
    }}
    tp_engine_read_output(0, (uint8_t *)scores, sizeof scores);
    return true;
}}

void setup() {{
    Serial.begin({baud});
    ready = tp_engine_init() == 0;
}}

void loop() {{
    if (ready && predict()) {{
        report(scores);
    }} else {{
        Serial.println(F("The engine failed."));
    }}
    delay(2000);
}}
"""
