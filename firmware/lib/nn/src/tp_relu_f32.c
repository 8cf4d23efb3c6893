/* RELU and its like, float32. */
#include "tp_clamp_f32.h"
#include "tp_relu.h"

void tp_relu_f32(const TP_FLASH tp_relu_f32_t *layer, const float *x, float *y) {
    const float low = layer->low, high = layer->high;
    size_t count;

    for (count = layer->count; count != 0; count--) {
        *y++ = tp_clamp_f32(*x++, low, high);
    }
}
