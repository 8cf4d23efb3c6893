/* QUANTIZE from float32 to int8: x[count] to y[count], which must not overlap. */
#ifndef TP_QUANTIZE_H
#define TP_QUANTIZE_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t count;
    float scale; /* above 0 */
    int8_t zero_point;
} tp_quantize_f32_t;

/* Halves are rounded away from zero; values beyond int8 saturate; NaN gives -128. */
void tp_quantize_f32(const TP_FLASH tp_quantize_f32_t *layer, const float *x, int8_t *y);

#ifdef __cplusplus
}
#endif

#endif
