/* From a row's sum of products to the int8 output, the same for every int8 matrix. */
#ifndef TP_FINISH_S8_H
#define TP_FINISH_S8_H

#include "tp_matvec.h"

/* Returns the output of `row`, whose products add up to `sum`. */
static inline int8_t tp_finish_s8(const TP_FLASH tp_matvec_s8_t *matrix, size_t row, int32_t sum) {
    size_t scale = matrix->per_channel ? row : 0;
    int32_t value;

    /* Wraps where LiteRT's 32-bit sums wrap: the folded zero point cancels modulo 2^32. */
    value = (int32_t)((uint32_t)sum + (uint32_t)matrix->bias[row]);
    value = matrix->requantize(value, matrix->multiplier[scale], matrix->shift[scale]);
    return (int8_t)tp_clamp_s32(value + matrix->output_zero, matrix->low, matrix->high);
}

#endif
