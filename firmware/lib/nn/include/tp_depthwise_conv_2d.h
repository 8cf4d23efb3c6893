/* DEPTHWISE_CONV_2D with one filter per channel, also with the MAX_POOL_2D that follows it. More
 * filters per channel are a CONV_2D with as many groups as channels.
 *
 * As tp_conv_2d.h says, but for the matrix: one row of filter_h * filter_w taps for each channel,
 * which meets that channel alone; in float32 the rows lie plain, one after another. groups is 1,
 * group_channels is input_channels, and `patches` holds pool_h * pool_w * filter_h * filter_w *
 * input_channels elements.
 */
#ifndef TP_DEPTHWISE_CONV_2D_H
#define TP_DEPTHWISE_CONV_2D_H

#include "tp_conv_2d.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef tp_conv_2d_s8_t tp_depthwise_conv_2d_s8_t;

void tp_depthwise_conv_2d_s8(const TP_FLASH tp_depthwise_conv_2d_s8_t *conv, const int8_t *x,
                             int8_t *y, int8_t *patches);

typedef tp_conv_2d_f32_t tp_depthwise_conv_2d_f32_t;

void tp_depthwise_conv_2d_f32(const TP_FLASH tp_depthwise_conv_2d_f32_t *conv, const float *x,
                              float *y, float *patches);

#ifdef __cplusplus
}
#endif

#endif
