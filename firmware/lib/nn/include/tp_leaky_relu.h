/* LEAKY_RELU: x[count] to y[count], which may be the same memory. */
#ifndef TP_LEAKY_RELU_H
#define TP_LEAKY_RELU_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t count;
    float alpha; /* slope below 0 */
} tp_leaky_relu_f32_t;

void tp_leaky_relu_f32(const TP_FLASH tp_leaky_relu_f32_t *layer, const float *x, float *y);

#ifdef __cplusplus
}
#endif

#endif
