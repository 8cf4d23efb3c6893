/* RELU, RELU6 and RELU_N1_TO_1: x[count] to y[count], which may be the same memory. */
#ifndef TP_RELU_H
#define TP_RELU_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t count;
    int8_t low, high; /* range of the output, whose scale is the input's */
} tp_relu_s8_t;

void tp_relu_s8(const TP_FLASH tp_relu_s8_t *layer, const int8_t *x, int8_t *y);

typedef struct {
    size_t count;
    float low, high;
} tp_relu_f32_t;

void tp_relu_f32(const TP_FLASH tp_relu_f32_t *layer, const float *x, float *y);

#ifdef __cplusplus
}
#endif

#endif
