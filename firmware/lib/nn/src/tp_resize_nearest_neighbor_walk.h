/* RESIZE_NEAREST_NEIGHBOR, written once for all element types.
 *
 * Included by one source per element type, which defines TP_ELEMENT and TP_RESIZE (the function).
 */
#include <stddef.h>

#include "tp_resize_nearest_neighbor.h"

void TP_RESIZE(const TP_FLASH tp_resize_nearest_neighbor_s8_t *layer, const TP_ELEMENT *x,
               TP_ELEMENT *y) {
    const size_t channels = (size_t)layer->channels;
    const size_t row_elements = (size_t)layer->input_w * channels;
    uint16_t batch;
    int row, column;

    for (batch = 0; batch < layer->batch; batch++) {
        for (row = 0; row < layer->output_h; row++) {
            const TP_ELEMENT *line = x + (size_t)layer->rows[row] * row_elements;

            for (column = 0; column < layer->output_w; column++) {
                const TP_ELEMENT *from = line + (size_t)layer->columns[column] * channels;
                size_t count;

                for (count = channels; count != 0; count--) {
                    *y++ = *from++;
                }
            }
        }
        x += (size_t)layer->input_h * row_elements;
    }
}
