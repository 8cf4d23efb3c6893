/* MEAN, float32. */
#include "tp_mean.h"

static float tp_mean_finish(const TP_FLASH tp_mean_f32_t *layer, float sum) {
    return sum / ((float)layer->shape.first * (float)layer->shape.second);
}

#define TP_ELEMENT float
#define TP_SUM     float
#define TP_MEAN    tp_mean_f32
#define TP_MEAN_T  tp_mean_f32_t
#include "tp_mean_walk.h"
