/* QUANTIZE, int8 to int8. */
#include "tp_requantize.h"
#include "tp_rescale.h"

void tp_rescale_s8(const TP_FLASH tp_rescale_s8_t *layer, const int8_t *x, int8_t *y) {
    size_t count;

    for (count = layer->count; count != 0; count--) {
        int32_t value = *x++ - layer->input_zero;

        value = tp_requantize_twice(value, layer->multiplier, layer->shift);
        *y++ = (int8_t)tp_clamp_s32(tp_add_zero(value, layer->output_zero), INT8_MIN, INT8_MAX);
    }
}
