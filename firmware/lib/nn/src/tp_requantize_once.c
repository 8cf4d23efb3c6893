/* Requantization that rounds once. */
#include "tp_requantize.h"

int32_t tp_requantize_once(int32_t value, int32_t multiplier, int8_t shift) {
    int8_t bits = (int8_t)(31 - shift);
    int64_t half = (int64_t)1 << (bits - 1);
    int64_t result = ((int64_t)value * multiplier + half) >> bits;

    if (shift > 0) { /* only then can it be too large */
        result = result < INT32_MIN ? INT32_MIN : result > INT32_MAX ? INT32_MAX : result;
    }
    return (int32_t)result;
}
