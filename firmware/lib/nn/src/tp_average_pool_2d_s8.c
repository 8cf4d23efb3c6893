/* AVERAGE_POOL_2D, int8. */
#include <stddef.h>

#include "tp_average_pool_2d.h"
#include "tp_requantize.h"

/* Writes to y[channels] the averages of rows [top, bottom) and columns [left, right). */
static void tp_pool_window(const TP_FLASH tp_average_pool_2d_s8_t *pool, const int8_t *x, int top,
                           int bottom, int left, int right, int8_t *y) {
    const size_t channels = (size_t)pool->channels;
    const size_t skip = (size_t)(pool->input_w - (right - left)) * channels;
    const int32_t count = (int32_t)(bottom - top) * (right - left);
    size_t channel;

    x += ((size_t)top * (size_t)pool->input_w + (size_t)left) * channels;
    for (channel = 0; channel < channels; channel++) {
        const int8_t *from = x + channel;
        int32_t sum = 0;
        int row, column;

        for (row = top; row < bottom; row++) {
            for (column = left; column < right; column++) {
                sum += *from;
                from += channels;
            }
            from += skip;
        }
        sum = (sum + (sum > 0 ? count / 2 : -(count / 2))) / count;
        *y++ = (int8_t)tp_clamp_s32(sum, pool->low, pool->high);
    }
}

#define TP_ELEMENT int8_t
#define TP_POOL    tp_average_pool_2d_s8
#define TP_POOL_T  tp_average_pool_2d_s8_t
#include "tp_pool_2d_walk.h"
