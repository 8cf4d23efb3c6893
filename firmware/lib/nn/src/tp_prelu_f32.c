/* PRELU, float32. */
#include "tp_prelu.h"

void tp_prelu_f32(const TP_FLASH tp_prelu_f32_t *layer, const float *x, float *y) {
    const size_t period = layer->period;
    size_t count, n = 0;

    for (count = layer->count; count != 0; count--) {
        float value = *x++;

        *y++ = value >= 0 ? value : value * layer->alpha[n];
        n = n + 1 == period ? 0 : n + 1;
    }
}
