/* HARD_SWISH: x[count] to y[count], which may be the same memory. */
#ifndef TP_HARD_SWISH_H
#define TP_HARD_SWISH_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t count;
} tp_hard_swish_f32_t;

void tp_hard_swish_f32(const TP_FLASH tp_hard_swish_f32_t *layer, const float *x, float *y);

#ifdef __cplusplus
}
#endif

#endif
