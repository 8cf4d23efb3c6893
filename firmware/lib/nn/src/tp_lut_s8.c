/* Any function of one int8 value, by its table. */
#include "tp_lut.h"

void tp_lut_s8(const TP_FLASH tp_lut_s8_t *layer, const int8_t *x, int8_t *y) {
    const TP_FLASH int8_t *table = layer->table;
    size_t count;

    for (count = layer->count; count != 0; count--) {
        *y++ = table[(uint8_t)(*x++ + 128)];
    }
}
