/* FULLY_CONNECTED, int8. */
#include "tp_fully_connected.h"

void tp_fully_connected_s8(const TP_FLASH tp_fully_connected_s8_t *layer, const int8_t *x,
                           int8_t *y) {
    uint16_t batch;

    for (batch = layer->batch; batch != 0; batch--) {
        tp_matvec_s8(&layer->matvec, 0, x, 1, y);
        x += layer->matvec.depth;
        y += layer->matvec.channels;
    }
}
