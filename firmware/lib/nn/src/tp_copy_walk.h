/* Copying along a walk, written once for all element types and both memories.
 *
 * Included by one source for each, which defines TP_ELEMENT, TP_COPY (the function) and TP_SOURCE,
 * the qualifiers of what it reads.
 */
#include "tp_copy.h"

/* Copies `count` elements; rows without gaps are the common case and worth a loop of their own. */
static void tp_copy_row(TP_SOURCE TP_ELEMENT *x, ptrdiff_t step_x, TP_ELEMENT *y, ptrdiff_t step_y,
                        size_t count) {
    if (step_x == 1 && step_y == 1) {
        do {
            *y++ = *x++;
        } while (--count != 0);
        return;
    }
    for (;;) {
        *y = *x;
        if (--count == 0) {
            return;
        }
        x += step_x;
        y += step_y;
    }
}

void TP_COPY(const TP_FLASH tp_copy_s8_t *layer, TP_SOURCE TP_ELEMENT *x, TP_ELEMENT *y) {
    const size_t count = layer->walk.count;
    const ptrdiff_t step_x = layer->walk.step_a;
    const ptrdiff_t step_y = layer->walk.step_b;
    size_t index[TP_WALK_OUTER] = {0};

    x += layer->from;
    y += layer->to;
    for (;;) {
        uint8_t axis;

        tp_copy_row(x, step_x, y, step_y, count);
        axis = tp_walk_next(&layer->walk, index);
        if (axis == layer->walk.outer) {
            return;
        }
        x += layer->walk.jump_a[axis];
        y += layer->walk.jump_b[axis];
    }
}
