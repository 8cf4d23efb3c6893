/* CONV_2D, also with the MAX_POOL_2D that follows it.
 *
 * Tensors are NHWC: x[batch][input_h][input_w][input_channels] and
 * y[batch][output_h][output_w][groups * matvec.channels]; they must not overlap. `patches` is
 * scratch for pool_h * pool_w * matvec.depth elements. Coordinates, paddings included, fit 16 bits.
 */
#ifndef TP_CONV_2D_H
#define TP_CONV_2D_H

#include "tp_matvec.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint16_t batch;
    int16_t input_h, input_w, input_channels;
    uint16_t groups;            /* parts that the channels are divided into; 1: none */
    int16_t group_channels;     /* input channels of one group */
    int16_t filter_h, filter_w; /* taps */
    int16_t run;                /* neighbouring taps of one filter row that are contiguous in x:
                                   filter_w or, with dilation or groups, 1 */
    int16_t stride_h, stride_w;
    int16_t dilation_h, dilation_w;
    int16_t pad_h, pad_w;   /* above and to the left */
    int16_t conv_h, conv_w; /* positions of the filter */
    int16_t pool_h, pool_w; /* pooling window in positions; 1 x 1: none */
    int16_t pool_stride_h, pool_stride_w;
    int16_t pool_pad_h, pool_pad_w;
    int16_t output_h, output_w; /* after pooling */
} tp_conv_2d_shape_t;

typedef struct {
    tp_matvec_s8_t matvec; /* depth: filter_h * filter_w * group_channels */
    int8_t padding;        /* what lies outside of x: the input's zero point */
    tp_conv_2d_shape_t shape;
} tp_conv_2d_s8_t;

void tp_conv_2d_s8(const TP_FLASH tp_conv_2d_s8_t *conv, const int8_t *x, int8_t *y,
                   int8_t *patches);

typedef struct {
    tp_matvec_f32_t matvec;
    float padding; /* 0 */
    tp_conv_2d_shape_t shape;
} tp_conv_2d_f32_t;

void tp_conv_2d_f32(const TP_FLASH tp_conv_2d_f32_t *conv, const float *x, float *y,
                    float *patches);

#ifdef __cplusplus
}
#endif

#endif
