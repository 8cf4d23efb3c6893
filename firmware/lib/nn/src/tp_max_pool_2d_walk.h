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

#include "tp_pool_2d_walk.h"
