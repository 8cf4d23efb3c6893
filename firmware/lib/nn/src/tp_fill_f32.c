/* Filling with one value, float32. */
#include "tp_fill.h"

void tp_fill_f32(const TP_FLASH tp_fill_f32_t *layer, float *y) {
    const float value = layer->value;
    size_t count;

    for (count = layer->count; count != 0; count--) {
        *y++ = value;
    }
}
