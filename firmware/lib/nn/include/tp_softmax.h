/* SOFTMAX over the last dimension: x[rows][depth] to y[rows][depth], which may be the same memory.
 */
#ifndef TP_SOFTMAX_H
#define TP_SOFTMAX_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t rows;
    uint16_t depth; /* 1 to 4095, so 32 bits hold the sum of a row */
    uint16_t size;  /* of the table: 1 to 256 */
    /* exp(-scale * beta * n), 31 fraction bits; 0 from n = size on */
    const TP_FLASH int32_t *table;
} tp_softmax_s8_t;

/* Output has the scale 1/256 and the zero point -128. */
void tp_softmax_s8(const TP_FLASH tp_softmax_s8_t *layer, const int8_t *x, int8_t *y);

typedef struct {
    size_t rows, depth; /* at least 1 */
    float beta;         /* at least 0 */
} tp_softmax_f32_t;

void tp_softmax_f32(const TP_FLASH tp_softmax_f32_t *layer, const float *x, float *y);

#ifdef __cplusplus
}
#endif

#endif
