/* Constant float32 matrix times vectors. */
#include "tp_clamp_f32.h"
#include "tp_matvec.h"

/* Writes to sum[0..lanes-1] the products of x[depth] with rows[depth][lanes], lanes 4 or 1. */
static void tp_dot_f32(const float *x, const TP_FLASH float *rows, size_t depth, uint8_t lanes,
                       float *sum) {
    const float *end = x + depth;
    float a = 0, b = 0, c = 0, d = 0;

    if (lanes == 1) {
        while (x != end) {
            a += *x++ * *rows++;
        }
        sum[0] = a;
        return;
    }
    while (x != end) {
        float value = *x++;
        a += value * rows[0];
        b += value * rows[1];
        c += value * rows[2];
        d += value * rows[3];
        rows += 4;
    }
    sum[0] = a;
    sum[1] = b;
    sum[2] = c;
    sum[3] = d;
}

void tp_matvec_f32(const TP_FLASH tp_matvec_f32_t *matrix, uint16_t group, const float *x,
                   uint16_t count, float *y) {
    const size_t depth = matrix->depth;
    const uint16_t channels = matrix->channels;
    const TP_FLASH float *bias = matrix->bias + (size_t)group * channels;
    const TP_FLASH float *weights = matrix->weights + (size_t)group * channels * depth;
    uint16_t left = channels;

    while (left != 0) {
        const uint8_t lanes = left >= 4 ? 4 : 1;
        float best[4], sum[4];
        uint16_t n;
        uint8_t lane;

        tp_dot_f32(x, weights, depth, lanes, best);
        for (n = 1; n < count; n++) {
            tp_dot_f32(x + n * depth, weights, depth, lanes, sum);
            for (lane = 0; lane < lanes; lane++) {
                best[lane] = sum[lane] > best[lane] ? sum[lane] : best[lane];
            }
        }
        for (lane = 0; lane < lanes; lane++) {
            *y++ = tp_clamp_f32(best[lane] + *bias++, matrix->low, matrix->high);
        }
        weights += lanes * depth;
        left = (uint16_t)(left - lanes);
    }
}
