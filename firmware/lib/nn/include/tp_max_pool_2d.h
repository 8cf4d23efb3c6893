/* MAX_POOL_2D: x[batch][input_h][input_w][channels] to y[batch][output_h][output_w][channels],
 * which must not overlap. Every window meets at least one element of x.
 */
#ifndef TP_MAX_POOL_2D_H
#define TP_MAX_POOL_2D_H

#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint16_t batch;
    int16_t input_h, input_w, channels;
    int16_t filter_h, filter_w;
    int16_t stride_h, stride_w;
    int16_t pad_h, pad_w; /* above and to the left */
    int16_t output_h, output_w;
    int8_t low, high; /* range of the fused activation */
} tp_max_pool_2d_s8_t;

void tp_max_pool_2d_s8(const TP_FLASH tp_max_pool_2d_s8_t *pool, const int8_t *x, int8_t *y);

typedef struct {
    uint16_t batch;
    int16_t input_h, input_w, channels;
    int16_t filter_h, filter_w;
    int16_t stride_h, stride_w;
    int16_t pad_h, pad_w;
    int16_t output_h, output_w;
    float low, high;
} tp_max_pool_2d_f32_t;

void tp_max_pool_2d_f32(const TP_FLASH tp_max_pool_2d_f32_t *pool, const float *x, float *y);

#ifdef __cplusplus
}
#endif

#endif
