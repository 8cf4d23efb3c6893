/* MEAN, written once for all element types.
 *
 * Included by one source per element type, which defines TP_ELEMENT, TP_SUM (the type of a sum),
 * TP_MEAN (the function), TP_MEAN_T (its parameters) and tp_mean_finish(), from a sum to an output.
 */
#include "tp_mean.h"

/* Returns the sum over `first` and `second` from `x` on. */
static TP_SUM tp_mean_sum(const TP_FLASH tp_mean_shape_t *shape, const TP_ELEMENT *x) {
    const size_t step = shape->inner, second = shape->second;
    const size_t skip = (shape->middle - 1) * second * step;
    size_t first, n;
    TP_SUM sum = 0;

    for (first = shape->first; first != 0; first--) {
        for (n = second; n != 0; n--) {
            sum += *x;
            x += step;
        }
        x += skip;
    }
    return sum;
}

void TP_MEAN(const TP_FLASH TP_MEAN_T *layer, const TP_ELEMENT *x, TP_ELEMENT *y) {
    const TP_FLASH tp_mean_shape_t *shape = &layer->shape;
    const size_t row = shape->second * shape->inner;
    size_t outer, middle, inner;

    for (outer = shape->outer; outer != 0; outer--) {
        for (middle = 0; middle < shape->middle; middle++) {
            for (inner = 0; inner < shape->inner; inner++) {
                *y++ = tp_mean_finish(layer, tp_mean_sum(shape, x + middle * row + inner));
            }
        }
        x += shape->first * shape->middle * row;
    }
}
