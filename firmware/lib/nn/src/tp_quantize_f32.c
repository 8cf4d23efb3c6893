/* QUANTIZE, float32 to int8. */
#include "tp_quantize.h"

/* Returns `value` rounded, halves away from zero, limited to +-512; NaN gives -512. Without libm:
 * some toolchains for bare metal have none. */
static int16_t tp_round(float value) {
    int16_t whole;
    float rest;

    if (!(value > -512)) {
        return -512;
    }
    if (value > 512) {
        return 512;
    }
    whole = (int16_t)value;
    rest = value - (float)whole; /* exact */
    return (int16_t)(rest >= 0.5f ? whole + 1 : rest <= -0.5f ? whole - 1 : whole);
}

void tp_quantize_f32(const TP_FLASH tp_quantize_f32_t *layer, const float *x, int8_t *y) {
    const float scale = layer->scale;
    const int8_t zero_point = layer->zero_point;
    size_t count;

    for (count = layer->count; count != 0; count--) {
        int16_t value = (int16_t)(tp_round(*x++ / scale) + zero_point);

        *y++ = (int8_t)(value > 127 ? 127 : value < -128 ? -128 : value);
    }
}
