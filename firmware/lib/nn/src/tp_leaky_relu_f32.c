/* LEAKY_RELU, float32. */
#include "tp_leaky_relu.h"

void tp_leaky_relu_f32(const TP_FLASH tp_leaky_relu_f32_t *layer, const float *x, float *y) {
    const float alpha = layer->alpha;
    size_t count;

    for (count = layer->count; count != 0; count--) {
        const float value = *x++;

        *y++ = value > 0 ? value : value * alpha;
    }
}
