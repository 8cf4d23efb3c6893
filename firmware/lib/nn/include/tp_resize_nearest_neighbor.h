/* RESIZE_NEAREST_NEIGHBOR: x[batch][input_h][input_w][channels] to
 * y[batch][output_h][output_w][channels], which must not overlap.
 */
#ifndef TP_RESIZE_NEAREST_NEIGHBOR_H
#define TP_RESIZE_NEAREST_NEIGHBOR_H

#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const TP_FLASH int16_t *rows;    /* [output_h], the input's row for each of the output */
    const TP_FLASH int16_t *columns; /* [output_w] */
    uint16_t batch;
    int16_t input_h, input_w, channels;
    int16_t output_h, output_w;
} tp_resize_nearest_neighbor_s8_t;

typedef tp_resize_nearest_neighbor_s8_t tp_resize_nearest_neighbor_f32_t;

void tp_resize_nearest_neighbor_s8(const TP_FLASH tp_resize_nearest_neighbor_s8_t *layer,
                                   const int8_t *x, int8_t *y);
void tp_resize_nearest_neighbor_f32(const TP_FLASH tp_resize_nearest_neighbor_f32_t *layer,
                                    const float *x, float *y);

#ifdef __cplusplus
}
#endif

#endif
