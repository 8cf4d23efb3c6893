/* MAX_POOL_2D, written once for all element types.
 *
 * Included by one source per element type, which defines TP_ELEMENT, TP_POOL (the function),
 * TP_POOL_T (its parameters) and TP_LOWEST, no element being smaller.
 */
#include <stddef.h>

#include "tp_max_pool_2d.h"

/* Writes to y[channels] the largest elements of rows [top, bottom) and columns [left, right). */
static void tp_pool_window(const TP_FLASH TP_POOL_T *pool, const TP_ELEMENT *x, int top, int bottom,
                           int left, int right, TP_ELEMENT *y) {
    const int channels = pool->channels;
    int row, column, channel;

    for (channel = 0; channel < channels; channel++) {
        y[channel] = TP_LOWEST;
    }
    for (row = top; row < bottom; row++) {
        const TP_ELEMENT *from =
            x + ((size_t)row * (size_t)pool->input_w + (size_t)left) * (size_t)channels;

        for (column = left; column < right; column++) {
            for (channel = 0; channel < channels; channel++) {
                TP_ELEMENT value = *from++;
                y[channel] = value > y[channel] ? value : y[channel];
            }
        }
    }
    for (channel = 0; channel < channels; channel++) {
        y[channel] = y[channel] < pool->low ? pool->low : y[channel];
        y[channel] = y[channel] > pool->high ? pool->high : y[channel];
    }
}

void TP_POOL(const TP_FLASH TP_POOL_T *pool, const TP_ELEMENT *x, TP_ELEMENT *y) {
    const int height = pool->input_h, width = pool->input_w;
    uint16_t batch;
    int row, column;

    for (batch = 0; batch < pool->batch; batch++) {
        for (row = 0; row < pool->output_h; row++) {
            int top = row * pool->stride_h - pool->pad_h;
            int bottom = top + pool->filter_h < height ? top + pool->filter_h : height;

            for (column = 0; column < pool->output_w; column++) {
                int left = column * pool->stride_w - pool->pad_w;
                int right = left + pool->filter_w < width ? left + pool->filter_w : width;

                tp_pool_window(pool, x, top > 0 ? top : 0, bottom, left > 0 ? left : 0, right, y);
                y += pool->channels;
            }
        }
        x += (size_t)height * (size_t)width * (size_t)pool->channels;
    }
}
