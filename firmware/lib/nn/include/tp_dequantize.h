/* DEQUANTIZE from int8 to float32: x[count] to y[count], which must not overlap. */
#ifndef TP_DEQUANTIZE_H
#define TP_DEQUANTIZE_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t count;
    float scale;
    int8_t zero_point;
} tp_dequantize_s8_t;

void tp_dequantize_s8(const TP_FLASH tp_dequantize_s8_t *layer, const int8_t *x, float *y);

#ifdef __cplusplus
}
#endif

#endif
