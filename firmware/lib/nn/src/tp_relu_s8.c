/* RELU and its like, int8 of one scale. */
#include "tp_relu.h"

void tp_relu_s8(const TP_FLASH tp_relu_s8_t *layer, const int8_t *x, int8_t *y) {
    const int8_t low = layer->low, high = layer->high;
    size_t count;

    for (count = layer->count; count != 0; count--) {
        int8_t value = *x++;

        *y++ = value < low ? low : value > high ? high : value;
    }
}
