/* Requantization that rounds twice. */
#include "tp_requantize.h"

int32_t tp_requantize_twice(int32_t value, int32_t multiplier, int8_t shift) {
    int32_t remainder;
    int32_t mask;

    if (shift > 0) {
        value = (int32_t)((uint32_t)value << shift);
        shift = 0;
    }
    value = (int32_t)(((int64_t)value * multiplier + ((int64_t)1 << 30)) >> 31);
    mask = (int32_t)(((uint32_t)1 << -shift) - 1);
    remainder = value & mask;
    return (value >> -shift) + (remainder > (mask >> 1) + (value < 0));
}
