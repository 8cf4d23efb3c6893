"""What TensorFlow Lite Micro's reference kernels execute for one inference: what to beat.

Measured once, outside of this repository. x86-64: the kernels as compiled in the PyPI package
``tflite-micro``, as the difference between callgrind runs of several inferences and one, Python's
call included (digits int8: a bare program at -O2). Cortex-M4 with FPU and RV32IMC: TFLM built at
-O2, in QEMU.
"""

TFLM = {
    "digits int8": {"x86-64": 178_795, "cortex-m4": 165_690, "rv32imc": 156_305},
    "digits float32": {"x86-64": 154_003, "cortex-m4": 142_564, "rv32imc": 855_138},
    "image_classification": {"x86-64": 132_412_179, "cortex-m4": 107_500_000},
    "keyword_spotting": {"x86-64": 53_418_951, "cortex-m4": 43_200_000},
    "audio_example1": {"x86-64": 15_656_893},
    "tflite_micro_speech": {"x86-64": 17_605_508},
    "image_example1.float32": {"x86-64": 35_047_344},
}
"""Instructions by model and machine."""
