/* The walk of a pooling window over its input, written once for all kinds and element types.
 *
 * Included by sources that define TP_ELEMENT, TP_POOL (the function), TP_POOL_T (its parameters)
 * and tp_pool_window(), which pools the rows [top, bottom) and columns [left, right) of one image.
 */
#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

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
