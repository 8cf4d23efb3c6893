/* Constant int8 matrix times vectors. */
#include "tp_dot_s8.h"
#include "tp_matvec.h"

static int8_t tp_finish(const TP_FLASH tp_matvec_s8_t *matrix, size_t row, int32_t sum) {
    size_t scale = matrix->per_channel ? row : 0;
    int32_t value;

    /* Wraps where LiteRT's 32-bit sums wrap: the folded zero point cancels modulo 2^32. */
    value = (int32_t)((uint32_t)sum + (uint32_t)matrix->bias[row]);
    value = matrix->requantize(value, matrix->multiplier[scale], matrix->shift[scale]);
    return (int8_t)tp_clamp_s32(tp_add_zero(value, matrix->output_zero), matrix->low, matrix->high);
}

void tp_matvec_s8(const TP_FLASH tp_matvec_s8_t *matrix, uint16_t group, const int8_t *x,
                  uint16_t count, int8_t *y) {
    const size_t depth = matrix->depth;
    const uint16_t channels = matrix->channels;
    size_t row = (size_t)group * channels;
    const TP_FLASH int8_t *weights = matrix->weights + row * depth;
    uint16_t left = channels;

    while (left != 0) {
        const uint8_t lanes = left >= 4 ? 4 : 1;
        int32_t best[4], sum[4];
        const int8_t *vector = x;
        uint16_t n = count;
        uint8_t lane;

        if (lanes == 4) {
            tp_dot4_s8(vector, weights, depth, best);
        } else {
            best[0] = tp_dot1_s8(vector, weights, depth);
        }
        while (--n != 0) {
            vector += depth;
            if (lanes == 4) {
                tp_dot4_s8(vector, weights, depth, sum);
            } else {
                sum[0] = tp_dot1_s8(vector, weights, depth);
            }
            for (lane = 0; lane < lanes; lane++) {
                best[lane] = sum[lane] > best[lane] ? sum[lane] : best[lane];
            }
        }
        for (lane = 0; lane < lanes; lane++) {
            *y++ = tp_finish(matrix, row++, best[lane]);
        }
        weights += lanes * depth;
        left = (uint16_t)(left - lanes);
    }
}
