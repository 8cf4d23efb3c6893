/* MEAN, int8. */
#include "tp_mean.h"
#include "tp_requantize.h"

static int8_t tp_mean_finish(const TP_FLASH tp_mean_s8_t *layer, int32_t sum) {
    sum = tp_requantize_twice(sum + layer->bias, layer->multiplier, layer->shift);
    return (int8_t)tp_clamp_s32(sum + layer->output_zero, INT8_MIN, INT8_MAX);
}

#define TP_ELEMENT int8_t
#define TP_SUM     int32_t
#define TP_MEAN    tp_mean_s8
#define TP_MEAN_T  tp_mean_s8_t
#include "tp_mean_walk.h"
