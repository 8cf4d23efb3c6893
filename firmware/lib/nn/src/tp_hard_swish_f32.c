/* HARD_SWISH, float32. */
#include "tp_clamp_f32.h"
#include "tp_hard_swish.h"

void tp_hard_swish_f32(const TP_FLASH tp_hard_swish_f32_t *layer, const float *x, float *y) {
    size_t count;

    for (count = layer->count; count != 0; count--) {
        const float value = *x++;

        *y++ = value * tp_clamp_f32(value + 3, 0, 6) / 6;
    }
}
