/* From 32-bit sums back to 8 bits: the only places where quantized results are rounded.
 *
 * Both functions return value * multiplier * 2^(shift - 31), rounded, for a multiplier of 0 or from
 * 2^30 to 2^31 - 1 and a shift from -31 to 30. They differ in the rounding, as LiteRT's kernels do.
 */
#ifndef TP_REQUANTIZE_H
#define TP_REQUANTIZE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t (*tp_requantize_t)(int32_t value, int32_t multiplier, int8_t shift);

/* Rounds twice: the product to its high 32 bits (halves up), then the right shift (halves away from
 * zero). A left shift comes first and wraps. TFLite's MultiplyByQuantizedMultiplier. */
int32_t tp_requantize_twice(int32_t value, int32_t multiplier, int8_t shift);

/* Rounds once: the 64-bit product, halves up; saturates. What LiteRT's fully connected kernel does.
 */
int32_t tp_requantize_once(int32_t value, int32_t multiplier, int8_t shift);

/* Adds a zero point to a requantized value; wraps at the ends of 32 bits, as LiteRT's kernels do.
 */
static inline int32_t tp_add_zero(int32_t value, int32_t zero_point) {
    return (int32_t)((uint32_t)value + (uint32_t)zero_point);
}

/* Limits `value` to [low, high]. */
static inline int32_t tp_clamp_s32(int32_t value, int32_t low, int32_t high) {
    return value < low ? low : value > high ? high : value;
}

#ifdef __cplusplus
}
#endif

#endif
