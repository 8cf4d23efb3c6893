"""What the firmware takes beside a model's weights and arena, where that was measured. Pure.

Written down from ``tests/bench/avr_flash.py``: the images of small nets for the Uno, to which the
least costs were fitted that keep every estimate at or above its image.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SUMS = ("conv_2d", "depthwise_conv_2d", "fully_connected")
"""Kernels that share how they multiply and add."""
SHARED: Mapping[str, tuple[int, int]] = {"s8": (466, 1058), "f32": (1078, 470)}
"""Element type -> flash of what all kernels share, and of what those of ``SUMS`` share."""
OTHER = (1000, 500)
"""Of a kernel that was not measured; more than most of those that were."""
KERNELS: Mapping[str, tuple[int, int]] = {
    "add_f32": (194, 496),
    "add_s8": (634, 790),
    "average_pool_2d_f32": (744, 714),
    "average_pool_2d_s8": (1229, 93),
    "conv_2d_f32": (1064, 2308),
    "conv_2d_s8": (792, 1790),
    "depthwise_conv_2d_f32": (402, 2014),
    "depthwise_conv_2d_s8": (0, 2786),
    "fully_connected_f32": (274, 626),
    "fully_connected_s8": (346, 327),
    "logistic_f32": (1116, 114),
    "lut_s8": (51, 185),
    "max_pool_2d_f32": (46, 1046),
    "max_pool_2d_s8": (168, 722),
    "mean_f32": (0, 1036),
    "mean_s8": (460, 214),
    "mul_f32": (0, 908),
    "mul_s8": (510, 472),
    "relu_f32": (30, 0),
    "relu_s8": (47, 87),
    "softmax_f32": (1178, 220),
    "softmax_s8": (852, 0),
    "tanh_f32": (1226, 116),
}
"""Kernel -> flash of its own, and what comes on top where a model uses it more than once: the
compiler makes a kernel that is used once for its one shape."""


@dataclass(frozen=True)
class Firmware:
    """What a processor's firmware takes, about; all 0: it was not measured.

    Attributes:
        flash: bytes of the image without kernels.
        ram: bytes of static RAM without an arena.
        stack: bytes to leave for the stack: float32 convolutions of which there are two take it.
    """

    flash: int = 0
    ram: int = 0
    stack: int = 0

    def code(self, kernels: Iterable[str]) -> int:
        """Return the bytes of flash of kernels, such as ``tp_conv_2d_s8``; 0 if not measured."""
        used = Counter(kernel.removeprefix("tp_") for kernel in kernels)
        if not self.flash:
            return 0
        kinds = {kernel.rpartition("_")[2] for kernel in used} & SHARED.keys()
        sums = {kind for kind in kinds if any(f"{name}_{kind}" in used for name in SUMS)}
        return (
            sum(SHARED[kind][0] for kind in kinds)
            + sum(SHARED[kind][1] for kind in sums)
            + sum(_own(kernel, number) for kernel, number in used.items())
        )


def _own(kernel: str, number: int) -> int:
    once, again = KERNELS.get(kernel, OTHER)
    return once + again * (number > 1)


UNKNOWN = Firmware()
FIRMWARE: Mapping[str, Firmware] = {
    "atmega328p": Firmware(8_500, 642, 400),
    "atmega2560": Firmware(10_000, 698, 420),
}
"""By processor; the Mega's kernels are a tenth larger, which is in its flash."""


def firmware_of(processor: str) -> Firmware:
    """Return what is known of a processor, ``Target.mcu``."""
    return FIRMWARE.get(processor, UNKNOWN)
