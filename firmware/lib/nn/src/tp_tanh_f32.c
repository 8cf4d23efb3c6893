/* TANH, float32. */
#include "tp_exp.h"
#include "tp_tanh.h"

static float tp_tanh(float value) {
    const float square = value * value;
    float power, result;

    if (square < 0.0625f) { /* the series: 1 - power would lose digits */
        result = 17.0f / 315 - square * (62.0f / 2835);
        result = 2.0f / 15 - square * result;
        result = 1.0f / 3 - square * result;
        return value - value * square * result;
    }
    power = tp_exp_f32(value < 0 ? 2 * value : -2 * value);
    result = (1 - power) / (1 + power);
    return value < 0 ? -result : result;
}

void tp_tanh_f32(const TP_FLASH tp_tanh_f32_t *layer, const float *x, float *y) {
    size_t count;

    for (count = layer->count; count != 0; count--) {
        const float value = *x++;

        *y++ = tp_tanh(value);
    }
}
