/* Constant int8 matrix times vectors. */
#include "tp_dot_s8.h"
#include "tp_finish_s8.h"
#include "tp_matvec.h"

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
            *y++ = tp_finish_s8(matrix, row++, best[lane]);
        }
        weights += lanes * depth;
        left = (uint16_t)(left - lanes);
    }
}
