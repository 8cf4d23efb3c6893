/* FULLY_CONNECTED, float32. */
#include "tp_fully_connected.h"

void tp_fully_connected_f32(const TP_FLASH tp_fully_connected_f32_t *layer, const float *x,
                            float *y) {
    uint16_t batch;

    for (batch = layer->batch; batch != 0; batch--) {
        tp_matvec_f32(&layer->matvec, 0, x, 1, y);
        x += layer->matvec.depth;
        y += layer->matvec.channels;
    }
}
