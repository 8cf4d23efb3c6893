/* Filling with one value, int8. */
#include "tp_fill.h"

void tp_fill_s8(const TP_FLASH tp_fill_s8_t *layer, int8_t *y) {
    const int8_t value = layer->value;
    size_t count;

    for (count = layer->count; count != 0; count--) {
        *y++ = value;
    }
}
