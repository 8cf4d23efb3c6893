/* DEPTHWISE_CONV_2D, int8. */
#include "tp_depthwise_conv_2d.h"
#include "tp_finish_s8.h"

/* Adds to sum[0..3] the products of four neighbouring channels of x[taps][channels], each with a
 * row of its own, interleaved: rows[taps][4]. At least one tap. */
static void tp_taps4_s8(const int8_t *x, size_t channels, const TP_FLASH int8_t *rows, size_t taps,
                        int32_t *sum) {
    int32_t a = 0, b = 0, c = 0, d = 0;

    do {
        a += (int)x[0] * rows[0];
        b += (int)x[1] * rows[1];
        c += (int)x[2] * rows[2];
        d += (int)x[3] * rows[3];
        x += channels;
        rows += 4;
    } while (--taps != 0);
    sum[0] = a;
    sum[1] = b;
    sum[2] = c;
    sum[3] = d;
}

/* As tp_taps4_s8, for one channel and its row[taps]. */
static int32_t tp_taps1_s8(const int8_t *x, size_t channels, const TP_FLASH int8_t *row,
                           size_t taps) {
    int32_t sum = 0;

    do {
        sum += (int)*x * *row++;
        x += channels;
    } while (--taps != 0);
    return sum;
}

/* As tp_matvec_s8, but x[count][depth][channels], and each row meets its own channel only. */
static void tp_channels_s8(const TP_FLASH tp_matvec_s8_t *matrix, uint16_t group, const int8_t *x,
                           uint16_t count, int8_t *y) {
    const size_t taps = matrix->depth, channels = matrix->channels;
    const TP_FLASH int8_t *weights = matrix->weights;
    size_t row = 0;

    (void)group;
    while (row != channels) {
        const uint8_t lanes = channels - row >= 4 ? 4 : 1;
        int32_t best[4], sum[4];
        const int8_t *from = x++;
        uint16_t n;
        uint8_t lane;

        for (n = 0; n < count; n++) {
            if (lanes == 4) {
                tp_taps4_s8(from, channels, weights, taps, sum);
            } else {
                sum[0] = tp_taps1_s8(from, channels, weights, taps);
            }
            for (lane = 0; lane < lanes; lane++) {
                best[lane] = n == 0 || sum[lane] > best[lane] ? sum[lane] : best[lane];
            }
            from += taps * channels;
        }
        for (lane = 0; lane < lanes; lane++) {
            *y++ = tp_finish_s8(matrix, row++, best[lane]);
        }
        x += lanes - 1;
        weights += lanes * taps;
    }
}

#define TP_ELEMENT int8_t
#define TP_CONV    tp_depthwise_conv_2d_s8
#define TP_CONV_T  tp_depthwise_conv_2d_s8_t
#define TP_MATVEC  tp_channels_s8
#include "tp_conv_2d_walk.h"
