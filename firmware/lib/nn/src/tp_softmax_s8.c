/* SOFTMAX, int8. */
#include "tp_requantize.h"
#include "tp_softmax.h"

/* Returns 2^30 / half, in 31 fraction bits, for half from 2^30 to 2^31 - 1: three steps of Newton's
 * method with 29 fraction bits, as in gemmlowp. */
static int32_t tp_reciprocal(int32_t half) {
    int32_t x = 1515870810 + tp_requantize_twice(half, -1010580540, 0); /* 48/17 - 32/17 half */
    uint8_t step;

    for (step = 0; step < 3; step++) {
        int32_t rest = ((int32_t)1 << 29) - tp_requantize_twice(half, x, 0);

        x += tp_requantize_twice(x, rest, 0) * 4;
    }
    return x >= (int32_t)1 << 30 ? INT32_MAX : x * 2;
}

/* Returns the sum of a row's exponentials, 19 fraction bits. */
static uint32_t tp_sum(const TP_FLASH tp_softmax_s8_t *layer, const int8_t *x, int16_t highest) {
    const int8_t *end = x + layer->depth;
    uint32_t sum = 0;

    while (x != end) {
        uint16_t below = (uint16_t)(highest - *x++);

        if (below < layer->size) {
            sum += ((uint32_t)layer->table[below] + ((uint32_t)1 << 11)) >> 12;
        }
    }
    return sum;
}

static void tp_softmax_row(const TP_FLASH tp_softmax_s8_t *layer, const int8_t *x, int8_t *y) {
    const uint16_t depth = layer->depth;
    int16_t highest = INT8_MIN;
    int8_t shift = -35;
    int32_t scale;
    uint32_t sum;
    uint16_t i;

    for (i = 0; i < depth; i++) {
        highest = x[i] > highest ? x[i] : highest;
    }
    for (sum = tp_sum(layer, x, highest); sum < (uint32_t)1 << 31; sum <<= 1) {
        shift++;
    }
    scale = tp_reciprocal((int32_t)(sum >> 1));
    for (i = 0; i < depth; i++) {
        uint16_t below = (uint16_t)(highest - x[i]);
        int32_t value = 0;

        /* With a shift below -31 all outputs are less than a half; LiteRT aborts there. */
        if (below < layer->size && shift >= -31) {
            value = tp_requantize_twice(layer->table[below], scale, shift);
        }
        y[i] = (int8_t)tp_clamp_s32(value - 128, INT8_MIN, INT8_MAX);
    }
}

void tp_softmax_s8(const TP_FLASH tp_softmax_s8_t *layer, const int8_t *x, int8_t *y) {
    size_t rows;

    for (rows = layer->rows; rows != 0; rows--) {
        tp_softmax_row(layer, x, y);
        x += layer->depth;
        y += layer->depth;
    }
}
