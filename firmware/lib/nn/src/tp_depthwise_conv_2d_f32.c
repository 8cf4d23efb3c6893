/* DEPTHWISE_CONV_2D, float32. */
#include "tp_clamp_f32.h"
#include "tp_depthwise_conv_2d.h"

/* Returns the product of one channel of x[taps][channels] with its row[taps]; at least one tap. */
static float tp_taps_f32(const float *x, size_t channels, const TP_FLASH float *row, size_t taps) {
    float sum = 0;

    do {
        sum += *x * *row++;
        x += channels;
    } while (--taps != 0);
    return sum;
}

/* As tp_matvec_f32, but x[count][depth][channels], each row meets its own channel only, and rows
 * lie plain, one after another. */
static void tp_channels_f32(const TP_FLASH tp_matvec_f32_t *matrix, uint16_t group, const float *x,
                            uint16_t count, float *y) {
    const size_t taps = matrix->depth, channels = matrix->channels;
    const TP_FLASH float *weights = matrix->weights;
    size_t row;

    (void)group;
    for (row = 0; row < channels; row++) {
        const float *from = x + row;
        float best = tp_taps_f32(from, channels, weights, taps);
        uint16_t n;

        for (n = 1; n < count; n++) {
            float sum = tp_taps_f32(from += taps * channels, channels, weights, taps);

            best = sum > best ? sum : best;
        }
        *y++ = tp_clamp_f32(best + matrix->bias[row], matrix->low, matrix->high);
        weights += taps;
    }
}

#define TP_ELEMENT float
#define TP_CONV    tp_depthwise_conv_2d_f32
#define TP_CONV_T  tp_depthwise_conv_2d_f32_t
#define TP_MATVEC  tp_channels_f32
#include "tp_conv_2d_walk.h"
