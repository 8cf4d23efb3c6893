/* MEAN over up to two separate groups of dimensions.
 *
 * x[outer][first][middle][second][inner] to y[outer][middle][inner], which must not overlap; means
 * are taken over `first` and `second`. Dimensions side by side are one here.
 */
#ifndef TP_MEAN_H
#define TP_MEAN_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t outer, first, middle, second, inner; /* at least 1 each */
} tp_mean_shape_t;

typedef struct {
    tp_mean_shape_t shape; /* first * second at most 2^23, so 32 bits hold a sum */
    int32_t bias;          /* -zero point of the input * first * second */
    int32_t multiplier;    /* input scale / output scale / first / second */
    int8_t shift;
    int8_t output_zero;
} tp_mean_s8_t;

void tp_mean_s8(const TP_FLASH tp_mean_s8_t *layer, const int8_t *x, int8_t *y);

typedef struct {
    tp_mean_shape_t shape;
} tp_mean_f32_t;

void tp_mean_f32(const TP_FLASH tp_mean_f32_t *layer, const float *x, float *y);

#ifdef __cplusplus
}
#endif

#endif
