/* DEQUANTIZE, int8 to float32. */
#include "tp_dequantize.h"

void tp_dequantize_s8(const TP_FLASH tp_dequantize_s8_t *layer, const int8_t *x, float *y) {
    const float scale = layer->scale;
    const int16_t zero_point = layer->zero_point;
    size_t count;

    for (count = layer->count; count != 0; count--) {
        *y++ = scale * (float)(*x++ - zero_point);
    }
}
