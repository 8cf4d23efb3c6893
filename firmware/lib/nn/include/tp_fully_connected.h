/* FULLY_CONNECTED: x[batch][matvec.depth] to y[batch][matvec.channels], which must not overlap. */
#ifndef TP_FULLY_CONNECTED_H
#define TP_FULLY_CONNECTED_H

#include "tp_matvec.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    tp_matvec_s8_t matvec;
    uint16_t batch;
} tp_fully_connected_s8_t;

void tp_fully_connected_s8(const TP_FLASH tp_fully_connected_s8_t *layer, const int8_t *x,
                           int8_t *y);

typedef struct {
    tp_matvec_f32_t matvec;
    uint16_t batch;
} tp_fully_connected_f32_t;

void tp_fully_connected_f32(const TP_FLASH tp_fully_connected_f32_t *layer, const float *x,
                            float *y);

#ifdef __cplusplus
}
#endif

#endif
