/* Requantization that rounds once. */
#include "tp_requantize.h"

int32_t tp_requantize_once(int32_t value, int32_t multiplier, int8_t shift) {
    int8_t bits = (int8_t)(31 - shift);
    int64_t half = (int64_t)1 << (bits - 1);

    return (int32_t)(((int64_t)value * multiplier + half) >> bits);
}
