/* AVERAGE_POOL_2D, float32. */
#include <stddef.h>

#include "tp_average_pool_2d.h"
#include "tp_clamp_f32.h"

/* Writes to y[channels] the averages of rows [top, bottom) and columns [left, right). */
static void tp_pool_window(const TP_FLASH tp_average_pool_2d_f32_t *pool, const float *x, int top,
                           int bottom, int left, int right, float *y) {
    const size_t channels = (size_t)pool->channels;
    const size_t skip = (size_t)(pool->input_w - (right - left)) * channels;
    const float count = (float)((int32_t)(bottom - top) * (right - left));
    size_t channel;

    x += ((size_t)top * (size_t)pool->input_w + (size_t)left) * channels;
    for (channel = 0; channel < channels; channel++) {
        const float *from = x + channel;
        float sum = 0;
        int row, column;

        for (row = top; row < bottom; row++) {
            for (column = left; column < right; column++) {
                sum += *from;
                from += channels;
            }
            from += skip;
        }
        *y++ = tp_clamp_f32(sum / count, pool->low, pool->high);
    }
}

#define TP_ELEMENT float
#define TP_POOL    tp_average_pool_2d_f32
#define TP_POOL_T  tp_average_pool_2d_f32_t
#include "tp_pool_2d_walk.h"
