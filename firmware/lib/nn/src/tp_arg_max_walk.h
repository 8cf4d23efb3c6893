/* ARG_MAX, written once for all element types.
 *
 * Included by one source per element type, which defines TP_ELEMENT and TP_ARG_MAX (the function).
 */
#include "tp_arg_max.h"

void TP_ARG_MAX(const TP_FLASH tp_arg_max_s8_t *layer, const TP_ELEMENT *x, int32_t *y) {
    const size_t size = layer->size, inner = layer->inner;
    size_t outer, column, position;

    for (outer = layer->outer; outer != 0; outer--) {
        for (column = 0; column < inner; column++) {
            const TP_ELEMENT *from = x + column;
            TP_ELEMENT largest = *from;
            size_t found = 0;

            for (position = 1; position < size; position++) {
                from += inner;
                if (*from > largest) {
                    largest = *from;
                    found = position;
                }
            }
            *y++ = (int32_t)found;
            if (layer->words == 2) {
                *y++ = 0;
            }
        }
        x += size * inner;
    }
}
