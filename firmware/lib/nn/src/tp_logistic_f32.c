/* LOGISTIC, float32. */
#include "tp_exp.h"
#include "tp_logistic.h"

static float tp_logistic(float value) {
    const float power = tp_exp_f32(value < 0 ? value : -value);

    if (value < -9) { /* as LiteRT cuts it off, which is up to 1.2e-4 of it too large */
        return power;
    }
    return (value < 0 ? power : 1) / (1 + power);
}

void tp_logistic_f32(const TP_FLASH tp_logistic_f32_t *layer, const float *x, float *y) {
    size_t count;

    for (count = layer->count; count != 0; count--) {
        const float value = *x++;

        *y++ = tp_logistic(value);
    }
}
