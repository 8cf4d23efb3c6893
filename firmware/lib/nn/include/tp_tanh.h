/* TANH: x[count] to y[count], which may be the same memory. */
#ifndef TP_TANH_H
#define TP_TANH_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t count;
} tp_tanh_f32_t;

void tp_tanh_f32(const TP_FLASH tp_tanh_f32_t *layer, const float *x, float *y);

#ifdef __cplusplus
}
#endif

#endif
