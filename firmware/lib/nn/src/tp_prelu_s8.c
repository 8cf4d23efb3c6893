/* PRELU, int8. */
#include "tp_prelu.h"
#include "tp_requantize.h"

void tp_prelu_s8(const TP_FLASH tp_prelu_s8_t *layer, const int8_t *x, int8_t *y) {
    const size_t period = layer->period;
    size_t count, n = 0;

    for (count = layer->count; count != 0; count--) {
        int32_t value = *x++ - layer->input_zero;

        if (value >= 0) {
            value = tp_requantize_twice(value, layer->multiplier, layer->shift);
        } else {
            value *= layer->alpha[n] - layer->alpha_zero;
            value = tp_requantize_twice(value, layer->alpha_multiplier, layer->alpha_shift);
        }
        *y++ = (int8_t)tp_clamp_s32(value + layer->output_zero, INT8_MIN, INT8_MAX);
        n = n + 1 == period ? 0 : n + 1;
    }
}
