/* SOFTMAX, float32. */
#include "tp_exp.h"
#include "tp_softmax.h"

static void tp_softmax_row(const float *x, size_t depth, float beta, float *y) {
    float highest = x[0], sum = 0;
    size_t i;

    for (i = 1; i < depth; i++) {
        highest = x[i] > highest ? x[i] : highest;
    }
    for (i = 0; i < depth; i++) {
        y[i] = tp_exp_f32((x[i] - highest) * beta);
        sum += y[i];
    }
    for (i = 0; i < depth; i++) {
        y[i] /= sum;
    }
}

void tp_softmax_f32(const TP_FLASH tp_softmax_f32_t *layer, const float *x, float *y) {
    const size_t depth = layer->depth;
    const float beta = layer->beta;
    size_t rows;

    for (rows = layer->rows; rows != 0; rows--) {
        tp_softmax_row(x, depth, beta, y);
        x += depth;
        y += depth;
    }
}
