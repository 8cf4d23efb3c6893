"""The sketch over TensorFlow Lite Micro: the file itself, its operators, a program."""

from __future__ import annotations

import hashlib

from tinyproof.codegen import ctext
from tinyproof.codegen.tflm import resolver_method
from tinyproof.graph import read_graph
from tinyproof.sketch import content
from tinyproof.sketch.content import BakedSample


def sketch(name: str, sample: BakedSample, model: bytes, arena_bytes: int) -> str:
    """Return the program; it needs a TFLM library.

    Args:
        name: of the sketch.
        sample: what it runs on.
        model: the ``.tflite`` file.
        arena_bytes: size of the arena, as TFLM's own allocator gives it.

    Raises:
        UnsupportedModelError: TFLM does not have an operator.
    """
    names = dict.fromkeys(operator.name for operator in read_graph(model).operators)
    adds = [f"    resolver.Add{resolver_method(operator)}();" for operator in names]
    converted = content.conversion(sample)
    return _SKETCH.format(
        head=content.head(name, _ENGINE),
        baud=content.BAUD,
        arena=arena_bytes,
        operators=max(1, len(adds)),
        adds="\n".join(adds),
        check=content.check(sample),
        from_member=_MEMBERS[converted["input"]],
        to_member=_MEMBERS[converted["output"]],
        **converted,
    )


def model_header(model: bytes) -> str:
    """Return ``model.h``: the ``.tflite`` file as an aligned array, and its length."""
    return _MODEL.format(
        sha256=hashlib.sha256(model).hexdigest(),
        size=len(model),
        data=ctext.byte_array(model),
    )


_MEMBERS = {"int8_t": "int8", "int16_t": "i16", "int32_t": "i32", "float": "f"}
"""Members of TFLM's ``TfLitePtrUnion``, by element type."""

_ENGINE = """TensorFlow Lite Micro runs the model:
 * take its library from the Library Manager, tflm_esp32 for ESP32, else Chirale_TensorFLowLite."""

_MODEL = """\
/* Written by `tinyproof sketch`: a .tflite file, byte for byte. */
#ifndef MODEL_H
#define MODEL_H

/* SHA-256 {sha256} */
alignas(16) static const unsigned char model_data[] = {{
{data}
}};
static const unsigned int model_data_len = {size};

#endif
"""

_SKETCH = """\
{head}
#include <Arduino.h>

#if defined(ARDUINO_ARCH_ESP32)
#include <tflm_esp32.h>
#else
#include <Chirale_TensorFlowLite.h>
#endif
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

#include "model.h"
#include "sample.h"

alignas(16) static uint8_t arena[{arena}];
static tflite::MicroMutableOpResolver<{operators}> resolver;
static tflite::MicroInterpreter *interpreter;
static bool ready;
static {output} scores[SCORES];
{quantize}
{check}
static bool predict() {{
    {input} *const inputs = interpreter->input(0)->data.{from_member};

    for (uint16_t index = 0; index < VALUES; index++) {{
        const {given} real = {read}(&sample_values[index]);

        inputs[index] = {value};
    }}
    if (interpreter->Invoke() != kTfLiteOk) {{
        return false;
    }}
    memcpy(scores, interpreter->output(0)->data.{to_member}, sizeof scores);
    return true;
}}

void setup() {{
    Serial.begin({baud});
{adds}
    static tflite::MicroInterpreter made(tflite::GetModel(model_data), resolver, arena,
                                         sizeof arena);
    interpreter = &made;
    ready = made.AllocateTensors() == kTfLiteOk;
}}

void loop() {{
    if (!ready) {{
        Serial.println(F("AllocateTensors failed: is the arena too small?"));
    }} else if (!predict()) {{
        Serial.println(F("Invoke failed."));
    }} else {{
        report(scores);
    }}
    delay(2000);
}}
"""
